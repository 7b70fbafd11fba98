// A state as plain JSON, for people and scripts: values as the vehicle sent them, with their unit and time.
import { type SignalValue, signalUnit } from '@fleetbridge/protocol';
import type { VehicleState } from './state.js';

export interface VehicleJson {
  /** null while unknown. */
  connectivity: { isConnected: boolean; connectionId: string; networkInterface: string; time: string } | null;
  /** By name, in alphabetical order. null: the vehicle marked the value invalid. Times are ISO 8601, UTC. */
  signals: Record<string, { value: SignalValue; unit?: string; time: string }>;
}

export function vehicleJson({ readings, connectivity }: VehicleState): VehicleJson {
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
        const { value, timeMs } = readings.get(name)!;
        const unit = signalUnit(name);
        return [name, { value, ...(unit === undefined ? {} : { unit }), time: isoTime(timeMs) }];
      }),
    ),
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
