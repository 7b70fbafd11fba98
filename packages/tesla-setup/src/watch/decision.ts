// When a telemetry configuration is looked at, and when it is sent again. Pure: each look is a billed request, and sending
// too often, or after a limit, would make a bad day worse.
import type { ConfigurationState, Problem } from '@fleetbridge/fleet-api';

/** What is kept between two looks. */
export interface WatchMemory {
  /** Of the last look at Tesla. */
  readonly checkedMs?: number | undefined;
  /** When it was sent again, within the last day. */
  readonly sentMs?: readonly number[] | undefined;
  /** A limit of Tesla: nothing is sent again until a person does. */
  readonly stopped?: { readonly problem: Problem; readonly atMs: number } | undefined;
}

/** What can be seen without asking Tesla. */
export interface LocalView {
  /** The CA of the server's certificate is not in the configuration that was sent. */
  readonly isServerUntrusted: boolean;
  /** Of the configuration that was sent, epoch seconds. */
  readonly exp: number | undefined;
  /** Connected, and nothing was received for QUIET_MS. */
  readonly isQuiet: boolean;
}

export type SendReason = 'removed' | 'refused' | 'expires' | 'server_untrusted' | 'quiet';

const HOUR_MS = 3_600_000;
/** Four requests a day and vehicle. */
const CHECK_EVERY_MS = 6 * HOUR_MS;
/** With a reason that can be seen here. */
const CHECK_AGAIN_MS = HOUR_MS;
const SEND_EVERY_MS = 6 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;
const SENDS_PER_DAY = 3;
const RENEW_MS = 7 * DAY_MS;
export const QUIET_MS = HOUR_MS / 2;

export function isCheckDue({ checkedMs }: WatchMemory, view: LocalView, nowMs: number): boolean {
  if (checkedMs === undefined || checkedMs > nowMs) return true;
  const hasReason = view.isServerUntrusted || view.isQuiet || isExpiring(view, nowMs);
  return nowMs - checkedMs >= (hasReason ? CHECK_AGAIN_MS : CHECK_EVERY_MS);
}

/** Undefined: the vehicle has what was sent. */
export function reasonToSend(
  state: Pick<ConfigurationState, 'synced' | 'config'>,
  view: LocalView,
  nowMs: number,
): SendReason | undefined {
  if (state.config === undefined) return state.synced ? 'refused' : 'removed';
  if (view.isServerUntrusted) return 'server_untrusted';
  if (isExpiring(view, nowMs)) return 'expires';
  return view.isQuiet ? 'quiet' : undefined;
}

/** Once in six hours and three times a day. */
export function maySend({ sentMs = [], stopped }: WatchMemory, nowMs: number): boolean {
  if (stopped !== undefined) return false;
  const recent = sentMs.filter((ms) => nowMs - ms < DAY_MS);
  return recent.length < SENDS_PER_DAY && recent.every((ms) => nowMs - ms >= SEND_EVERY_MS);
}

export function afterSend(memory: WatchMemory, nowMs: number): WatchMemory {
  const recent = (memory.sentMs ?? []).filter((ms) => nowMs - ms < DAY_MS);
  return { ...memory, sentMs: [...recent, nowMs] };
}

const limits: readonly Problem[] = ['limit_reached', 'billing_limit', 'payment_required'];

export function afterProblem(memory: WatchMemory, problem: Problem, nowMs: number): WatchMemory {
  return limits.includes(problem) ? { ...memory, stopped: { problem, atMs: nowMs } } : memory;
}

function isExpiring({ exp }: LocalView, nowMs: number): boolean {
  return exp !== undefined && exp * 1_000 - nowMs < RENEW_MS;
}
