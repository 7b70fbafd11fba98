// `fleetbridge config`: a profile of the telemetry configuration with its reasons and its cost, and the one at Tesla.
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
import { firmwareOption, profileArgument, sourceArgument } from './profile-argument.js';
import type { ConfigurationAction } from './tesla-configuration.js';

const actions = ['show', 'diff', 'apply', 'delete'] as const satisfies readonly ('show' | ConfigurationAction)[];

export const config: Command = {
  usage: 'show [profile] | diff [profile | file] | apply [profile | file] | delete --vin <VIN>',
  help: [
    '  show     prints the fields of a profile: interval, smallest change, resend, the signals that are carried along, the',
    '           reason, and the most signals per hour. A vehicle sends what changes: fleetbridge cost has the true number',
    '  diff     compares what Tesla has of each vehicle with what is wanted; exit code 1 with a difference',
    '  apply    sends what is wanted, if it differs, and keeps the given profile or file for the vehicle',
    '  delete   ends the telemetry of a vehicle, at Tesla and here; its admission and its data stay',
    '',
    "diff and apply begin with what `fleetbridge setup` has sent. Another program's configuration is replaced with --yes only.",
    '',
    ...Object.entries(profiles).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`),
    '',
    '  --vin <VIN>           diff, apply, delete: this vehicle; can be repeated. Default: all that are set up',
    '  --yes                 apply: also replaces a configuration that was not sent from here',
    '  --firmware <version>  show: what a vehicle of this firmware gets; default: the newest',
    '  --json                one JSON object per line; show: the fields in the form of the configuration',
  ],
  failsAsJson: true,
  actions,
  options: {
    firmware: { type: 'string' },
    json: { type: 'boolean' },
    vin: { type: 'string', multiple: true },
    yes: { type: 'boolean' },
  },
  async run(invocation) {
    const { positionals, values, print } = invocation;
    const [action, given, ...rest] = positionals;
    const known = actions.find((one) => one === action);
    if (known === undefined) throw unknownAction(action, actions, 'show, diff, apply or delete');
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    if (known !== 'show') {
      if (known === 'delete' && given !== undefined) throw new UsageError(`unexpected argument "${given}"`);
      const source = given === undefined ? undefined : sourceArgument(given);
      // loaded when it is used: `config show` and `cost` need nothing of Tesla
      const { changeConfigurations } = await import('./tesla-configuration.js');
      return await changeConfigurations(invocation, { action: known, source });
    }
    const { name, profile } = profileArgument(given ?? 'teslamate');
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
