// The lists behind createAdmission, kept up to date while vehicles are connected: the file is read and Redis is asked
// every second. Nothing that fails takes a vehicle's place away: the lists that were read last stay in force.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { AdmissionStore, Verdict } from '@fleetbridge/store';
import { createAdmission, parseVinFile } from './admission.js';

const LOOK_MS = 1_000;

export interface AdmissionWatchOptions {
  /** ALLOWED_VINS. */
  allowedVins: readonly string[];
  /** ALLOWED_VINS_FILE. */
  file: string | undefined;
  store: Pick<AdmissionStore, 'read' | 'version'>;
  log: Logger;
  /** Told after each change: who is connected may not be admitted any more. */
  onChange: () => void;
  lookMs?: number | undefined;
}

export class AdmissionWatch {
  readonly #options: AdmissionWatchOptions;
  readonly #lookMs: number;
  #isAdmitted: (vin: string) => boolean = () => false;
  #isStopped = false;
  #fileText = '';
  #fileVins: readonly string[] = [];
  /** What the last look at the file found, if that was another text than the one in force; undefined = no file. */
  #found: { text: string | undefined; looks: number } | undefined;
  #version: string | undefined;
  #verdicts: ReadonlyMap<string, Verdict> = new Map();

  /** Reads the file for the first time; the configuration's check has found it good. */
  constructor(options: AdmissionWatchOptions) {
    this.#options = options;
    this.#lookMs = options.lookMs ?? LOOK_MS;
    if (options.file !== undefined) {
      this.#fileText = readFileSync(options.file, 'utf8');
      this.#fileVins = parseVinFile(this.#fileText).vins;
    }
    this.#decideAnew();
  }

  isAdmitted(vin: string): boolean {
    return this.#isAdmitted(vin);
  }

  /** Resolves when Redis has said whom the operator allowed and denied, however long that takes. */
  async start(signal: AbortSignal): Promise<void> {
    while (!(await this.#lookAtStore()) && !signal.aborted) await delay(Math.min(this.#lookMs, 100));
    this.#repeat(() => this.#lookAtStore());
    if (this.#options.file !== undefined) this.#repeat(() => this.#lookAtFile());
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Apart from each other: a Redis that does not answer must not hold up the file. */
  #repeat(look: () => Promise<unknown>): void {
    setTimeout(async () => {
      if (this.#isStopped) return;
      await look();
      this.#repeat(look);
    }, this.#lookMs).unref();
  }

  async #lookAtStore(): Promise<boolean> {
    const { store, log } = this.#options;
    try {
      if (this.#version !== undefined && (await store.version()) === this.#version) return true;
      const { version, verdicts } = await store.read();
      const isFirst = this.#version === undefined;
      this.#version = version;
      this.#verdicts = verdicts;
      this.#decideAnew();
      if (!isFirst) this.#changed('redis');
      return true;
    } catch (err) {
      log.debug({ err }, 'admission_not_read');
      return false;
    }
  }

  /** A file may be seen half written, so only what two looks find counts. */
  async #lookAtFile(): Promise<void> {
    const { file = '', log } = this.#options;
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === this.#fileText) {
      this.#found = undefined;
      return;
    }
    if (this.#found === undefined || this.#found.text !== text) this.#found = { text, looks: 0 };
    this.#found.looks++;
    if (this.#found.looks !== 2) return;
    const { vins, badLines } = parseVinFile(text ?? '');
    if (text === undefined || badLines.length > 0) {
      log.error({ file, bad_lines: badLines, remedy: 'one VIN a line' }, 'allowed_vins_file_not_taken');
      return;
    }
    this.#fileText = text;
    this.#fileVins = vins;
    this.#decideAnew();
    this.#changed('file');
  }

  #decideAnew(): void {
    const listed = new Set([...this.#options.allowedVins.map(normalizeVin), ...this.#fileVins]);
    this.#isAdmitted = createAdmission({ listed, verdicts: this.#verdicts });
  }

  #changed(source: 'redis' | 'file'): void {
    if (this.#isStopped) return;
    this.#options.log.info(
      { source, file_vins: this.#fileVins.length, verdicts: this.#verdicts.size },
      'admission_changed',
    );
    this.#options.onChange();
  }
}
