// Passwords and tokens of a definition, which may refer to a variable or a file.
import { readFileSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable or file of a secret is missing. */
export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** `env:NAME`, `file:/path`, or the text itself. Throws SecretMissing. */
export function secretText(setting: string, env: Environment): string {
  if (setting.startsWith('env:')) {
    const name = setting.slice(4);
    const value = env[name];
    if (value === undefined || value === '') throw new SecretMissing(`the variable ${name} is not set`);
    return value;
  }
  if (!setting.startsWith('file:')) return setting;
  const path = setting.slice(5);
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF|\r?\n$/g, '');
  } catch (cause) {
    throw new SecretMissing(`${path} can't be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
