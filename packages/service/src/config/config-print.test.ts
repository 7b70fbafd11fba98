import { commaList, durationSeconds, flag, integer, oneOf, port, Secret, secret, url } from '@fleetbridge/settings';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineConfig, loadConfig } from './config.js';
import { describeConfig } from './config-print.js';

const schema = defineConfig({
  PORT: port().default(4443).describe('Where vehicles | clients\nconnect.').meta({ example: '8443' }),
  REDIS_URL: url({ protocols: ['redis'] }).describe('The log.'),
  TOKEN: secret().default(new Secret('hunter2')).describe('Grants access.'),
  WINDOW_SECONDS: durationSeconds().default(900).describe('How long.'),
  RETENTION: integer({ min: 1, unit: 'hours' }).optional().describe('How long too.'),
  TLS: flag().default(true),
  VINS: commaList().default(['A', 'B']),
  MODE: oneOf(['a', 'b']).transform((mode) => mode.toUpperCase()),
  LATE: z.preprocess((given) => given, port().describe('Read late.')),
});

test('a row has the facts of the schema, through every wrapper', () => {
  const rows = Object.fromEntries(describeConfig(schema).map(({ variable, ...row }) => [variable, row]));
  expect(rows).toEqual({
    PORT: {
      expected: 'a port number from 0 to 65535',
      summary: 'port',
      default: '4443',
      example: '8443',
      description: 'Where vehicles | clients\nconnect.',
      secret: false,
      required: false,
    },
    REDIS_URL: {
      expected: 'a URL that starts with redis://',
      summary: 'URL (redis://)',
      description: 'The log.',
      secret: false,
      required: true,
    },
    TOKEN: {
      expected: 'a secret text',
      summary: 'secret',
      default: '***',
      description: 'Grants access.',
      secret: true,
      required: false,
    },
    WINDOW_SECONDS: {
      expected: 'a number of seconds from 0 to 2147483',
      summary: 'number from 0 to 2147483',
      default: '900',
      unit: 'seconds',
      description: 'How long.',
      secret: false,
      required: false,
    },
    RETENTION: {
      expected: 'a whole number, at least 1',
      summary: 'number, at least 1',
      unit: 'hours',
      description: 'How long too.',
      secret: false,
      required: false,
    },
    TLS: {
      expected: 'on or off (true or false, yes or no, 1 or 0)',
      summary: 'on, off',
      default: 'on',
      description: '',
      secret: false,
      required: false,
    },
    VINS: {
      expected: 'a list separated by commas',
      summary: 'comma-separated list',
      default: 'A,B',
      description: '',
      secret: false,
      required: false,
    },
    MODE: { expected: 'one of a, b', summary: 'a, b', description: '', secret: false, required: true },
    LATE: {
      expected: 'a port number from 0 to 65535',
      summary: 'port',
      description: 'Read late.',
      secret: false,
      required: true,
    },
  });
});

test('a default is written as it can be set', () => {
  for (const { variable, default: standard, secret: isSecret } of describeConfig(schema)) {
    if (standard === undefined || isSecret) continue;
    const required = { REDIS_URL: 'redis://h', MODE: 'a', LATE: '1' };
    const values = (env: Record<string, string>): Record<string, unknown> =>
      loadConfig(schema, { env: { ...required, ...env } }).config;
    expect(values({ [variable]: standard })[variable]).toEqual(values({})[variable]);
  }
});

test('effective values are printed without secrets and without the password of a URL', () => {
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
