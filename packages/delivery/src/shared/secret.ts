// Passwords and tokens of a definition, which may only name where they are.
import { readFileSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A secret is named that is not there. */
export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** `env:NAME`, `file:/path`, or the text itself. Throws SecretMissing. */
export function secretText(given: string, env: Environment): string {
  if (given.startsWith('env:')) {
    const name = given.slice(4);
    const value = env[name];
    if (value === undefined || value === '') throw new SecretMissing(`the variable ${name} is not set`);
    return value;
  }
  if (!given.startsWith('file:')) return given;
  const path = given.slice(5);
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new SecretMissing(`${path} can't be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
