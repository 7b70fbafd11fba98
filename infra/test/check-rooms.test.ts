// The layout check of lint on small trees: each kind of violation, and a tree without one.
import { expect, it } from 'vitest';

const { checkRooms } = (await import(new URL('../scripts/check-rooms.mjs', import.meta.url).href)) as {
  checkRooms: (files: Map<string, string>) => string[];
};

const socket = 'apps/ingest/src/socket';

it('accepts rooms that import through the index, downwards, and packages that they may use', () => {
  expect(
    check({
      'apps/ingest/src/main.ts': "import { receive } from './socket/index.js';",
      [`${socket}/index.ts`]: "export * from './receive.js';",
      [`${socket}/receive.ts`]:
        "import { admit } from '../admission/index.js';\nimport { x } from '@fleetbridge/store';",
      [`${socket}/receive.test.ts`]: "import { admit } from '../admission/list.js';",
      'apps/ingest/src/admission/index.ts': "export { admit } from './list.js';",
      'apps/ingest/src/admission/list.ts': "import { config } from '../config.js';",
      'apps/ingest/src/config.ts': '',
    }),
  ).toEqual([]);
});

it('reports an import past the index of a room', () => {
  expect(
    check({
      'apps/ingest/src/main.ts': "import { receive } from './socket/receive.js';",
      [`${socket}/receive.ts`]: '',
    }),
  ).toEqual([expect.stringContaining(`apps/ingest/src/main.ts: imports ${socket}/receive.ts past`)]);
});

it('reports a room with more than 20 source files, tests not counted', () => {
  const files = (count: number, ending: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${socket}/f${index}${ending}`, '']));
  expect(check({ ...files(20, '.ts'), ...files(5, '.test.ts') })).toEqual([]);
  expect(check(files(21, '.ts'))).toEqual([expect.stringContaining(`${socket}: 21 source files`)]);
});

it('reports an import from a lower layer to a higher one', () => {
  expect(
    check({
      'apps/ingest/src/admission/list.ts': "import { receive } from '../socket/index.js';",
      [`${socket}/index.ts`]: '',
    }),
  ).toEqual([expect.stringContaining('room admission may not import room socket')]);
});

it('reports a room that is in no layer', () => {
  expect(
    check({
      'apps/ingest/src/attic/index.ts': "import { receive } from '../socket/index.js';",
      [`${socket}/index.ts`]: '',
    }),
  ).toEqual([expect.stringContaining('apps/ingest/src/attic: not in any layer')]);
});

it('puts a room that no layer names into the layer of all others', () => {
  const kinds = {
    'packages/delivery/src/definition/index.ts': '',
    'packages/delivery/src/webhook/index.ts': "import { x } from '../shared/index.js';",
    'packages/delivery/src/shared/index.ts': '',
  };
  expect(check(kinds)).toEqual([]);
  const upwards = { 'packages/delivery/src/webhook/kind.ts': "import { y } from '../definition/index.js';" };
  expect(check({ ...kinds, ...upwards })).toEqual([
    expect.stringContaining('room webhook may not import room definition'),
  ]);
});

it('reports an import of a workspace that the architecture forbids', () => {
  expect(check({ 'packages/protocol/src/a.ts': "import { x } from '@fleetbridge/store';" })).toEqual([
    expect.stringContaining('packages/protocol may not import @fleetbridge/store'),
  ]);
});

it('reports a workspace that the architecture does not name', () => {
  expect(check({ 'packages/attic/src/a.ts': '' })).toEqual([expect.stringContaining('packages/attic: not in')]);
});

it('reports files that import each other, a type import and a dynamic import included', () => {
  expect(
    check({
      [`${socket}/a.ts`]: "import type { B } from './b.js';",
      [`${socket}/b.ts`]: "const c = await import('./c.js');",
      [`${socket}/c.ts`]: "export { a } from './a.js';",
    }),
  ).toEqual([`import cycle: ${socket}/a.ts → ${socket}/b.ts → ${socket}/c.ts → ${socket}/a.ts`]);
});

function check(files: Record<string, string>): string[] {
  return checkRooms(new Map(Object.entries(files)));
}
