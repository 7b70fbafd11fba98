// The calls that arrived, so that a test sees which step was done how often.
import type { Region } from './answer.js';
import type { Endpoint } from './endpoints.js';

export interface Call {
  readonly endpoint: Endpoint;
  readonly region: Region;
  /** VIN or id, from the path. */
  readonly vehicle: string | undefined;
  /** Of a token request. */
  readonly grantType: string | undefined;
  readonly timeMs: number;
  /** Undefined while it is not answered, and when the answer was lost. */
  status: number | undefined;
}

export interface Calls {
  /** Newest last, at most 10,000. */
  readonly list: readonly Call[];
  /** All that arrived, whatever the answer. */
  count(endpoint: Endpoint, grantType?: string): number;
  counts(): Record<string, number>;
  add(call: Call): void;
}

const MAX_CALLS = 10_000;

export function createCalls(): Calls {
  const list: Call[] = [];
  const byName = new Map<string, number>();
  const increment = (name: string) => byName.set(name, (byName.get(name) ?? 0) + 1);
  return {
    list,
    count: (endpoint, grantType) => byName.get(nameOf(endpoint, grantType)) ?? 0,
    counts: () => Object.fromEntries(byName),
    add(call) {
      list.push(call);
      if (list.length > MAX_CALLS) list.shift();
      increment(call.endpoint);
      if (call.grantType !== undefined) increment(nameOf(call.endpoint, call.grantType));
    },
  };
}

const nameOf = (endpoint: Endpoint, grantType?: string) =>
  grantType === undefined ? endpoint : `${endpoint} ${grantType}`;
