// `fleetbridge config show`: a profile of the telemetry configuration, with its reasons and its cost.
import {
  dollarsOf,
  type FieldSettings,
  profileFields,
  profiles,
  signalFacts,
  signalRate,
} from '@fleetbridge/telemetry-config';
import { columns } from '../../output/index.js';
import { type Command, UsageError, unknownAction } from '../command.js';
import { firmwareOption, profileArgument } from './profile-argument.js';

export const config: Command = {
  usage: 'show [profile] [--firmware <version>] [--json]',
  help: [
    'Prints the fields of a profile: interval, smallest change, resend, the signals that are carried along, the reason, and',
    'the most signals per hour. A vehicle sends what changes, so the true number is lower: fleetbridge cost.',
    '',
    ...Object.entries(profiles).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`),
    '',
    '  --firmware <version>  what a vehicle of this firmware gets; default: the newest',
    '  --json                the fields as JSON, in the form of the configuration',
  ],
  actions: ['show'],
  options: { firmware: { type: 'string' }, json: { type: 'boolean' } },
  run({ positionals: [action, given = 'teslamate', ...rest], values, print }) {
    if (action !== 'show') throw unknownAction(action, ['show'], 'show');
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    const { name, profile } = profileArgument(given);
    const { fields, leftOut } = profileFields(profile, firmwareOption(values));
    const rate = signalRate(fields);
    if (values.json === true) {
      const { deliveryPolicy = null, alertTypes } = profile;
      print(JSON.stringify({ profile: name, fields, deliveryPolicy, alertTypes, leftOut, signalsPerHour: rate }));
      return 0;
    }
    const rows = Object.entries(fields).map(([field, settings]) =>
      rowOf(field, settings, profile.fields[field]!.reason),
    );
    for (const line of columns(['field', 'every', 'change', 'resend', 'at most/h', 'reason'], rows)) print(line);
    print('');
    print(`${name}: ${profile.summary}`);
    if (profile.deliveryPolicy) print('delivery: after a gap only the newest value of each field (latest)');
    for (const { field, key, needs } of leftOut) print(`left out: ${field}${key ? ` ${key}` : ''} (needs ${needs})`);
    print(`signals per hour awake: ${whole(rate.floor)} when nothing changes, at most ${whole(rate.ceiling)}`);
    const perHour = (signals: number) => `US$${dollarsOf({ signals: signals * 30 }).toFixed(2)}`;
    print(`a month with an hour awake per day: ${perHour(rate.floor)} to ${perHour(rate.ceiling)}, before the credit`);
    return 0;
  },
};

function rowOf(field: string, settings: FieldSettings, reason: string): string[] {
  const { interval_seconds, minimum_delta, resend_interval_seconds, include_fields } = settings;
  const unit = field === 'Location' ? 'm' : (signalFacts(field)?.unit ?? '');
  const carried = include_fields === undefined ? '' : `; carries ${include_fields.join(', ')}`;
  return [
    field,
    `${interval_seconds} s`,
    minimum_delta === undefined ? '-' : `${minimum_delta} ${unit}`.trim(),
    resend_interval_seconds === undefined ? '-' : `${resend_interval_seconds} s`,
    whole(signalRate({ [field]: settings }).ceiling),
    reason + carried,
  ];
}

function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
