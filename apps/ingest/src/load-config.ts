// The configuration from everywhere it can come from: the environment over the Go server's file over the defaults. All
// that is wrong in any of them is one list, in the words of whoever wrote it: a variable of ours, or a key of the file.
import { readFileSync } from 'node:fs';
import { ConfigError, type Logger, loadConfig, type Mistake, type UnknownVariable } from '@fleetbridge/service';
import { type IngestConfig, ingestConfig } from './config.js';
import { type GoConfigReading, readGoConfig } from './go-server/index.js';

export interface LoadedConfig extends Pick<GoConfigReading, 'notices' | 'unknownKeys'> {
  config: IngestConfig;
  warnings: UnknownVariable[];
  /** The Go server's configuration file, when there is one. */
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
    for (const found of error.mistakes) {
      const key = found.source === file ? reading?.keys[found.variable] : undefined;
      mistakes.push(key === undefined ? found : { ...found, variable: key });
    }
  }
  if (loaded === undefined || mistakes.length > 0) throw new ConfigError(mistakes);
  return { ...loaded, file, notices: reading?.notices ?? [], unknownKeys: reading?.unknownKeys ?? [] };
}

/** All at once, at the start: what the file asks for and does not get, or gets in another way. */
export function reportConfigFile(
  { file, notices, unknownKeys }: Pick<LoadedConfig, 'file' | 'notices' | 'unknownKeys'>,
  log: Logger,
): void {
  if (file === undefined) return;
  log.info({ file }, 'config_file_read');
  for (const unknown of unknownKeys) log.warn({ file, ...unknown }, 'config_key_unknown');
  for (const { key, isLoss, sentence } of notices) {
    if (isLoss) log.warn({ key, remedy: sentence }, 'config_key_not_served');
    else log.info({ key, remedy: sentence }, 'config_key_differs');
  }
}

/** The argument as Go's flags are written (-config x, --config=x); what is typed for this start goes before INGEST_CONFIG. */
function fileOf(env: Readonly<Record<string, string | undefined>>, argv: readonly string[]) {
  const mistakes: Mistake[] = [];
  let file = env.INGEST_CONFIG?.trim() || undefined;
  for (let at = 0; at < argv.length; at++) {
    const [, isConfig, value] = /^--?(config)(?:=(.*))?$/.exec(argv[at]!) ?? [];
    const path = value ?? argv[at + 1];
    if (isConfig === undefined) {
      mistakes.push({ variable: `argument ${argv[at]}`, problem: 'expected nothing but --config <file>' });
    } else if (path === undefined || path === '') {
      mistakes.push({ variable: '--config', problem: 'expected the path of a file behind it' });
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
  });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    return failed(`expected a file that can be read (${code})`);
  }
  try {
    return readGoConfig(JSON.parse(text), file);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // The message quotes the text around it, where there may be a password; the line is enough.
    const position = Number(/position (\d+)/.exec(cause.message)?.[1] ?? Number.NaN);
    const line = Number.isNaN(position) ? '' : `; line ${text.slice(0, position).split('\n').length} is not`;
    return failed(`expected JSON${line}`);
  }
}
