// How a kind of value is made: text in, a typed value or one "expected …" sentence out.
import { z } from 'zod';

/** What `meta()` of a value can hold beside zod's own `description`. */
export interface ValueMeta {
  /** Continues "expected …": "a port number from 0 to 65535". */
  expected?: string;
  /** The same for a column of a table: "port". */
  summary?: string;
  unit?: string;
  example?: string;
  secret?: boolean;
}

/** A schema that reads a value's text; `read` returns undefined for text that is not of this kind. */
export function value<T>(
  {
    keepBlanks = false,
    hint = () => undefined,
    ...meta
  }: ValueMeta & {
    expected: string;
    keepBlanks?: boolean;
    /** What to change in a text that `read` rejects. */
    hint?: (text: string) => string | undefined;
  },
  read: (text: string) => T | undefined,
) {
  return z
    .unknown()
    .transform((given, context): T => {
      const text = asText(given);
      const result = text === undefined ? undefined : read(keepBlanks ? text : text.trim());
      if (result !== undefined) return result;
      const remedy = text === undefined ? undefined : (leftoverOf(text.trim()) ?? hint(text.trim()));
      const message = `expected ${meta.expected}${remedy === undefined ? '' : `; ${remedy}`}`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({ ...meta });
}

/** Quotes or a semicolon that a shell would have removed: what to do, or undefined. */
export function leftoverOf(text: string): string | undefined {
  if (text.length > 1 && /^(["']).*\1;?$/s.test(text)) return 'the quotes are part of the value; remove them';
  return /[^;];$/.test(text) ? 'the semicolon at the end is part of the value; remove it' : undefined;
}

// A file has 4443, true or [a, b] where the environment can only have "4443", "true" and "a,b".
function asText(given: unknown): string | undefined {
  if (Array.isArray(given)) {
    const items = given.map(asText);
    return items.includes(undefined) ? undefined : items.join(',');
  }
  if (typeof given === 'string') return given;
  return typeof given === 'number' || typeof given === 'boolean' ? String(given) : undefined;
}
