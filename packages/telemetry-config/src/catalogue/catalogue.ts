// What is known of each signal that a configuration can ask for.
import { signalUnit } from '@fleetbridge/protocol';
import { travelSignals } from './travel-signals.js';
import { vehicleSignals } from './vehicle-signals.js';

/** `unknown`: of a new firmware, not documented yet. */
export type SignalType = 'real' | 'integer' | 'boolean' | 'string' | 'enum' | 'time' | 'location' | 'unknown';

export interface SignalFacts {
  readonly name: string;
  readonly category: string;
  readonly type: SignalType;
  readonly unit: string | undefined;
  /** The first firmware that has the signal; undefined: all that send telemetry. */
  readonly firmware: string | undefined;
  /** Fields of vehicle_data with the same value: `charge_state.battery_level`. */
  readonly rest: readonly string[];
}

/** All signals by name, without placeholders such as `Deprecated_1`. */
export const signalCatalogue: ReadonlyMap<string, SignalFacts> = new Map(
  Object.entries({ ...travelSignals, ...vehicleSignals }).flatMap(([category, lines]) =>
    lines
      .trim()
      .split('\n')
      .map((line) => readFacts(category, line.trim().split(' '))),
  ),
);

export function signalFacts(name: string): SignalFacts | undefined {
  return signalCatalogue.get(name);
}

function readFacts(category: string, [name = '', type, firmware, ...rest]: string[]): [string, SignalFacts] {
  const facts: SignalFacts = {
    name,
    category,
    type: type as SignalType,
    unit: signalUnit(name),
    firmware: firmware === '-' ? undefined : firmware,
    rest,
  };
  return [name, facts];
}
