// Keeps the admission lists up to date while vehicles are connected. The file is read and Redis is polled every second.
// After a failure the lists that were read last stay in force.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { normalizeVin } from '@fleetbridge/protocol';
import { type FileWatcher, type Logger, watchFiles } from '@fleetbridge/service';
import type { AdmissionStore, Verdict } from '@fleetbridge/store';
import { createAdmission, entriesWithoutVin, parseVinFile } from './admission.js';

const POLL_MS = 1_000;
const FIRST_RETRY_MS = 100;

export interface AdmissionWatchOptions {
  /** ALLOWED_VINS. */
  allowedVins: readonly string[];
  /** ALLOWED_VINS_FILE. */
  file: string | undefined;
  store: Pick<AdmissionStore, 'read' | 'version' | 'restore'>;
  log: Logger;
  /** Called after each change: connected vehicles may no longer be admitted. */
  onChange: () => void;
  pollMs?: number | undefined;
}

/** Logs entries that are no VINs. An entry that no certificate can have is skipped. */
export function warnOfEntries(
  { variable, entries }: { variable: string; entries: readonly string[] },
  log: Pick<Logger, 'warn'>,
): void {
  const wrong = entriesWithoutVin(entries);
  if (wrong.length === 0) return;
  const remedy =
    'a VIN has 17 letters and digits, without I, O and Q; commas separate VINs in a variable, lines in a file';
  log.warn({ variable, entries: wrong.slice(0, 20), remedy }, 'vin_entry_invalid');
}

export class AdmissionWatch {
  readonly #options: AdmissionWatchOptions;
  readonly #pollMs: number;
  #isAdmitted: (vin: string) => boolean = () => false;
  #isStopped = false;
  #fileText = '';
  #fileVins: readonly string[] = [];
  #fileWatcher: FileWatcher | undefined;
  #version: string | undefined;
  #verdicts: ReadonlyMap<string, Verdict> = new Map();

  /** Reads the file, which the configuration check has already validated. */
  constructor(options: AdmissionWatchOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? POLL_MS;
    if (options.file !== undefined) {
      this.#fileText = readFileSync(options.file, 'utf8');
      this.#fileVins = parseVinFile(this.#fileText).vins;
    }
    this.#updateAdmission();
  }

  isAdmitted(vin: string): boolean {
    return this.#isAdmitted(vin);
  }

  /** Resolves when the verdicts have been read from Redis, or when `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    while (!(await this.#pollStore()) && !signal.aborted) await delay(Math.min(this.#pollMs, FIRST_RETRY_MS));
    if (this.#isStopped) return;
    this.#scheduleStorePoll();
    if (this.#options.file !== undefined) this.#fileWatcher = this.#watchFile(this.#options.file);
  }

  stop(): void {
    this.#isStopped = true;
    void this.#fileWatcher?.stop();
  }

  #scheduleStorePoll(): void {
    setTimeout(async () => {
      if (this.#isStopped) return;
      await this.#pollStore();
      this.#scheduleStorePoll();
    }, this.#pollMs).unref();
  }

  async #pollStore(): Promise<boolean> {
    const { store, log } = this.#options;
    try {
      if (this.#version !== undefined) {
        const current = await store.version();
        if (current === this.#version) return true;
        // nothing but the loss of Redis' data removes the version
        if (current === '' && this.#verdicts.size > 0) await this.#restore();
      }
      const { version, verdicts } = await store.read();
      const isFirst = this.#version === undefined;
      this.#version = version;
      this.#verdicts = verdicts;
      this.#updateAdmission();
      if (!isFirst) this.#changed('redis');
      return true;
    } catch (err) {
      log.debug({ err }, 'admission_read_failed');
      return false;
    }
  }

  async #restore(): Promise<void> {
    await this.#options.store.restore(this.#verdicts);
    this.#options.log.warn({ verdicts: this.#verdicts.size }, 'admission_restored');
  }

  #watchFile(file: string): FileWatcher {
    const logFailure = (badLines: number[]) =>
      this.#options.log.error({ file, bad_lines: badLines, remedy: 'one VIN per line' }, 'allowed_vins_reload_failed');
    return watchFiles({
      load: () => readFile(file, 'utf8'),
      keyOf: (text) => text,
      currentKey: this.#fileText,
      // The file may be read half written.
      contentPolls: 2,
      apply: (text) => {
        const { vins, badLines } = parseVinFile(text);
        if (badLines.length > 0 && vins.length === 0) {
          logFailure(badLines);
          return 'rejected';
        }
        warnOfEntries({ variable: 'ALLOWED_VINS_FILE', entries: text.split('\n') }, this.#options.log);
        this.#fileVins = vins;
        this.#updateAdmission();
        this.#changed('file');
        return 'applied';
      },
      onError: () => logFailure([]),
      intervalMs: this.#pollMs,
    });
  }

  #updateAdmission(): void {
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
