// Which vehicles may connect, among those whose certificate is good: one rule over three lists. Pure.
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import type { Verdict } from '@fleetbridge/store';

export interface AdmissionLists {
  /** ALLOWED_VINS and the file, in capitals; `*` admits every VIN. */
  listed: ReadonlySet<string>;
  /** What `fleetbridge vehicle` said of single VINs. */
  verdicts: ReadonlyMap<string, Verdict>;
}

/** A verdict of the operator counts before any list, `*` included. Case doesn't count, since people type VINs. */
export function createAdmission({ listed, verdicts }: AdmissionLists): (vin: string) => boolean {
  return (vin) => {
    const name = normalizeVin(vin);
    const verdict = verdicts.get(name);
    return verdict === undefined ? listed.has('*') || listed.has(name) : verdict === 'allow';
  };
}

/** One VIN a line; `#` begins a comment. `badLines` are numbers of lines, from 1, with anything else. */
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
