// The vehicles that REST lists: those that ingest admits. TeslaMate reads the list once, at its start, and records no car
// that is missing in it, so a vehicle need not have sent anything.
import { readFile } from 'node:fs/promises';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import type { AdmissionStore } from '@fleetbridge/store';

export interface AdmittedVehiclesOptions {
  /** ALLOWED_VINS; undefined counts as `*`. */
  allowedVins: readonly string[] | undefined;
  /** ALLOWED_VINS_FILE. */
  file: string | undefined;
  admission: Pick<AdmissionStore, 'read'>;
  /** The vehicles that have sent something. */
  seen: () => Promise<readonly string[]>;
  now: () => number;
}

/** Requests within this time share one look at Redis and at the file. */
const FRESH_MS = 1_000;

export class AdmittedVehicles {
  readonly #options: AdmittedVehiclesOptions;
  #loading: Promise<ReadonlySet<string>> | undefined;
  #loadedMs = Number.NEGATIVE_INFINITY;

  constructor(options: AdmittedVehiclesOptions) {
    this.#options = options;
  }

  /** VINs, sorted. With `*` those that have sent something. Rejects when Redis does not answer. */
  vins(): Promise<ReadonlySet<string>> {
    const nowMs = this.#options.now();
    if (this.#loading === undefined || Math.abs(nowMs - this.#loadedMs) >= FRESH_MS) {
      this.#loadedMs = nowMs;
      this.#loading = this.#load();
      this.#loading.catch(() => {
        this.#loading = undefined;
      });
    }
    return this.#loading;
  }

  async #load(): Promise<ReadonlySet<string>> {
    const { allowedVins, file, admission, seen } = this.#options;
    const listed = new Set((allowedVins ?? (file === undefined ? ['*'] : [])).map(normalizeVin));
    if (file !== undefined) for (const vin of vinsIn(await readFile(file, 'utf8').catch(() => ''))) listed.add(vin);
    if (listed.delete('*')) for (const vin of await seen()) listed.add(vin);
    const { verdicts } = await admission.read();
    for (const [vin, verdict] of verdicts) {
      if (verdict === 'allow') listed.add(vin);
      else listed.delete(vin);
    }
    return new Set([...listed].filter((vin) => isVin(vin) && vin !== 'NONE').sort());
  }
}

function vinsIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map(normalizeVin);
}
