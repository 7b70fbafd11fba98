// The telemetry configuration that docs/tesla.md prints: an owner pastes it, so each name must be a signal, and the signals
// must be enough for complete frames.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRecord, encodeMessage, Field, timestampOf, type Value } from '@fleetbridge/protocol';
import { emptyState, frameColumns, mergeRecord } from '@fleetbridge/vehicle-state';
import { expect, it } from 'vitest';

type Interval = { interval_seconds: number };

const docs = join(import.meta.dirname, '../../docs');
const page = readFileSync(join(docs, 'tesla.md'), 'utf8');
const fields = JSON.parse(blocks(page, 'json')[0]!) as Record<string, Interval>;
const hasJq = spawnSync('jq', ['--version']).status === 0;

const anyValue: Value = { doubleValue: 50 };
const driving: Record<string, Value> = {
  Location: { locationValue: { latitude: 48.1, longitude: 11.6 } },
  Gear: { stringValue: 'D' },
  DetailedChargeState: { stringValue: 'Disconnected' },
};
const charging: Record<string, Value> = {
  ...driving,
  Gear: { stringValue: 'P' },
  DetailedChargeState: { stringValue: 'Charging' },
};

it.each(readdirSync(docs).filter((file) => file.endsWith('.md')))('the JSON blocks of docs/%s parse', (file) => {
  for (const block of blocks(readFileSync(join(docs, file), 'utf8'), 'json')) JSON.parse(block);
});

it('names known signals only, each with an interval of whole seconds', () => {
  expect(Object.keys(fields).length).toBeGreaterThan(60);
  for (const [name, settings] of Object.entries(fields)) {
    expect(Field, name).toHaveProperty(name);
    expect(name).not.toMatch(/^(?:Unknown|Deprecated|Experimental)/);
    expect(Object.keys(settings)).toEqual(['interval_seconds']);
    expect(settings.interval_seconds).toSatisfy((seconds: number) => Number.isInteger(seconds) && seconds >= 1);
  }
});

it('names no signal twice', () => {
  const names = [...blocks(page, 'json')[0]!.matchAll(/^ {2}"(\w+)":/gm)].map(([, name]) => name);
  expect(names).toEqual(Object.keys(fields));
});

it.each([
  ['a drive', driving, ['Location', 'Gear', 'PackVoltage', 'PackCurrent']],
  ['a charge', charging, ['DetailedChargeState', 'ACChargingPower', 'DCChargingPower']],
])('covers every signal that a frame reads in %s', (_, values, expected) => {
  const { missing, read } = readingsOf(values);
  expect(missing).toEqual([]);
  expect(read).toEqual(expect.arrayContaining(expected));
});

it('fills every column that telemetry can fill', () => {
  const { empty } = readingsOf(driving);
  expect(empty).toEqual(['elevation']);
});

it.runIf(hasJq)('makes the request of the page with the command of the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-tesla-'));
  writeFileSync(join(folder, 'fields.json'), blocks(page, 'json')[0]!);
  writeFileSync(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n');
  const command = /^jq -n [\s\S]*?> request\.json$/m.exec(page)![0];
  const env = { PATH: process.env.PATH, VIN: '5YJ3E1EA7KF000001', TELEMETRY_HOST: 'telemetry.example.com' };
  const { status, stderr } = spawnSync('bash', ['--norc', '-ec', command], { cwd: folder, env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const request = JSON.parse(readFileSync(join(folder, 'request.json'), 'utf8')) as unknown;
  rmSync(folder, { recursive: true });
  expect(request).toEqual({
    vins: ['5YJ3E1EA7KF000001'],
    config: {
      hostname: 'telemetry.example.com',
      port: 4443,
      ca: '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n',
      fields,
      alert_types: ['service'],
      prefer_typed: true,
    },
  });
});

it('has shell blocks that bash can parse', () => {
  for (const block of blocks(page, 'sh')) {
    const { stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
    expect(stderr, block).toBe('');
  }
});

/** A vehicle that sent exactly the printed signals: which signals its frame reads, which of those are missing. */
function readingsOf(values: Record<string, Value>): { read: string[]; missing: string[]; empty: string[] } {
  const state = emptyState();
  const names = Object.keys(fields) as (keyof typeof Field)[];
  const data = names.map((name) => ({ key: Field[name], value: values[name] ?? anyValue }));
  const message = { createdAt: timestampOf(1_000), data };
  mergeRecord(state, { timeMs: 1_000, entryId: '1-0', decoded: decodeRecord('V', encodeMessage('V', message))! });
  const { readings } = state;
  const read = new Set<string>();
  const watched = new Map(readings);
  watched.get = (name: string) => {
    read.add(name);
    return readings.get(name);
  };
  const empty = frameColumns
    .filter(({ from }) => [undefined, ''].includes(from({ ...state, readings: watched }, 1_000) as undefined))
    .map(({ name }) => name);
  const missing = [...read].filter((name) => !readings.has(name) && name in Field);
  return { read: [...read], missing, empty };
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!);
}
