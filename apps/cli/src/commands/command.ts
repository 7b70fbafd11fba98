// A command of the CLI as data, and the parser of its arguments. A mistake in the arguments is a UsageError, which ends
// with one sentence and exit code 2.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { isVehicleVin, isVin, normalizeVin } from '@fleetbridge/protocol';
import { nearestName } from '@fleetbridge/service';

type Options = NonNullable<ParseArgsConfig['options']>;

/** A command in the table, loaded when it is used: all of them together take half a second. */
export interface CommandEntry {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command> | Command;
}

export interface Command {
  /** The text after the command's name: "vehicle <VIN>". */
  readonly usage: string;
  /** Lines of --help below the usage. */
  readonly help: readonly string[];
  readonly options: Options;
  /** The first arguments that the command knows, for completion in a shell. */
  readonly actions?: readonly string[];
  /** With --json an error is an object on stdout too, as scripts read it. */
  readonly failsAsJson?: boolean;
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

/** The VIN in capitals. Throws `UsageError` for a text that no vehicle has; with `--any` only for one that can't be stored. */
export function vinArgument(text: string, values: Invocation['values'], option = ''): string {
  const where = option === '' ? '' : `${option}: `;
  if (!isVin(text)) throw new UsageError(`${where}expected a VIN, got "${text}"`);
  if (values.any === true || isVehicleVin(text)) return normalizeVin(text);
  throw new UsageError(
    `${where}"${text}" is no VIN: expected 17 letters and digits without I, O and Q (--any accepts it, such as for a simulated vehicle)`,
  );
}

/** `create` for `creat`; the text that names all otherwise. */
export function unknownAction(given: string | undefined, known: readonly string[], expected: string): UsageError {
  if (given === undefined || known.includes(given)) return new UsageError(`expected: ${expected}`);
  const nearest = nearestName(given, known);
  return new UsageError(
    `unknown action "${given}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`} (expected: ${expected})`,
  );
}

const MS_OF = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `2h`, `1d` in milliseconds; undefined for another text. */
export function ageMs(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * MS_OF[unit as keyof typeof MS_OF];
}

/** The entries of an option that takes a comma-separated list and can be repeated. */
export function listOption(given: Invocation['values'][string]): string[] {
  const texts = [given ?? []].flat().filter((text) => typeof text === 'string');
  return texts
    .flatMap((text) => text.split(','))
    .map((name) => name.trim())
    .filter(Boolean);
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
