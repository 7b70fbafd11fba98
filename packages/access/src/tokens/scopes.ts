// What a token may be used for. A grant lists its scopes; one without a list (all tokens of 0.1) has the default ones.

export const scopes = ['stream', 'read', 'command', 'admin'] as const;

/** `stream`: records as they arrive. `read`: current values. `command`: vehicle commands. `admin`: the console. */
export type Scope = (typeof scopes)[number];

/** Never more without a person's decision: a token that was created to read must not start a car after an upgrade. */
export const defaultScopes: readonly Scope[] = ['stream', 'read'];

/** The scopes that a person asks for. Throws a RangeError that names the first unknown one. */
export function parseScopes(texts: readonly string[]): Scope[] {
  const unknown = texts.find((text) => !isScope(text));
  if (unknown !== undefined) {
    throw new RangeError(`unknown scope "${unknown}"; expected some of ${scopes.join(', ')}`);
  }
  return scopes.filter((scope) => texts.includes(scope));
}

/**
 * The scopes of a stored grant. A scope that this version does not know grants nothing, and a list that can't be read
 * grants nothing at all: neither becomes the default.
 */
export function scopesOf(stored: unknown): readonly Scope[] {
  if (stored === undefined) return defaultScopes;
  return Array.isArray(stored) ? scopes.filter((scope) => stored.includes(scope)) : [];
}

/** The commands of a stored grant; undefined: all. A list that can't be read allows no command. */
export function commandsOf(stored: unknown): readonly string[] | undefined {
  if (stored === undefined) return undefined;
  return Array.isArray(stored) ? stored.filter((name) => typeof name === 'string') : [];
}

function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
