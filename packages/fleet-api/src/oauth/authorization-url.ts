// The address that the owner's browser opens to sign in, and the address at which the browser ends.

/** What the owner is asked to allow. */
export const ownerScopes = [
  'openid',
  'offline_access',
  'user_data',
  'vehicle_device_data',
  'vehicle_location',
] as const;

/** Asked for in addition if vehicles are sent commands. Either allows charging; all other commands need the first. */
export const commandScopes = ['vehicle_cmds', 'vehicle_charging_cmds'] as const;

export interface AuthorizationRequest {
  readonly authorizeUrl: string;
  readonly clientId: string;
  readonly redirectUri: string;
  /** Random, and compared when the browser returns. */
  readonly state: string;
  /** Random. */
  readonly nonce: string;
  /** Default: those to read. */
  readonly scopes?: readonly string[] | undefined;
  /** Tesla's page then announces the pairing. */
  readonly isPairingNext?: boolean | undefined;
}

export function authorizationUrl(request: AuthorizationRequest): string {
  const { clientId, redirectUri, state, nonce, scopes = ownerScopes } = request;
  const url = new URL(request.authorizeUrl);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scopes.join(' '),
    state,
    nonce,
    prompt_missing_scopes: 'true',
    ...(request.isPairingNext === true ? { show_keypair_step: 'true' } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

export type RedirectResult =
  | { readonly kind: 'code'; readonly code: string }
  /** `error`: Tesla's word, such as access_denied. */
  | { readonly kind: 'refused'; readonly error: string }
  /** Another sign-in, or an address that was changed. */
  | { readonly kind: 'other_state' }
  | { readonly kind: 'not_valid' };

/** Reads the address at which the browser ended. */
export function readRedirect(address: string, state: string): RedirectResult {
  if (!URL.canParse(address)) return { kind: 'not_valid' };
  const { searchParams } = new URL(address);
  const [code, error] = [searchParams.get('code'), searchParams.get('error')];
  if (!code && !error) return { kind: 'not_valid' };
  if (searchParams.get('state') !== state) return { kind: 'other_state' };
  return error ? { kind: 'refused', error } : { kind: 'code', code: code! };
}
