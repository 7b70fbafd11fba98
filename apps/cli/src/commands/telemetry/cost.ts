// `fleetbridge cost`: what the month costs at Tesla's prices, from what the dispatcher and the gateway have counted.
import { readApiUsage, readFleetSignalDays, SnapshotStore } from '@fleetbridge/store';
import {
  costWarning,
  type MonthCost,
  monthCost,
  prices,
  profileFields,
  signalRate,
} from '@fleetbridge/telemetry-config';
import { columns } from '../../output/index.js';
import { type Command, numberOption, UsageError } from '../command.js';
import { openLog } from '../log-access.js';
import { firmwareOption, profileArgument } from './profile-argument.js';

export const cost: Command = {
  usage: '[--limit <dollars>] [--profile <name>] [--json]',
  help: [
    "Signals counted per vehicle in this month (UTC), requests, commands and wakes, at Tesla's prices, and the forecast for",
    'the whole month from the days measured. Ceiling and floor: every field of the profile changes all the time, or nothing',
    'changes, until the end of the month. The days before this version counted nothing.',
    '',
    `  --limit <dollars>   warn before this amount; default: Tesla's credit of US$${prices.monthlyCreditDollars} a month`,
    '  --profile <name>    of ceiling and floor; default: teslamate',
    '  --firmware <version> of ceiling and floor; default: the newest',
    '  --json              one JSON object',
  ],
  options: {
    limit: { type: 'string' },
    profile: { type: 'string' },
    firmware: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ positionals, values, env, print }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const limit = numberOption(values, 'limit', { min: 0 }) ?? prices.monthlyCreditDollars;
    const { profile } = profileArgument(typeof values.profile === 'string' ? values.profile : 'teslamate');
    const rate = signalRate(profileFields(profile, firmwareOption(values)).fields);
    const log = await openLog(env, 'fleetbridge-cost');
    try {
      const signals = await readFleetSignalDays(log, await new SnapshotStore(log).vins());
      const month = monthCost({ signals, calls: await readApiUsage(log), nowMs: Date.now(), rate });
      const warning = costWarning(month, limit);
      if (values.json === true) print(JSON.stringify({ ...month, limit, warning: warning ?? null }));
      else for (const line of linesOf(month, warning)) print(line);
      return 0;
    } finally {
      log.close();
    }
  },
};

function linesOf(month: MonthCost, warning: string | undefined): string[] {
  const { vehicles, soFar, expected, dollars } = month;
  const rows = [
    ...vehicles.map(({ vin, ...own }) => rowOf(vin, 'signals', own.soFar, own.expected)),
    ...(['requests', 'commands', 'wakes'] as const).map((kind) => rowOf(kind, kind, soFar[kind], expected[kind])),
  ];
  return [
    ...columns([month.month, 'so far', 'US$', 'month', 'US$'], rows),
    '',
    `so far:   ${usd(dollars.soFar)}`,
    `forecast: ${dollars.expected === undefined ? 'after the first whole day' : usd(dollars.expected)}` +
      ` (ceiling ${usd(dollars.ceiling)}, floor ${usd(dollars.floor)})`,
    `credit:   ${usd(dollars.credit)} a month`,
    ...(warning === undefined ? [] : ['', warning]),
  ];
}

function rowOf(
  name: string,
  kind: keyof typeof prices.perDollar,
  soFar: number,
  expected: number | undefined,
): string[] {
  const cells = (count: number) => [
    Math.round(count).toLocaleString('en-US'),
    (count / prices.perDollar[kind]).toFixed(2),
  ];
  return [name, ...cells(soFar), ...(expected === undefined ? ['-', '-'] : cells(expected))];
}

function usd(dollars: number): string {
  return `US$${dollars.toFixed(2)}`;
}
