// One log line per client address and minute for failed logins, so that a flood does not fill the log.
import { rateLimitKey } from '../addresses/index.js';
import { BoundedMap } from './bounded-map.js';

const INTERVAL_MS = 60_000;
const MAX_KEYS = 10_000;

export interface FailureLogOptions {
  log: { warn(fields: object, event: string): void };
  /** Milliseconds from any origin; default: the monotonic clock. */
  now?: (() => number) | undefined;
}

interface FailureFields {
  address: string;
  [name: string]: unknown;
}

interface LastLine {
  loggedMs: number;
  /** Failures since the line. */
  suppressed: number;
}

export class FailureLog {
  readonly #log: FailureLogOptions['log'];
  readonly #now: () => number;
  readonly #lines = new BoundedMap<LastLine>({ maxKeys: MAX_KEYS });

  constructor({ log, now = () => performance.now() }: FailureLogOptions) {
    this.#log = log;
    this.#now = now;
  }

  /** The line has the number of failures since the last one. */
  warn(fields: FailureFields, event: string): void {
    this.warnPer('', fields, event);
  }

  /** `key` separates failures of one address that need a line each. */
  warnPer(key: string, fields: FailureFields, event: string): void {
    const nowMs = this.#now();
    const name = `${rateLimitKey(fields.address)} ${event} ${key}`;
    const last = this.#lines.get(name);
    if (last !== undefined && nowMs - last.loggedMs < INTERVAL_MS) {
      last.suppressed++;
      return;
    }
    this.#lines.set(name, { loggedMs: nowMs, suppressed: 0 });
    this.#log.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, event);
  }
}
