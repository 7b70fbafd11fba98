// `fleetbridge seed`: what telemetry does not know of a vehicle, from a vehicle_data document that was saved once.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { SeedStore } from '@fleetbridge/store';
import { parseSeed, SeedError } from '@fleetbridge/vehicle-state';
import { type Command, UsageError } from '../command.js';
import { openLog } from '../log-access.js';

export const seed: Command = {
  usage: 'set <file | -> [--vin <VIN>] | remove <VIN>',
  help: [
    '  set      stores the document of one vehicle (-: read it from stdin); its VIN is read from the document',
    '  remove   deletes it',
    '',
    '  --vin <VIN>   the vehicle, for a document without a VIN',
    '',
    'Levels, positions and everything else that changes are never read from it. The gateway uses it within 10 seconds.',
    'Ids that TeslaMate has seen stay as they are.',
  ],
  options: { vin: { type: 'string' } },
  async run({ positionals: [action, subject, ...rest], values, env, print }) {
    const isKnown = (action === 'set' || action === 'remove') && subject !== undefined && rest.length === 0;
    if (!isKnown) throw new UsageError('expected: set <file>, or remove <VIN>');
    const vin = typeof values.vin === 'string' ? vinOf(values.vin) : undefined;
    const document = action === 'set' ? await read(subject) : '';
    const seeded = action === 'set' ? parsed(document, vin).vin : vinOf(subject);
    const log = await openLog(env, 'fleetbridge-seed');
    try {
      const seeds = new SeedStore(log);
      if (action === 'set') {
        await seeds.write(seeded, document);
        print(`stored the seed of ${seeded}`);
        return 0;
      }
      const isRemoved = await seeds.remove(seeded);
      print(isRemoved ? `removed the seed of ${seeded}` : `${seeded} has no seed`);
      return isRemoved ? 0 : 1;
    } finally {
      log.close();
    }
  },
};

async function read(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${file} could not be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

function parsed(document: string, vin: string | undefined) {
  try {
    const known = parseSeed(document, vin);
    return { ...known, vin: vinOf(known.vin) };
  } catch (cause) {
    if (cause instanceof SeedError) throw new UsageError(cause.message, { cause });
    throw cause;
  }
}

function vinOf(value: string): string {
  if (!isVin(value)) throw new UsageError(`expected a VIN, got "${value}"`);
  return normalizeVin(value);
}
