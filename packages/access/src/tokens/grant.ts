import { defaultScopes, type Scope } from './scopes.js';

/** What a valid token allows. */
export interface Grant {
  /** Stable name of the token's owner: `bridge`, `token:<id>`, `tesla:<sub>`, `open` (AUTH=none). */
  principal: string;
  /** One VIN, or `*` for all. */
  vin: string;
  scopes: readonly Scope[];
}

/** A grant for all vehicles that is not stored in Redis. */
export function configuredGrant(principal: string): Grant {
  return { principal, vin: '*', scopes: defaultScopes };
}

export function grantsVehicle(grant: Grant, vin: string): boolean {
  return grant.vin === '*' || grant.vin === vin;
}

export function grantsScope(grant: Grant, scope: Scope): boolean {
  return grant.scopes.includes(scope);
}
