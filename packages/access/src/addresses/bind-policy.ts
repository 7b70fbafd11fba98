// Which address a port that serves clients binds to: without authentication only loopback, unless the operator
// declares the network as trusted.

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

export interface BindPolicy {
  /** The configured address; undefined = the default. */
  bind: string | undefined;
  /** Whether clients must authenticate. */
  isAuthRequired: boolean;
  /** Whether the operator allows other addresses than loopback without authentication. */
  isOpenAllowed: boolean;
}

/** False when the configured address would serve clients of other machines without authentication. */
export function isBindAllowed({ bind, isAuthRequired, isOpenAllowed }: BindPolicy): boolean {
  return isAuthRequired || isOpenAllowed || bind === undefined || LOOPBACK.includes(bind);
}

/** The address to bind to; undefined = all addresses. */
export function bindAddress({ bind, isAuthRequired, isOpenAllowed }: BindPolicy): string | undefined {
  return bind ?? (isAuthRequired || isOpenAllowed ? undefined : '127.0.0.1');
}
