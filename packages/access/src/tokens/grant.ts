import { defaultScopes, type Scope } from './scopes.js';

/** What a valid token allows. */
export interface Grant {
  /** Stable name of the token's owner: `bridge`, `token:<id>`, `tesla:<sub>`, `open` (AUTH=none). */
  principal: string;
  /** What a person called the token; absent without a name. */
  label?: string;
  /** One VIN, or `*` for all. */
  vin: string;
  scopes: readonly Scope[];
  /** The vehicle commands that the scope `command` covers, by name; undefined: all. */
  commands?: readonly string[];
}

/** A grant for all vehicles that is not stored in Redis. */
export function configuredGrant(principal: string): Grant {
  return { principal, vin: '*', scopes: defaultScopes };
}

export function grantsVehicle(grant: Grant, vin: string): boolean {
  return grant.vin === '*' || grant.vin === vin;
}

/** Whether a grant allows a vehicle command. Of which vehicles: `grantsVehicle`. */
export function grantsCommand(grant: Grant, name: string): boolean {
  return grantsScope(grant, 'command') && (grant.commands === undefined || grant.commands.includes(name));
}

export function grantsScope(grant: Grant, scope: Scope): boolean {
  return grant.scopes.includes(scope);
}
