import { FIRST_FIRMWARE, type Profile, type ProfileName, profiles } from '@fleetbridge/telemetry-config';
import { type Invocation, UsageError } from '../command.js';

/** Throws `UsageError`. */
export function profileArgument(name: string): { name: ProfileName; profile: Profile } {
  if (Object.hasOwn(profiles, name)) return { name: name as ProfileName, profile: profiles[name as ProfileName] };
  throw new UsageError(`unknown profile "${name}" (expected: ${Object.keys(profiles).join(', ')})`);
}

/** Without the option: a firmware that knows everything. Throws `UsageError`. */
export function firmwareOption({ firmware }: Invocation['values']): string {
  if (firmware === undefined) return '9999';
  if (typeof firmware === 'string' && /^\d{4}(\.\d+){1,4}$/.test(firmware)) return firmware;
  throw new UsageError(`--firmware: expected a version such as ${FIRST_FIRMWARE} or 2026.20.6, got "${firmware}"`);
}
