// A command of the CLI as data, and how its arguments are read. Everything a user can mistype ends here, as one sentence
// and exit code 2.
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the command's name: "vehicle <VIN>". */
  readonly usage: string;
  /** Lines of --help, beneath the usage. */
  readonly help: readonly string[];
  readonly options: Options;
  /** The exit code, or nothing when the command goes on by itself and ends the process when it is done. */
  readonly run: (invocation: Invocation) => Promise<number | undefined> | number | undefined;
}

export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** A line on stdout: what the command was asked for. */
  readonly print: (line: string) => void;
}

/** The arguments make no sense; the message says which and what is expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Throws `UsageError`. */
export function readArguments(args: readonly string[], options: Options): Pick<Invocation, 'values' | 'positionals'> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
    return { values, positionals };
  } catch (cause) {
    // Node adds advice about `--` after the first sentence, which fits none of our commands.
    const [sentence = ''] = (cause as Error).message.split('. ');
    throw new UsageError(sentence.replace(/\.$/, ''), { cause });
  }
}

/** An option that is a number of at least `min`. Throws `UsageError`. */
export function numberOption(
  values: Invocation['values'],
  name: string,
  { min, isWhole = false }: { min: number; isWhole?: boolean },
): number | undefined {
  const text = values[name];
  if (typeof text !== 'string') return undefined;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (number >= min && Number.isFinite(number) && (!isWhole || Number.isInteger(number))) return number;
  throw new UsageError(`--${name}: expected a ${isWhole ? 'whole ' : ''}number of at least ${min}, got "${text}"`);
}
