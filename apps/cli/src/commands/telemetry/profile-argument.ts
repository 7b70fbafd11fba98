import { existsSync, readFileSync } from 'node:fs';
import { FIRST_FIRMWARE, type Profile, type ProfileName, profiles } from '@fleetbridge/telemetry-config';
import type { FieldsSource } from '@fleetbridge/tesla-setup';
import { type Invocation, UsageError } from '../command.js';

/** Throws `UsageError`. */
export function profileArgument(name: string): { name: ProfileName; profile: Profile } {
  if (Object.hasOwn(profiles, name)) return { name: name as ProfileName, profile: profiles[name as ProfileName] };
  throw new UsageError(`unknown profile "${name}" (expected: ${Object.keys(profiles).join(', ')})`);
}

/** The name of a profile, or a JSON file: fields alone, or with alert_types and delivery_policy. Throws `UsageError`. */
export function sourceArgument(text: string): FieldsSource {
  if (Object.hasOwn(profiles, text)) return { kind: 'profile', profile: text as ProfileName };
  if (!existsSync(text)) {
    const known = Object.keys(profiles).join(', ');
    throw new UsageError(`unknown profile "${text}" (expected: ${known}, or a JSON file with fields)`);
  }
  const content = readObject(text);
  const { fields = content, alert_types: alertTypes, delivery_policy: deliveryPolicy } = content;
  return {
    kind: 'file',
    wanted: { fields, alertTypes, deliveryPolicy } as (FieldsSource & { kind: 'file' })['wanted'],
  };
}

function readObject(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`${file}: ${(cause as Error).message}`, { cause });
  }
  throw new UsageError(`${file}: expected a JSON object with fields`);
}

/** Without the option: a firmware that knows everything. Throws `UsageError`. */
export function firmwareOption({ firmware }: Invocation['values']): string {
  if (firmware === undefined) return '9999';
  if (typeof firmware === 'string' && /^\d{4}(\.\d+){1,4}$/.test(firmware)) return firmware;
  throw new UsageError(`--firmware: expected a version such as ${FIRST_FIRMWARE} or 2026.20.6, got "${firmware}"`);
}
