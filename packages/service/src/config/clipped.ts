// Values as error messages show them.
import { inspect } from 'node:util';

/** A value for a message: quoted, at most 60 characters, without the credentials of a URL. */
export function clipped(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(withoutCredentials(value))
      : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  return text.length <= 60 ? text : `${text.slice(0, 57)}…${typeof value === 'string' ? '"' : ''}`;
}

/**
 * URLs can have a password before the last @, and some services take one in the query. A mistyped URL is often one with
 * unescaped / or ? in its password, so this does not require that the URL parses.
 */
export function withoutCredentials(text: string): string {
  const masked = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
  return masked.includes('://') ? masked.replace(/[?#].*$/s, '?***') : masked;
}
