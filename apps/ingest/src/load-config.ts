// The configuration from all its sources: the environment over the Go server's file over the defaults. Mistakes of all
// sources are one list. Each has the name that the user wrote: a variable, or a key of the file.
import { readFileSync } from 'node:fs';
import {
  ConfigError,
  type GoConfigReading,
  type Logger,
  loadConfig,
  type Mistake,
  readGoConfig,
  type UnknownVariable,
  unreadable,
} from '@fleetbridge/service';
import { type IngestConfig, ingestConfig } from './config.js';

export interface LoadedConfig extends Pick<GoConfigReading, 'notices' | 'unknownKeys'> {
  config: IngestConfig;
  warnings: UnknownVariable[];
  /** The path of the Go server's configuration file. */
  file: string | undefined;
}

/** `argv` without the script's name. Throws ConfigError. */
export function loadIngestConfig({
  env,
  argv = [],
}: {
  env: Readonly<Record<string, string | undefined>>;
  argv?: readonly string[];
}): LoadedConfig {
  const { file, mistakes } = fileOf(env, argv);
  const reading = file === undefined ? undefined : readFile(file);
  mistakes.push(...(reading?.mistakes ?? []));
  // In the list of mistakes too: a key with another name is often their cause.
  const unusual: UnknownVariable[] = (reading?.unknownKeys ?? []).map(({ key, nearest }) => ({
    variable: key,
    problem: `unknown key${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
    source: file ?? '',
  }));
  let loaded: Pick<LoadedConfig, 'config' | 'warnings'> | undefined;
  try {
    loaded = loadConfig(ingestConfig, {
      env,
      prefixes: ['INGEST_'],
      ...(reading === undefined || file === undefined
        ? {}
        : { fileValues: { source: file, values: { INGEST_CA_BUNDLE: 'production', ...reading.values } } }),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    unusual.push(...error.warnings);
    for (const found of error.mistakes) {
      const key = found.source === file ? reading?.keys[found.variable] : undefined;
      mistakes.push(key === undefined ? found : { ...found, variable: key });
    }
  }
  if (loaded === undefined || mistakes.length > 0) throw new ConfigError(mistakes, unusual);
  return { ...loaded, file, notices: reading?.notices ?? [], unknownKeys: reading?.unknownKeys ?? [] };
}

/** Logs at startup which keys of the file are unknown, not supported, or have a different effect. */
export function reportConfigFile(
  { file, notices, unknownKeys }: Pick<LoadedConfig, 'file' | 'notices' | 'unknownKeys'>,
  log: Logger,
): void {
  if (file === undefined) return;
  log.info({ file }, 'config_file_read');
  for (const unknown of unknownKeys) log.warn({ file, ...unknown }, 'config_key_unknown');
  for (const { key, isLoss, sentence } of notices) {
    if (isLoss) log.warn({ key, remedy: sentence }, 'config_key_ignored');
  }
  // Most files have several of these, and they need no action.
  const replaced = notices.filter(({ isLoss }) => !isLoss).map(({ key, sentence }) => `${key}: ${sentence}`);
  if (replaced.length > 0) log.info({ keys: replaced }, 'config_keys_replaced');
}

/** The argument in the forms of Go's flags (-config x, --config=x). It has priority over INGEST_CONFIG. */
function fileOf(env: Readonly<Record<string, string | undefined>>, argv: readonly string[]) {
  const mistakes: Mistake[] = [];
  let file = env.INGEST_CONFIG?.trim() || undefined;
  for (let at = 0; at < argv.length; at++) {
    const [, isConfig, value] = /^--?(config)(?:=(.*))?$/.exec(argv[at]!) ?? [];
    const path = value ?? argv[at + 1];
    if (isConfig === undefined) {
      mistakes.push({ variable: `argument ${argv[at]}`, problem: 'unknown argument; expected --config <file>' });
    } else if (path === undefined || path === '') {
      mistakes.push({ variable: '--config', problem: 'expected the path of a file after it' });
    } else {
      file = path;
      if (value === undefined) at++;
    }
  }
  return { file, mistakes };
}

function readFile(file: string): GoConfigReading {
  const failed = (problem: string): GoConfigReading => ({
    values: {},
    keys: {},
    notices: [],
    mistakes: [{ variable: 'INGEST_CONFIG', problem, source: file }],
    unknownKeys: [],
    dispatchers: [],
    isDecoded: false,
  });
  let text: string;
  try {
    const bytes = readFileSync(file);
    // Windows writes byte order marks: one of UTF-8 is skipped.
    if (/^(fffe|feff)/.test(bytes.toString('hex', 0, 2)))
      return failed('not valid JSON: it is UTF-16; save it as UTF-8');
    text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    return failed(`expected a file that can be read (${unreadable(cause)})`);
  }
  try {
    return readGoConfig(JSON.parse(text), file);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // The message of JSON.parse quotes the text, which can contain a password. The line number is enough.
    const position = Number(/position (\d+)/.exec(cause.message)?.[1] ?? Number.NaN);
    const line = Number.isNaN(position) ? '' : ` (line ${text.slice(0, position).split('\n').length})`;
    return failed(`not valid JSON${line}`);
  }
}
