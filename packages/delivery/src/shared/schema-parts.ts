// Parts of the settings' schemas that several kinds share.

export const SECRET_DESCRIPTION =
  'A text, `env:NAME` (a variable of the dispatcher) or `file:/path`. A text is stored in Redis unencrypted.';

/** Whether `text` is a URL with a host and one of these protocols, e.g. `https:`. */
export function isUrlOf(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) && new URL(text).host !== '';
}
