// A state as plain JSON, for people and scripts: corrected values, with their unit and time.
import { type SignalValue, signalUnit } from '@fleetbridge/protocol';
import { correctedValue } from './corrected-value.js';
import type { VehicleState } from './state.js';

export interface VehicleJson {
  /** null while unknown. */
  connectivity: { isConnected: boolean; connectionId: string; networkInterface: string; time: string } | null;
  /** By name, in alphabetical order. null: the value is unknown. Times are ISO 8601, UTC. */
  signals: Record<string, { value: SignalValue; unit?: string; time: string }>;
}

export function vehicleJson(state: VehicleState): VehicleJson {
  const { readings, connectivity } = state;
  const names = [...readings.keys()].sort();
  return {
    connectivity: connectivity
      ? {
          isConnected: connectivity.isConnected,
          connectionId: connectivity.connectionId,
          networkInterface: connectivity.networkInterface,
          time: isoTime(connectivity.timeMs),
        }
      : null,
    signals: Object.fromEntries(
      names.map((name) => {
        const { timeMs } = readings.get(name)!;
        const value = correctedValue(state, name) ?? null;
        const unit = signalUnit(name);
        return [name, { value, ...(unit === undefined ? {} : { unit }), time: isoTime(timeMs) }];
      }),
    ),
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
