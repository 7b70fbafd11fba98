// `fleetbridge migrate`: writes .env and subscriptions.yaml for Docker Compose from a configuration of Tesla's Go server,
// and prints what could not be carried over.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError, type GoConfigReading, type Mistake, readGoConfig } from '@fleetbridge/service';
import { migrateGoConfig } from '../migration/index.js';
import { writePrivateFile } from '../private-file.js';
import { type Command, type Invocation, UsageError } from './command.js';

export const migrate: Command = {
  usage: '<config.json> [--directory <folder>] [--force]',
  help: [
    'Reads the configuration file of the Go server and writes the files of an installation with Docker Compose:',
    '',
    '  .env                settings of infra/compose.yaml, with a generated REDIS_PASSWORD',
    '  subscriptions.yaml  the mqtt and kafka dispatchers as subscriptions, if there are any',
    '  <name>-password     the password of a broker, which subscriptions.yaml refers to',
    '',
    'Prints what was carried over, what works differently, what could not be carried over, and what is left to do.',
    'A file with mistakes is not migrated (exit code 2). An existing file is not replaced (exit code 1).',
    '',
    '  --directory <folder>  where to write the files, default: the current folder',
    '  --force               replace existing files',
  ],
  options: { directory: { type: 'string' }, force: { type: 'boolean' } },
  run({ positionals: [file, ...rest], values, print }) {
    if (file === undefined) throw new UsageError('expected the configuration file of the Go server');
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    const reading = readConfig(file);
    if (reading.mistakes.length > 0) throw new ConfigError([...reading.mistakes, ...unknownKeys(reading, file)]);
    const redisPassword = randomBytes(24).toString('hex');
    const migration = migrateGoConfig(reading, { source: basename(file), redisPassword });
    const directory = resolve(typeof values.directory === 'string' ? values.directory : '.');
    const existing = migration.files.map(({ name }) => join(directory, name)).filter((path) => existsSync(path));
    if (existing.length > 0 && values.force !== true) {
      throw new Error(
        `${existing.join(', ')} already exists; use --force to replace, or --directory for another folder`,
      );
    }
    mkdirSync(directory, { recursive: true });
    for (const { name, text } of migration.files) {
      writePrivateFile(join(directory, name), text);
      print(`wrote ${join(directory, name)}`);
    }
    printList('Carried over:', migration.carried, print);
    printList('Works differently:', migration.different, print);
    printList('Not carried over:', migration.lost, print);
    const moved =
      migration.subscriptions.length > 0 ? ['Move subscriptions.yaml into config/ beside compose.yaml.'] : [];
    printList('Next:', [...migration.steps, ...moved, 'Read docs/migration.md, then: docker compose up -d'], print);
    return 0;
  },
};

/** In the list of mistakes too: a key with another name is often their cause. */
function unknownKeys(reading: GoConfigReading, file: string): Mistake[] {
  return reading.unknownKeys.map(({ key, nearest }) => ({
    variable: key,
    problem: `unknown key${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
    source: file,
  }));
}

function printList(title: string, sentences: readonly string[], print: Invocation['print']): void {
  if (sentences.length === 0) return;
  print('');
  print(title);
  for (const sentence of new Set(sentences)) print(`  ${sentence}`);
}

/** Throws `Error` without the file's content, which can contain passwords. */
function readConfig(file: string): GoConfigReading {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${file}: can't be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  try {
    return readGoConfig(JSON.parse(text.replace(/^\uFEFF/, '')), file);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const position = Number(/position (\d+)/.exec(cause.message)?.[1] ?? Number.NaN);
    const line = Number.isNaN(position) ? '' : ` (line ${text.slice(0, position).split('\n').length})`;
    throw new UsageError(`${file}: not valid JSON${line}`);
  }
}
