// The token that a client presents: in its message, as `?token=`, as a bearer header or as metadata.

/** Without the prefixes that TeslaMate's users put before it (TOKEN may itself begin with `?token=`). */
export function bareToken(token: string | undefined): string {
  return (token ?? '')
    .trim()
    .replace(/^Bearer\s+/i, '')
    .replace(/^\??token=/, '');
}

/** The token of a request, for clients that don't put it into their message. */
export function requestToken(url: string | undefined, authorization: string | undefined): string | undefined {
  if (authorization !== undefined) return authorization;
  const query = (url ?? '').split('?').slice(1).join('?');
  return new URLSearchParams(query).get('token') ?? undefined;
}

/** A configured token of fewer characters can be guessed: wrong tokens of an address are limited for it. */
const SHORTEST_SAFE_TOKEN = 20;

export function isGuessable(configuredToken: string): boolean {
  return configuredToken.length < SHORTEST_SAFE_TOKEN;
}
