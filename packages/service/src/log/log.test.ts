import { Secret } from '@fleetbridge/settings';
import { expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from './log.js';
import { prettyLine } from './log-pretty.js';

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const log = createLogger({ name: 'ingest', destination: { write: (line) => void lines.push(line) }, ...options });
  return { log, lines, entries: () => lines.map((line): Record<string, unknown> => JSON.parse(line)) };
}

test('a line has the event, the level by name, the app, the pid and an ISO time', () => {
  const { log, entries } = capture();
  log.info({ vin: 'V1', token: new Secret('hunter2') }, 'vehicle_connected');
  expect(entries()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      app: 'ingest',
      pid: process.pid,
      vin: 'V1',
      token: '***',
      event: 'vehicle_connected',
    },
  ]);
});

test('an error keeps its cause and both stacks', () => {
  const { log, entries } = capture();
  log.error({ err: new Error('outer', { cause: new TypeError('inner') }) }, 'append_failed');
  expect(entries()[0]?.err).toMatchObject({
    type: 'Error',
    message: 'outer',
    stack: expect.stringContaining('log.test'),
    cause: { type: 'TypeError', message: 'inner', stack: expect.stringContaining('log.test') },
  });
});

test('events below the level are not written', () => {
  const { log, lines } = capture({ level: 'warn' });
  log.info('quiet');
  log.warn('loud');
  expect(lines).toHaveLength(1);
});

test('the pretty format shows time, level, app, event, fields and stacks', () => {
  const { log, lines } = capture({ format: 'pretty' });
  log.info({ vin: 'V1', duration_ms: 3, why: 'two words', ports: { ws: 1 } }, 'vehicle_connected');
  log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'append_failed');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}ingest vehicle_connected vin=V1 duration_ms=3 why="two words" ports=\{"ws":1\}\n$/,
  );
  expect(lines[1]).toMatch(/ERROR ingest append_failed\n {4}Error: outer\n(.*\n)* {4}caused by Error: inner\n/);
});

test('a value from the network cannot control the terminal', () => {
  const { log, lines } = capture({ format: 'pretty' });
  const hostile = '\u001b[2J\n\u009b31m\u202e';
  log.warn({ [hostile]: hostile, err: new Error(hostile) }, hostile);
  expect(lines.join('').replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('JSON lines cannot control the terminal either, and keep their values', () => {
  const { log, lines, entries } = capture();
  const hostile = '\u009b31m\u007f\u202e';
  log.warn({ [hostile]: hostile }, 'x');
  expect(lines[0]).not.toMatch(/[^ -~\n]/);
  expect(entries()[0]).toMatchObject({ [hostile]: hostile });
});

test('colours are optional, and a line that is not JSON stays unchanged', () => {
  expect(prettyLine('{"level":"warn","event":"x"}\n', { colour: true })).toContain('\u001b[33mWARN \u001b[0m');
  expect(prettyLine('not json\n', { colour: false })).toBe('not json\n');
});
