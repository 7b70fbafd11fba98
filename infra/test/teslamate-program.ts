// The real TeslaMate: a built checkout (TESLAMATE_DIR), run with `mix` on a database of its own.
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort } from '@fleetbridge/testing';

const run = promisify(execFile);
const STARTED = /Start \/ :(online|offline|asleep)/;
const DATABASE = 'fleetbridge_test';

export interface TeslaMateOptions {
  /** The checkout, compiled with MIX_ENV=prod. */
  readonly directory: string;
  /** A PostgreSQL server and a user that may create databases: `postgres://user:password@host:port`. */
  readonly server: string;
  /** For its log and caches. */
  readonly folder: string;
  /** The block that `fleetbridge teslamate create` prints. */
  readonly environment: Readonly<Record<string, string>>;
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface TeslaMateProgram {
  isRunning(): boolean;
  /** From the moment on when it had read its cars. */
  log(): string;
  query<Row>(sql: string): Promise<Row[]>;
}

/** Creates the database, which remains afterwards, for a look at it. */
export async function startTeslaMate(options: TeslaMateOptions, cleanUp: (() => unknown)[]): Promise<TeslaMateProgram> {
  const { directory, server, folder } = options;
  const { hostname, port, username, password } = new URL(server);
  const psql = async (database: string, sql: string) => {
    const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', `${server}/${database}`, '-c', sql], {
      maxBuffer: 100_000_000,
    });
    return stdout.trim();
  };
  await psql('postgres', `drop database if exists ${DATABASE} with (force)`);
  await psql('postgres', `create database ${DATABASE}`);

  mkdirSync(join(folder, 'tzdata'), { recursive: true });
  const env = {
    ...process.env,
    MIX_ENV: 'prod',
    DATABASE_USER: username,
    DATABASE_PASS: password === '' ? 'none' : password,
    DATABASE_HOST: hostname,
    DATABASE_PORT: port,
    DATABASE_NAME: DATABASE,
    DISABLE_MQTT: 'true',
    ENCRYPTION_KEY: 'a key of the test, not a secret.',
    HTTP_BINDING_ADDRESS: '127.0.0.1',
    PORT: String(await freePort()),
    SECRET_KEY_BASE: '0123456789'.repeat(7),
    SIGNING_SALT: '01234567',
    SRTM_CACHE: join(folder, 'srtm'),
    TZDATA_DIR: join(folder, 'tzdata'),
    ...options.environment,
  };
  await run('mix', ['ecto.migrate'], { cwd: directory, env });

  const { accessToken, refreshToken } = options;
  const signIn = `TeslaMate.Api.sign_in(%TeslaMate.Auth.Tokens{access: "${accessToken}", refresh: "${refreshToken}"})`;
  const child = spawn('mix', ['run', '--no-halt', '-e', signIn], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const file = createWriteStream(join(folder, 'teslamate.log'));
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      file.write(text);
    });
  }
  cleanUp.push(() => child.kill('SIGKILL'));
  await eventually(() => child.exitCode !== null || STARTED.test(log), 120_000);
  if (child.exitCode !== null) throw new Error(log);
  return {
    isRunning: () => child.exitCode === null && child.signalCode === null,
    log: () => log.slice(log.search(STARTED)),
    query: async (sql) => JSON.parse(await psql(DATABASE, `select coalesce(json_agg(r), '[]') from (${sql}) r`)),
  };
}
