// Calls to Tesla for one request: limited per vehicle and minute before Tesla does it. The connection to Tesla counts them
// for `fleetbridge cost`.
import { countCall, type Store } from '@fleetbridge/store';
import type { TransportResult } from '@fleetbridge/vehicle-command';
import type { Upstream } from './upstream.js';

/** Tesla's limits, of all applications of an account together. */
const CALLS_PER_MINUTE = { command: 30, wake: 3 };

export interface LimitedUpstream extends Upstream {
  /** That have left so far. */
  readonly calls: number;
}

export interface LimitedUpstreamOptions {
  store: Store;
  upstream: Upstream;
  /** Called for each call. */
  onCall: (kind: 'command' | 'wake') => void;
}

/** Beyond the limit the answer is that of Tesla, 429 with the time to wait, without a call. */
export function limitedUpstream({ store, upstream, onCall }: LimitedUpstreamOptions): LimitedUpstream {
  let calls = 0;
  const limited = async (
    vin: string,
    kind: 'command' | 'wake',
    call: () => Promise<TransportResult>,
  ): Promise<TransportResult> => {
    const counted = await countCall(store, { vin, kind, limit: CALLS_PER_MINUTE[kind] }).catch(() => undefined);
    if (counted === undefined) return { kind: 'not_sent', cause: 'Redis does not answer' };
    if (!counted.isAllowed) return tooManyCalls(kind, counted.retryAfterMs);
    calls += 1;
    onCall(kind);
    return await call();
  };
  return {
    get calls() {
      return calls;
    },
    signedCommand: (vin, message, limit) => limited(vin, 'command', () => upstream.signedCommand(vin, message, limit)),
    plainCommand: (vin, name, body, limit) =>
      limited(vin, 'command', () => upstream.plainCommand(vin, name, body, limit)),
    wakeUp: (vin, limit) => limited(vin, 'wake', () => upstream.wakeUp(vin, limit)),
  };
}

function tooManyCalls(kind: 'command' | 'wake', retryAfterMs: number): TransportResult {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const limit = `${CALLS_PER_MINUTE[kind]} ${kind === 'wake' ? 'wakes' : 'calls for commands'} per minute and vehicle`;
  const body = {
    response: null,
    error: `Retry in ${seconds} seconds`,
    error_description: `fleetbridge limits ${limit}, as Tesla does; nothing was sent`,
  };
  return { kind: 'http', status: 429, body: JSON.stringify(body), retryAfter: String(seconds) };
}
