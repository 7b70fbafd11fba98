// `fleetbridge coverage <VIN>`: where each field of a vehicle's vehicle_data comes from, and what TeslaMate loses without it.
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { SeedStore, SnapshotStore } from '@fleetbridge/store';
import { emptySeed, type FieldCoverage, fieldCoverage, parseSeed, stateFromHash } from '@fleetbridge/vehicle-state';
import { type Command, UsageError } from '../command.js';
import { openLog } from '../log-access.js';

export const coverage: Command = {
  usage: '<VIN> [--missing] [--json]',
  help: [
    'Origins: telemetry, derived (computed), seed (fleetbridge seed), default, missing (null or left out).',
    '',
    '  --missing   only the missing fields that signals would fill',
    '  --json      the list as JSON',
  ],
  options: { missing: { type: 'boolean' }, json: { type: 'boolean' } },
  async run({ positionals: [text, ...rest], values, env, print }) {
    if (text === undefined || rest.length > 0) throw new UsageError('expected one VIN');
    if (!isVin(text)) throw new UsageError(`expected a VIN, got "${text}"`);
    const vin = normalizeVin(text);
    const log = await openLog(env, 'fleetbridge-coverage');
    try {
      const { state } = stateFromHash((await new SnapshotStore(log).read(vin)).hash);
      const { document } = await new SeedStore(log).read(vin);
      const seed = document === undefined ? emptySeed(vin) : parseSeed(document, vin);
      const all = fieldCoverage({ state, seed, nowMs: Date.now() });
      const fields = values.missing === true ? all.filter(isFillable) : all;
      if (values.json === true) print(JSON.stringify({ vin, fields }));
      else for (const line of linesOf(fields)) print(line);
      return 0;
    } finally {
      log.close();
    }
  },
};

function isFillable({ origin, signals }: FieldCoverage): boolean {
  return origin === 'missing' && signals.length > 0;
}

function linesOf(fields: readonly FieldCoverage[]): string[] {
  const rows = fields.map(({ section, field, origin, signals, time, loses }) => [
    `${section}.${field}`,
    origin,
    time ?? '-',
    [signals.join(', '), loses === undefined ? '' : `TeslaMate loses: ${loses}`].filter(Boolean).join('; '),
  ]);
  const widths = [0, 1, 2].map((at) => Math.max(0, ...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at < 3 ? cell.padEnd(widths[at]!) : cell))
      .join('  ')
      .trimEnd(),
  );
}
