// One environment variable: its value, what it means, and the processes that read it.
import type { z } from 'zod';

/** `up` is `npm start` and `fleetbridge up`, which also start the four servers; `cli` is every other command. */
export type Process = 'ingest' | 'dispatcher' | 'streaming' | 'gateway' | 'up' | 'cli';

/** Where one process accepts other values than the rest. */
export interface Override {
  readonly value: z.ZodType;
  /** Why the variable can't be the same everywhere: a sentence for docs/configuration.md. */
  readonly reason: string;
}

export type Overrides = { readonly [P in Process]?: Override };

// biome-ignore lint/complexity/noBannedTypes: a setting without overrides has no keys here
export interface Setting<Value extends z.ZodType, Reader extends Process, Other extends Overrides = {}> {
  readonly value: Value;
  readonly readBy: readonly Reader[];
  readonly overrides: Other;
  /** What does not fit a line of a table: Markdown for docs/configuration.md. */
  readonly details?: string;
}

/** `description` is for tables, one sentence or two; `details` has what is longer. */
// biome-ignore lint/complexity/noBannedTypes: as above
export function setting<Value extends z.ZodType, const Reader extends Process, const Other extends Overrides = {}>({
  value,
  readBy,
  description,
  details,
  example,
  overrides,
}: {
  value: Value;
  readBy: readonly Reader[];
  description: string;
  details?: string;
  example?: string;
  overrides?: Other;
}): Setting<Value, Reader, Other> {
  const described = <Schema extends z.ZodType>(schema: Schema): Schema =>
    schema.meta({ ...schema.meta(), description, ...(example === undefined ? {} : { example }) });
  const others = Object.entries(overrides ?? {}).map(
    ([process, other]) => [process, { ...other, value: described(other.value) }] as const,
  );
  return {
    value: described(value),
    readBy,
    overrides: Object.fromEntries(others) as Other,
    ...(details === undefined ? {} : { details }),
  };
}
