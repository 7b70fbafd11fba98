// Values as error messages show them.
import { inspect } from 'node:util';

/** A given value as a message may show it: quoted, at most 60 characters, without the credentials of a URL. */
export function clipped(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(withoutCredentials(value))
      : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  return text.length <= 60 ? text : `${text.slice(0, 57)}…${typeof value === 'string' ? '"' : ''}`;
}

export function withoutCredentials(text: string): string {
  const masked = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
  return masked.includes('://') ? masked.replace(/[?#].*$/s, '?***') : masked;
}
