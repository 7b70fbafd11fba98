// One look at the telemetry configuration of one vehicle, which sends it again if it is gone. Only a configuration that was
// sent from here is sent again, and that of another program is never replaced.
import { type ApplicationKey, FleetApiError, type OwnerApi, type Problem } from '@fleetbridge/fleet-api';
import type { ConfigurationStore } from '@fleetbridge/store';
import {
  applyConfiguration,
  type ChainParts,
  compareWithTesla,
  type SentConfiguration,
  type WantedConfiguration,
  withRenewedAuthorities,
  writeWanted,
} from '../configuration/index.js';
import {
  afterProblem,
  afterSend,
  isCheckDue,
  type LocalView,
  maySend,
  QUIET_MS,
  reasonToSend,
  type SendReason,
  type WatchMemory,
} from './decision.js';

export interface WatchParts {
  readonly owner: Pick<OwnerApi, 'configuration' | 'createConfiguration'>;
  readonly key: ApplicationKey;
  readonly store: ConfigurationStore;
  readonly chain: ChainParts;
  readonly nowMs: () => number;
  /** Undefined: not connected, or never received. */
  readonly quietSinceMs: (vin: string) => Promise<number | undefined>;
}

export interface WatchedVehicle {
  readonly vin: string;
  readonly wanted: WantedConfiguration;
  readonly sent: SentConfiguration;
  readonly memory: WatchMemory;
}

export type Watched =
  /** Nothing to do, or not yet. */
  | { readonly kind: 'left' }
  | { readonly kind: 'sent_again'; readonly reason: SendReason }
  | { readonly kind: 'foreign' }
  /** It should be sent again, and is not: too soon, or after a limit. */
  | { readonly kind: 'held_back'; readonly reason: SendReason }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly isFinal: boolean };

/** Rejects with TeslaAccountError and errors of the store; those of Tesla are results. */
export async function watchVehicle(parts: WatchParts, vehicle: WatchedVehicle): Promise<Watched> {
  const { nowMs } = parts;
  const renewed = await withRenewedAuthorities(vehicle.wanted, parts.chain);
  const view = await viewOf(parts, vehicle, renewed);
  if (!isCheckDue(vehicle.memory, view, nowMs())) return { kind: 'left' };
  const memory = { ...vehicle.memory, checkedMs: nowMs() };
  await remember(parts, vehicle, memory);
  try {
    return await look(parts, { ...vehicle, memory }, { view, renewed });
  } catch (error) {
    if (!(error instanceof FleetApiError)) throw error;
    const after = afterProblem(memory, error.problem, nowMs());
    await remember(parts, vehicle, after);
    return { kind: 'problem', problem: error.problem, isFinal: after.stopped !== undefined };
  }
}

async function look(
  parts: WatchParts,
  { vin, wanted, sent, memory }: WatchedVehicle,
  { view, renewed }: { view: LocalView; renewed: WantedConfiguration },
): Promise<Watched> {
  const { owner, key, store, nowMs } = parts;
  const { state, isForeign } = await compareWithTesla({ owner, store, nowMs }, { vin, desired: sent.configuration });
  if (isForeign) return { kind: 'foreign' };
  if (state.limitReached) return await stop(parts, { vin, memory });
  const reason = reasonToSend(state, view, nowMs());
  if (reason === undefined) return { kind: 'left' };
  if (!maySend(memory, nowMs())) return { kind: 'held_back', reason };
  await remember(parts, { vin }, afterSend(memory, nowMs()));
  if (renewed !== wanted) await writeWanted(store, vin, renewed);
  const applied = await applyConfiguration(
    { owner, key, store, nowMs },
    { vin, desired: again(sent, renewed, nowMs()), replacesForeign: false, isForced: true },
  );
  if (applied.kind === 'skipped') return { kind: 'problem', problem: applied.problem, isFinal: false };
  return applied.kind === 'foreign' ? applied : { kind: 'sent_again', reason };
}

const EXP_DAYS = 90;

/** What was sent, with the CA of now and a later end. */
function again({ configuration }: SentConfiguration, { ca }: WantedConfiguration, nowMs: number) {
  const { exp, ...rest } = configuration;
  const later = exp === undefined ? {} : { exp: Math.max(exp, Math.floor(nowMs / 1_000) + EXP_DAYS * 86_400) };
  return { ...rest, ca, ...later };
}

async function viewOf(
  { quietSinceMs, nowMs }: WatchParts,
  { vin, sent }: WatchedVehicle,
  renewed: WantedConfiguration,
): Promise<LocalView> {
  const quietMs = await quietSinceMs(vin);
  return {
    isServerUntrusted: renewed.ca.trim() !== sent.configuration.ca.trim(),
    exp: sent.configuration.exp,
    isQuiet: quietMs !== undefined && nowMs() - quietMs >= QUIET_MS,
  };
}

async function stop(parts: WatchParts, { vin, memory }: Pick<WatchedVehicle, 'vin' | 'memory'>): Promise<Watched> {
  await remember(parts, { vin }, afterProblem(memory, 'limit_reached', parts.nowMs()));
  return { kind: 'problem', problem: 'limit_reached', isFinal: true };
}

async function remember({ store }: WatchParts, { vin }: { vin: string }, memory: WatchMemory): Promise<void> {
  await store.write(vin, 'watch', JSON.stringify(memory));
}
