// Every environment variable of the product, once, and the ones that a process reads as the shape of its schema.
import type { z } from 'zod';
import { fieldFacts } from './values/index.js';
import {
  accessSettings,
  certificateSettings,
  dispatcherSettings,
  gatewaySettings,
  type Override,
  type Overrides,
  type Process,
  processSettings,
  pubsubSettings,
  recordSettings,
  redisSettings,
  type Setting,
  simulatorSettings,
  streamingSettings,
  teslaSettings,
  vehicleSettings,
} from './variables/index.js';

/** By subject, in the order of docs/configuration.md and of error messages. */
export const settingGroups = {
  'Redis and the log': redisSettings,
  Processes: processSettings,
  Vehicles: vehicleSettings,
  Certificates: certificateSettings,
  Records: recordSettings,
  'Streaming server': streamingSettings,
  Gateway: gatewaySettings,
  "Tesla's Fleet API": teslaSettings,
  'Access of clients': accessSettings,
  'Google Pub/Sub push': pubsubSettings,
  Dispatcher: dispatcherSettings,
  'Simulated vehicles': simulatorSettings,
};

export const settings = {
  ...redisSettings,
  ...processSettings,
  ...vehicleSettings,
  ...certificateSettings,
  ...recordSettings,
  ...streamingSettings,
  ...gatewaySettings,
  ...teslaSettings,
  ...accessSettings,
  ...pubsubSettings,
  ...dispatcherSettings,
  ...simulatorSettings,
};

type All = typeof settings;
type ReaderOf<S> = S extends Setting<z.ZodType, infer Reader, Overrides> ? Reader : never;
type ValueOf<S, P extends Process> =
  S extends Setting<infer Value, Process, infer Other>
    ? Other extends Readonly<Record<P, Override>>
      ? Other[P]['value']
      : Value
    : never;

/** The names of the variables that a process reads. */
export type NameOf<P extends Process> = keyof { [N in keyof All as P extends ReaderOf<All[N]> ? N : never]: true };

/** The fields of a process' schema, by name of the variable. */
export type SettingsOf<P extends Process, N extends NameOf<P> = NameOf<P>> = { [K in N]: ValueOf<All[K], P> };

/** The fields of the schema of a process, or of those of its parts that `names` has. */
export function settingsOf<const P extends Process>(process: P): SettingsOf<P>;
export function settingsOf<const P extends Process, const N extends NameOf<P>>(
  process: P,
  names: readonly N[],
): SettingsOf<P, N>;
export function settingsOf(process: Process, names?: readonly string[]): z.ZodRawShape {
  const known: Readonly<Record<string, Setting<z.ZodType, Process, Overrides>>> = settings;
  const read = Object.entries(known).filter(
    ([name, { readBy }]) => readBy.includes(process) && (names === undefined || names.includes(name)),
  );
  return Object.fromEntries(read.map(([name, { value, overrides }]) => [name, overrides[process]?.value ?? value]));
}

/** The variables that a process looks up: its settings, and for secret X also X_FILE. */
export function variablesOf(process: Process): string[] {
  return Object.entries(settingsOf(process)).flatMap(([name, field]) =>
    fieldFacts(field).secret ? [name, `${name}_FILE`] : [name],
  );
}
