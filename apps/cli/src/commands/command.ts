// A command of the CLI as data, and the parser of its arguments. A mistake in the arguments is a UsageError, which ends
// with one sentence and exit code 2.
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The text after the command's name: "vehicle <VIN>". */
  readonly usage: string;
  /** Lines of --help below the usage. */
  readonly help: readonly string[];
  readonly options: Options;
  /** Returns the exit code, or undefined when the command keeps running and exits the process itself. */
  readonly run: (invocation: Invocation) => Promise<number | undefined> | number | undefined;
}

export interface Invocation {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Prints a line of the result on stdout. */
  readonly print: (line: string) => void;
}

/** A mistake in the arguments; the message names it and what is expected. */
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
    // Node adds advice about `--` after the first sentence, which does not apply to these commands.
    const [sentence = ''] = (cause as Error).message.split('. ');
    throw new UsageError(sentence.replace(/\.$/, ''), { cause });
  }
}

/** The value of a numeric option, at least `min`; undefined when it is not given. Throws `UsageError`. */
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
