import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commaList, flag, integer, oneOf, port, type Secret, secret, text, url } from '@fleetbridge/settings';
import { afterAll, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { type ConfigOf, type ConfigSources, defineConfig, loadConfig } from './config.js';
import { formatConfigError, formatUnknownVariable } from './config-print.js';
import { ConfigError, type Mistake } from './errors.js';

const directory = mkdtempSync(join(tmpdir(), 'service-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const schema = defineConfig(
  {
    INGEST_PORT: port().default(4443).describe('Where vehicles connect.'),
    REDIS_URL: url({ protocols: ['redis', 'rediss'] }),
    INGEST_WORKERS: integer({ min: 1, max: 64 }).default(1),
    INGEST_TLS: flag().default(true),
    INGEST_CERT: text().optional(),
    INGEST_TOKEN: secret().optional(),
    ALLOWED_VINS: commaList().default([]),
    MODE: oneOf(['fast', 'safe']).default('safe'),
  },
  {
    checks: ({ INGEST_TLS, INGEST_CERT }) =>
      INGEST_TLS === true && INGEST_CERT === undefined
        ? [{ variable: 'INGEST_CERT', problem: 'must be set when INGEST_TLS is on' }]
        : [],
  },
);

function mistakesOf(sources: ConfigSources): readonly Mistake[] {
  try {
    loadConfig(schema, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

const good = { REDIS_URL: 'redis://localhost:6379', INGEST_CERT: 'a.pem' };

describe('a valid configuration', () => {
  test('has the types of its schema and the defaults of unset variables', () => {
    const { config } = loadConfig(schema, { env: good });
    expectTypeOf(config).toEqualTypeOf<ConfigOf<typeof schema>>();
    expectTypeOf(config.INGEST_PORT).toEqualTypeOf<number>();
    expectTypeOf(config.MODE).toEqualTypeOf<'fast' | 'safe'>();
    expectTypeOf(config.INGEST_TOKEN).toEqualTypeOf<Secret | undefined>();
    expect(config).toEqual({
      INGEST_PORT: 4443,
      REDIS_URL: 'redis://localhost:6379',
      INGEST_WORKERS: 1,
      INGEST_TLS: true,
      INGEST_CERT: 'a.pem',
      ALLOWED_VINS: [],
      MODE: 'safe',
    });
  });

  test('prefers the environment to the file and the file to the default', () => {
    const fileValues = {
      source: 'config.yaml',
      values: { INGEST_PORT: 1, INGEST_WORKERS: 2, ALLOWED_VINS: ['A', 'B'] },
    };
    const { config } = loadConfig(schema, { env: { ...good, INGEST_PORT: '3' }, fileValues });
    expect(config).toMatchObject({ INGEST_PORT: 3, INGEST_WORKERS: 2, ALLOWED_VINS: ['A', 'B'], MODE: 'safe' });
  });

  test('counts empty or blank text, and null in a file, as unset', () => {
    const fileValues = { source: 'config.yaml', values: { INGEST_WORKERS: null, INGEST_TOKEN_FILE: '' } };
    const { config } = loadConfig(schema, { env: { ...good, INGEST_PORT: '', MODE: ' ' }, fileValues });
    expect(config).toMatchObject({ INGEST_PORT: 4443, MODE: 'safe', INGEST_WORKERS: 1 });
    expect(config).not.toHaveProperty('INGEST_TOKEN');
  });

  test('ignores names that every object inherits', () => {
    const inherited = defineConfig({ constructor: text().default('none') });
    expect(loadConfig(inherited, { env: {} }).config.constructor).toBe('none');
  });
});

describe('mistakes', () => {
  test('are listed all at once, each with its problem, value and source', () => {
    const mistakes = mistakesOf({
      env: { INGEST_PORT: 'banana', INGEST_CERT: 'a.pem', MODE: 'quick' },
      fileValues: { source: 'config.yaml', values: { INGEST_WORKERS: 0 } },
    });
    expect(mistakes).toEqual([
      {
        variable: 'INGEST_PORT',
        problem: 'expected a port number from 0 to 65535',
        got: '"banana"',
        source: 'environment',
      },
      { variable: 'REDIS_URL', problem: 'not set; expected a URL that starts with redis:// or rediss://' },
      { variable: 'INGEST_WORKERS', problem: 'expected a whole number from 1 to 64', got: '0', source: 'config.yaml' },
      { variable: 'MODE', problem: 'expected one of fast, safe', got: '"quick"', source: 'environment' },
    ]);
  });

  test('between variables are in the same list as those of single variables', () => {
    const variables = mistakesOf({ env: { INGEST_PORT: 'banana' } }).map(({ variable }) => variable);
    expect(variables).toEqual(['INGEST_PORT', 'REDIS_URL', 'INGEST_CERT']);
  });

  test('that follow from another mistake are left out', () => {
    const dependent = defineConfig(
      { A: integer() },
      { checks: ({ A }) => (A === undefined ? [{ variable: 'A', problem: 'must be more than B' }] : []) },
    );
    expect(() => loadConfig(dependent, { env: { A: 'x' } })).toThrow(
      expect.objectContaining({ mistakes: [expect.objectContaining({ problem: 'expected a whole number' })] }),
    );
  });

  test('of a refinement keep its message', () => {
    const even = defineConfig({ A: integer().refine((a) => a % 2 === 0, 'must be even'), B: z.array(z.string()) });
    expect(() => loadConfig(even, { env: { A: '3' }, fileValues: { source: 'f', values: { B: ['a', 1] } } })).toThrow(
      expect.objectContaining({
        mistakes: [
          expect.objectContaining({ variable: 'A', problem: 'must be even' }),
          expect.objectContaining({ variable: 'B', problem: expect.stringMatching(/string.* at 1$/) }),
        ],
      }),
    );
  });

  test('show at most sixty characters, without the password of a URL', () => {
    const got = (value: string) => mistakesOf({ env: { ...good, REDIS_URL: value } })[0]?.got;
    expect(got('http://user:hunter2@host')).toBe('"http://***@host"');
    expect(got('redis:hunter2@host')).toBe('"***@host"');
    expect(got('http://:hun/te?r2@host/0?password=hunter2')).toBe('"http://***@host/0?***"');
    expect(got('x'.repeat(500))).toHaveLength(59);
  });

  test('print as lines under one heading', () => {
    const error = new ConfigError(mistakesOf({ env: { ...good, REDIS_URL: '', INGEST_PORT: 'banana' } }));
    expect(formatConfigError(error)).toBe(
      [
        'The configuration has 2 mistakes:',
        '  INGEST_PORT: expected a port number from 0 to 65535, got "banana" (environment)',
        '  REDIS_URL: not set; expected a URL that starts with redis:// or rediss://',
      ].join('\n'),
    );
    expect(error.message).toContain('INGEST_PORT, REDIS_URL');
  });
});

describe('a secret', () => {
  test('comes from the file that X_FILE names, without the newline at its end', () => {
    const path = written('token', ' s3cret \n');
    const { config, warnings } = loadConfig(schema, {
      env: { ...good, INGEST_TOKEN_FILE: path },
      prefixes: ['INGEST_'],
    });
    expect(config.INGEST_TOKEN?.reveal()).toBe(' s3cret ');
    expect(warnings).toEqual([]);
  });

  test('from the environment has priority over the file of values, under either name', () => {
    const path = written('token', 'by file');
    const fileValues = { source: 'config.yaml', values: { INGEST_TOKEN: 'in yaml' } };
    const token = (env: Record<string, string>) =>
      loadConfig(schema, { env: { ...good, ...env }, fileValues }).config.INGEST_TOKEN?.reveal();
    expect(token({})).toBe('in yaml');
    expect(token({ INGEST_TOKEN_FILE: path })).toBe('by file');
    expect(token({ INGEST_TOKEN: 'direct' })).toBe('direct');
  });

  test('that is set under both names in one source is a mistake that shows neither', () => {
    const mistakes = mistakesOf({
      env: { ...good, INGEST_TOKEN: 'hunter2', INGEST_TOKEN_FILE: written('token', 'x') },
    });
    expect(mistakes).toEqual([
      {
        variable: 'INGEST_TOKEN',
        problem: 'set twice, here and by INGEST_TOKEN_FILE; remove one of them',
        source: 'environment',
      },
    ]);
  });

  test('with a missing or empty file is a mistake like any other', () => {
    const missing = join(directory, 'missing');
    expect(mistakesOf({ env: { ...good, INGEST_PORT: 'x', INGEST_TOKEN_FILE: missing } })).toMatchObject([
      { variable: 'INGEST_PORT' },
      { variable: 'INGEST_TOKEN_FILE', problem: expect.stringContaining('ENOENT'), source: 'environment' },
    ]);
    expect(mistakesOf({ env: { ...good, INGEST_TOKEN_FILE: written('empty', '\n') } })).toMatchObject([
      { variable: 'INGEST_TOKEN_FILE', problem: 'the file is empty' },
    ]);
  });

  test('never appears in a mistake about it', () => {
    const picky = defineConfig({ TOKEN: secret().refine((token) => token.reveal().length >= 16, 'too short') });
    const load = () => loadConfig(picky, { env: { TOKEN: 'hunter2' } });
    expect(load).toThrow(
      expect.objectContaining({ mistakes: [{ variable: 'TOKEN', problem: 'too short', source: 'environment' }] }),
    );
  });

  test('does not use X_FILE when the schema has a variable of that name', () => {
    const own = defineConfig({ KEY: secret().optional(), KEY_FILE: text().optional() });
    const { config } = loadConfig(own, { env: { KEY_FILE: '/nowhere/key.pem' } });
    expect(config).toEqual({ KEY_FILE: '/nowhere/key.pem' });
  });
});

describe('unknown variables', () => {
  test('with a known prefix are returned with the nearest known name', () => {
    const { warnings } = loadConfig(schema, {
      env: { ...good, INGEST_PROT: '1', INGEST_SOMETHING_ELSE: '1', OTHER_PROT: '1' },
      fileValues: { source: 'config.yaml', values: { INGEST_WORKER: 2 } },
      prefixes: ['INGEST_'],
    });
    expect(warnings).toEqual([
      { variable: 'INGEST_PROT', nearest: 'INGEST_PORT', source: 'environment' },
      { variable: 'INGEST_SOMETHING_ELSE', source: 'environment' },
      { variable: 'INGEST_WORKER', nearest: 'INGEST_WORKERS', source: 'config.yaml' },
    ]);
    expect(warnings.map(formatUnknownVariable).slice(0, 2)).toEqual([
      'INGEST_PROT: not a known variable; did you mean INGEST_PORT? (environment)',
      'INGEST_SOMETHING_ELSE: not a known variable (environment)',
    ]);
  });

  test('without a known prefix are returned if they are almost a known name, and no variable of another process is', () => {
    const env = { ...good, ALOWED_VINS: 'x', INGEST_PROT: '1', PATH: '/bin', STREAMING_PORT: '1', PORTS: 'z' };
    expect(loadConfig(schema, { env }).warnings).toEqual([
      { variable: 'ALOWED_VINS', nearest: 'ALLOWED_VINS', source: 'environment' },
      { variable: 'INGEST_PROT', nearest: 'INGEST_PORT', source: 'environment' },
    ]);
  });

  test('are in the list of mistakes, whose cause they can be', () => {
    const load = () => loadConfig(schema, { env: { INGEST_CERT: 'a.pem', ALOWED_VINS: 'x' } });
    expect(load).toThrow(ConfigError);
    try {
      load();
    } catch (error) {
      expect(
        formatConfigError(error as ConfigError)
          .split('\n')
          .slice(1),
      ).toEqual([
        expect.stringMatching(/^ {2}REDIS_URL: /),
        '  ALOWED_VINS: not a known variable; did you mean ALLOWED_VINS? (environment)',
      ]);
    }
  });
});

test.each([
  ['"abc"', 'the quotes are part of the value; remove them'],
  ["'abc'", 'the quotes are part of the value; remove them'],
  ['abc;', 'the semicolon at the end is part of the value; remove it'],
])('%s: the rest of a shell script in a value is returned as a warning', (value, problem) => {
  const { warnings } = loadConfig(schema, { env: { ...good, INGEST_CERT: value } });
  expect(warnings).toEqual([{ variable: 'INGEST_CERT', problem, source: 'environment' }]);
  expect(mistakesOf({ env: { ...good, MODE: value } })).toMatchObject([{ problem: expect.stringContaining(problem) }]);
});

test('a secret in a file can begin with a byte order mark', () => {
  const env = { ...good, INGEST_TOKEN_FILE: written('bom', '\uFEFFhunter2\r\n') };
  expect(loadConfig(schema, { env }).config.INGEST_TOKEN?.reveal()).toBe('hunter2');
});

function written(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
