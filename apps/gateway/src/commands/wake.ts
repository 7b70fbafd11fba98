// Wakes a vehicle: asks Tesla, and waits for the vehicle's telemetry connection, which costs nothing.
import { isOffline, type TransportResult } from '@fleetbridge/vehicle-command';
import type { Reachability } from './reachability.js';
import type { TelemetryView } from './telemetry-view.js';
import type { UnusableAccount, Upstream } from './upstream.js';

export type WakeResult =
  | { kind: 'online' }
  | { kind: 'asleep' }
  /** Tesla's error, or the limit per minute; to be passed on. */
  | { kind: 'http_error'; status: number; body: string; retryAfter?: string }
  | UnusableAccount
  /** Redis does not answer. */
  | { kind: 'not_ready' };

export interface WakeOptions {
  upstream: Pick<Upstream, 'wakeUp'>;
  telemetry: Pick<TelemetryView, 'waitFor'>;
  reachability: Pick<Reachability, 'isConnected' | 'noteOnline'>;
  monotonicMs: () => number;
}

/** Three per minute are allowed; a vehicle needs 10 to 60 seconds. */
const ASK_AGAIN_MS = 20_000;
const CALL_TIMEOUT_MS = 10_000;

/** A vehicle that is connected is not asked. */
export async function wake(vin: string, waitMs: number, options: WakeOptions): Promise<WakeResult> {
  const { upstream, telemetry, reachability, monotonicMs } = options;
  const deadlineMs = monotonicMs() + waitMs;
  if (await reachability.isConnected(vin)) return { kind: 'online' };
  for (let asks = 1; ; asks += 1) {
    const askedMs = monotonicMs();
    const answer = readAnswer(await upstream.wakeUp(vin, { timeoutMs: CALL_TIMEOUT_MS }));
    if (answer.kind === 'online') return online(vin, reachability);
    // a later ask that fails ends nothing: the vehicle may be waking up
    if (answer.kind !== 'asleep' && asks === 1) return answer;
    const untilMs = Math.min(deadlineMs, askedMs + ASK_AGAIN_MS);
    const isConnected = await telemetry.waitFor(
      () => reachability.isConnected(vin),
      () => monotonicMs() < untilMs,
    );
    if (isConnected) return online(vin, reachability);
    if (monotonicMs() >= deadlineMs) return { kind: 'asleep' };
  }
}

function online(vin: string, reachability: Pick<Reachability, 'noteOnline'>): WakeResult {
  reachability.noteOnline(vin);
  return { kind: 'online' };
}

function readAnswer(result: TransportResult): WakeResult {
  if (result.kind === 'not_sent') return { kind: 'unreachable', cause: result.cause };
  // it may be waking up
  if (result.kind !== 'http' || isOffline(result.status, result.body)) return { kind: 'asleep' };
  if (result.status !== 200) return { ...result, kind: 'http_error' };
  return { kind: stateOf(result.body) === 'online' ? 'online' : 'asleep' };
}

function stateOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { response?: { state?: unknown } } | null)?.response?.state;
  } catch {
    return undefined;
  }
}
