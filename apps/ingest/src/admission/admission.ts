// Decides which vehicles with a valid certificate may connect: one rule over three lists. Pure.
import { isVehicleVin, isVin, normalizeVin } from '@fleetbridge/protocol';
import type { Verdict } from '@fleetbridge/store';

export interface AdmissionLists {
  /** ALLOWED_VINS and the file, in upper case; `*` admits every VIN. */
  listed: ReadonlySet<string>;
  /** Set by `fleetbridge vehicle allow` and `deny`. */
  verdicts: ReadonlyMap<string, Verdict>;
}

/** A verdict overrides every list, `*` included. Not case-sensitive, because people type VINs. */
export function createAdmission({ listed, verdicts }: AdmissionLists): (vin: string) => boolean {
  return (vin) => {
    const name = normalizeVin(vin);
    const verdict = verdicts.get(name);
    return verdict === undefined ? listed.has('*') || listed.has(name) : verdict === 'allow';
  };
}

/** Entries of a list of VINs, or lines of a file, that no real vehicle has: probably mistyped. */
export function entriesWithoutVin(entries: readonly string[]): string[] {
  return entries
    .map((entry) => entry.replace(/#.*/, '').trim())
    .filter((entry) => entry !== '' && entry !== '*' && entry !== 'none' && !isVehicleVin(entry));
}

/** One VIN per line; `#` starts a comment. `badLines`: numbers of invalid lines, counted from 1. */
export function parseVinFile(text: string): { vins: string[]; badLines: number[] } {
  const vins: string[] = [];
  const badLines: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    if (entry === '*' || isVin(entry)) vins.push(normalizeVin(entry));
    else badLines.push(index + 1);
  }
  return { vins, badLines };
}
