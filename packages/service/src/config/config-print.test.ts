import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineConfig, loadConfig } from './config.js';
import { describeConfig, markdownTable } from './config-print.js';
import { commaList, durationSeconds, flag, integer, oneOf, port, secret, url } from './config-values.js';
import { Secret } from './secret.js';

const schema = defineConfig({
  PORT: port().default(4443).describe('Where vehicles | clients\nconnect.').meta({ example: '8443' }),
  REDIS_URL: url({ protocols: ['redis'] }).describe('The log.'),
  TOKEN: secret().default(new Secret('hunter2')).describe('Opens the door.'),
  WINDOW_SECONDS: durationSeconds().default(900).describe('How long.'),
  RETENTION: integer({ min: 1, unit: 'hours' }).optional().describe('How long too.'),
  TLS: flag().default(true),
  VINS: commaList().default(['A', 'B']),
  MODE: oneOf(['a', 'b']).transform((mode) => mode.toUpperCase()),
  LATE: z.preprocess((given) => given, port().describe('Read late.')),
});

test('a row has what the schema says, through every wrapping', () => {
  const rows = Object.fromEntries(describeConfig(schema).map(({ variable, ...row }) => [variable, row]));
  expect(rows).toEqual({
    PORT: {
      expected: 'a port number from 0 to 65535',
      default: '4443',
      example: '8443',
      description: 'Where vehicles | clients\nconnect.',
      secret: false,
      required: false,
    },
    REDIS_URL: { expected: 'a URL that starts with redis://', description: 'The log.', secret: false, required: true },
    TOKEN: { expected: 'a secret text', default: '***', description: 'Opens the door.', secret: true, required: false },
    WINDOW_SECONDS: {
      expected: 'a number of seconds from 0 to 2147483',
      default: '900',
      unit: 'seconds',
      description: 'How long.',
      secret: false,
      required: false,
    },
    RETENTION: {
      expected: 'a whole number, at least 1',
      unit: 'hours',
      description: 'How long too.',
      secret: false,
      required: false,
    },
    TLS: {
      expected: 'on or off (true or false, yes or no, 1 or 0)',
      default: 'on',
      description: '',
      secret: false,
      required: false,
    },
    VINS: { expected: 'a list separated by commas', default: 'A,B', description: '', secret: false, required: false },
    MODE: { expected: 'one of a, b', description: '', secret: false, required: true },
    LATE: { expected: 'a port number from 0 to 65535', description: 'Read late.', secret: false, required: true },
  });
});

test('a default is written as one could set it', () => {
  for (const { variable, default: standard, secret: isSecret } of describeConfig(schema)) {
    if (standard === undefined || isSecret) continue;
    const required = { REDIS_URL: 'redis://h', MODE: 'a', LATE: '1' };
    const values = (env: Record<string, string>): Record<string, unknown> =>
      loadConfig(schema, { env: { ...required, ...env } }).config;
    expect(values({ [variable]: standard })[variable]).toEqual(values({})[variable]);
  }
});

test('the values in force are printed without secrets and without the password of a URL', () => {
  const env = { REDIS_URL: 'redis://:hunter2@h:6379', TOKEN: 'hunter2', MODE: 'a', LATE: '0', TLS: 'no' };
  const rows = describeConfig(schema, loadConfig(schema, { env }).config);
  expect(JSON.stringify(rows)).not.toContain('hunter2');
  expect(rows.map(({ variable, value }) => `${variable}=${value}`)).toEqual([
    'PORT=4443',
    'REDIS_URL=redis://***@h:6379',
    'TOKEN=***',
    'WINDOW_SECONDS=900',
    'RETENTION=undefined',
    'TLS=off',
    'VINS=A,B',
    'MODE=A',
    'LATE=0',
  ]);
});

test('the table has a line a variable, and nothing in a cell breaks it', () => {
  const lines = markdownTable(describeConfig(schema)).trimEnd().split('\n');
  expect(lines).toHaveLength(2 + 9);
  expect(lines[0]).toBe('| Variable | Value | Default | Meaning |');
  expect(lines[2]).toBe('| `PORT` | a port number from 0 to 65535 | `4443` | Where vehicles \\| clients connect. |');
  expect(lines[3]).toBe('| `REDIS_URL` | a URL that starts with redis:// | **required** | The log. |');
  expect(lines[4]).toBe('| `TOKEN` | a secret text; or `TOKEN_FILE` | `***` | Opens the door. |');
  expect(lines[6]).toBe('| `RETENTION` | a whole number, at least 1 (hours) |  | How long too. |');
});
