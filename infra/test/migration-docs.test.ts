// The tables and examples of docs/migration.md against the code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDefinition } from '@fleetbridge/delivery';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/migration.md');
const rows = [...page.slice(page.indexOf('### Metrics')).matchAll(/^\| (`.*) \| (.*) \|$/gm)].map(([, old, now]) => ({
  old: namesIn(old!),
  now: namesIn(now!),
}));

it('starts with the steps, and the first one is a command', () => {
  const [, steps] = /^## From Tesla's Go server\n([\s\S]*?)^### /m.exec(page)!;
  expect(steps).toMatch(/\n1\. [\s\S]*?```sh\n.*fleetbridge -- migrate /);
});

it("lists every metric of the Go server's protocol page, once", () => {
  const known = namesIn(read('docs/protocol/vehicle.md').split('## Metrics')[1]!.split('\n\n')[1]!);
  expect(known.length).toBeGreaterThan(15);
  expect(rows.flatMap(({ old }) => old).sort()).toEqual(known.sort());
});

it('names metrics that exist', () => {
  const code = ['apps/ingest/src', 'apps/dispatcher/src'].flatMap(sources).join('\n');
  const kept = rows.filter(({ now }) => now.length === 0).flatMap(({ old }) => old);
  const named = [...kept, ...rows.flatMap(({ now }) => now)].filter((name) => name !== 'SIGNAL_COUNT_VINS');
  expect(named.length).toBeGreaterThan(15);
  for (const name of named) {
    const ofSubscriptions = name.replace(/^fleetbridge_subscription_/, '');
    expect(code.includes(`'${name}'`) || code.includes(`'${ofSubscriptions}'`), name).toBe(true);
  }
});

it('has an example per dispatcher that the dispatcher accepts', () => {
  const example = /^```yaml\n([\s\S]*?)^```/m.exec(page)![1]!;
  const { subscriptions } = parse(example) as { subscriptions: { name: string }[] };
  expect(subscriptions.map(({ name }) => name)).toEqual(['mqtt', 'kafka', 'pubsub']);
  for (const definition of subscriptions) {
    const checked = checkDefinition(definition, '');
    expect('mistakes' in checked ? checked.mistakes : []).toEqual([]);
  }
});

/** Names in code spans, without their labels. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/`([A-Za-z_]+)(?:\{[^`]*\})?`/g)].map(([, name]) => name!);
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.test)\.ts$/.test(file))
    .map((file) => read(join(folder, file)));
}
