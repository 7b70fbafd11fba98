import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, createLogger, formatConfigError } from '@fleetbridge/service';
import { afterAll, describe, expect, it } from 'vitest';
import { loadIngestConfig, reportConfigFile } from './load-config.js';

const directory = mkdtempSync(path.join(tmpdir(), 'fleetbridge-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const required = { REDIS_URL: 'redis://127.0.0.1:6379', ALLOWED_VINS: '*' };
let files = 0;

function write(content: object | string): string {
  const file = path.join(directory, `config-${files++}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function failure(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return formatConfigError(error).split('\n').slice(1);
    throw error;
  }
  return [];
}

describe("the Go server's file", () => {
  it.each([
    ['INGEST_CONFIG', (file: string) => ({ env: { INGEST_CONFIG: file } })],
    ['--config', (file: string) => ({ argv: ['--config', file] })],
    ['-config', (file: string) => ({ argv: ['-config', file] })],
    ['-config=', (file: string) => ({ argv: [`-config=${file}`] })],
    ['--config before INGEST_CONFIG', (file: string) => ({ env: { INGEST_CONFIG: '/x' }, argv: ['--config', file] })],
  ])('is read by %s', (_, sources) => {
    const { env = {}, argv = [] }: { env?: object; argv?: string[] } = sources(write({ port: 5555 }));
    expect(loadIngestConfig({ env: { ...required, ...env }, argv }).config.INGEST_PORT).toBe(5555);
  });

  it("defaults to Tesla's vehicles, unless the file or the environment sets another bundle", () => {
    const bundle = (content: object, env: object = {}) =>
      loadIngestConfig({ env: { ...required, ...env }, argv: ['--config', write(content)] }).config.INGEST_CA_BUNDLE;
    expect(bundle({})).toBe('production');
    expect(bundle({ use_default_eng_ca: true })).toBe('engineering');
    expect(bundle({}, { INGEST_CA_BUNDLE: 'development' })).toBe('development');
    expect(loadIngestConfig({ env: required }).config.INGEST_CA_BUNDLE).toBe('development');
  });

  it('has priority over the defaults, and the environment over the file', () => {
    const file = write({ port: 1, namespace: 'tesla', log_level: 'debug' });
    const { config } = loadIngestConfig({ env: { ...required, INGEST_PORT: '2' }, argv: ['-config', file] });
    expect(config).toMatchObject({ INGEST_PORT: 2, NAMESPACE: 'tesla', LOG_LEVEL: 'debug', INGEST_ADMIN_PORT: 8081 });
  });

  it('has its mistakes in one list with those of the environment, under its own keys', () => {
    const file = write({ port: 'x', namespace: 'a b', records: { 'no topic': ['redis'] } });
    expect(
      failure(() => loadIngestConfig({ env: { ...required, MAX_CONNECTIONS: '-1' }, argv: ['-config', file] })),
    ).toEqual([
      `  port: expected a port number from 0 to 65535, got "x" (${file})`,
      `  namespace: expected letters, digits, dot, dash or underscore, got "a b" (${file})`,
      '  MAX_CONNECTIONS: expected a whole number, at least 0, got "-1" (environment)',
      expect.stringMatching(/^ {2}records: expected topics of letters/),
    ]);
  });

  it('that is unusable is one mistake, which shows nothing of its content', () => {
    const load = (file: string) => failure(() => loadIngestConfig({ env: required, argv: ['--config', file] }));
    expect(load('/no/such.json')).toEqual([
      '  INGEST_CONFIG: expected a file that can be read (ENOENT) (/no/such.json)',
    ]);
    const broken = load(write('{\n "redis": {"password": "hunter2" oh}\n}'));
    expect(broken).toEqual([expect.stringMatching(/^ {2}INGEST_CONFIG: not valid JSON/)]);
    expect(broken.join()).not.toContain('hunter2');
  });

  it('has unknown keys in the list of mistakes, with the key that was probably meant', () => {
    const load = (content: object) =>
      failure(() => loadIngestConfig({ env: required, argv: ['-config', write(content)] }));
    const rate_limit = { enabled: true, message_limit: 1000, message_interval_time_seconds: 30 };
    expect(load({ reliable_ack: true, rate_limit, metrics: { port: 8443 } })).toEqual([
      expect.stringMatching(/^ {2}rate_limit\.message_interval_time: must be at least 1/),
      expect.stringMatching(
        /^ {2}rate_limit\.message_interval_time_seconds: unknown key; did you mean rate_limit\.message_interval_time\?/,
      ),
      expect.stringMatching(/^ {2}metrics: unknown key/),
    ]);
    expect(load({ prot: 1, port: 'x', tls: { server_crt: '/c' } })).toEqual([
      expect.stringMatching(/^ {2}port: expected a port number/),
      expect.stringMatching(/^ {2}prot: unknown key; did you mean port\?/),
      expect.stringMatching(/^ {2}tls\.server_crt: unknown key; did you mean tls\.server_cert\?/),
    ]);
  });

  it('can begin with a byte order mark', () => {
    const file = write('\uFEFF{ "host": "0.0.0.0", "port": 4443, "records": { "V": ["logger"] } }');
    expect(loadIngestConfig({ env: required, argv: ['-config', file] }).config.INGEST_HOST).toBe('0.0.0.0');
  });

  it.each([
    [
      'UTF-16, as Notepad and PowerShell write it',
      Buffer.from('\uFEFF{"port":1}', 'utf16le'),
      'UTF-16; save it as UTF-8',
    ],
    ['two objects', Buffer.from('\uFEFF{"port":1}\n{}'), 'line 2'],
  ])('of another encoding or form is one mistake: %s', (_, bytes, problem) => {
    const file = write('');
    writeFileSync(file, bytes);
    expect(failure(() => loadIngestConfig({ env: required, argv: ['-config', file] }))).toEqual([
      expect.stringContaining(problem),
    ]);
  });

  it('that is a folder is called so', () => {
    expect(failure(() => loadIngestConfig({ env: { ...required, INGEST_CONFIG: directory } }))).toEqual([
      expect.stringMatching(/^ {2}INGEST_CONFIG: expected a file that can be read \(it is a folder; Docker makes one/),
    ]);
  });

  it('is reported in the log: unsupported keys as warnings, different ones as information, typos with the nearest key', () => {
    const file = write({ hots: 'x', kinesis: {}, kafka: {} });
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
    reportConfigFile(
      loadIngestConfig({ env: required, argv: ['--config', file] }),
      createLogger({ name: 'ingest', destination }),
    );
    expect(lines.at(-1)).toMatchObject({ keys: [expect.stringMatching(/^kafka: ./)] });
    expect(lines.map(({ event, level, key, nearest }) => [event, level, key, nearest])).toEqual([
      ['config_file_read', 'info', undefined, undefined],
      ['config_key_unknown', 'warn', 'hots', 'host'],
      ['config_key_ignored', 'warn', 'kinesis', undefined],
      ['config_keys_replaced', 'info', undefined, undefined],
    ]);
  });
});

it('rejects unknown arguments', () => {
  expect(failure(() => loadIngestConfig({ env: required, argv: ['--confg', 'x'] }))[0]).toMatch(/argument --confg/);
  expect(failure(() => loadIngestConfig({ env: required, argv: ['--config'] }))).toEqual([
    '  --config: expected the path of a file after it',
  ]);
});
