// Which commands were sent, for whom, and what became of them. Without parameters: they can hold a PIN or a place.
import type { Store } from '../redis/index.js';

/** Per partition. */
const MAX_ENTRIES = 10_000;
/** Read per partition when one vehicle is searched for. */
const PAGE = 500;

export interface AuditedCommand {
  vin: string;
  /** Principal of the token: `token:<id>`. */
  who: string;
  /** Of the token, which may be revoked when the audit is read; absent without one. */
  label?: string;
  command: string;
  outcome: string;
  /** Calls to Tesla. */
  calls: number;
}

export class CommandAudit {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async add({ vin, who, label, command, outcome, calls }: AuditedCommand): Promise<void> {
    const fields = ['vin', vin, 'who', who, 'command', command, 'outcome', outcome, 'calls', String(calls)];
    if (label !== undefined) fields.push('label', label);
    const key = this.#store.keysOf(vin).commandAudit;
    await this.#store.redis.xadd(key, 'MAXLEN', '~', String(MAX_ENTRIES), '*', ...fields);
  }

  /** The newest ones first, with the time of Redis. */
  async newest({ vin, count }: { vin?: string; count: number }): Promise<(AuditedCommand & { atMs: number })[]> {
    const lists =
      vin === undefined
        ? await this.#store.eachPartition(({ commandAudit }) => this.#read(commandAudit, count, () => true))
        : [await this.#read(this.#store.keysOf(vin).commandAudit, count, (entry) => entry.vin === vin)];
    return lists
      .flat()
      .sort((left, right) => right.atMs - left.atMs)
      .slice(0, count);
  }

  async #read(key: string, count: number, isWanted: (entry: AuditedCommand) => boolean) {
    const found: (AuditedCommand & { atMs: number })[] = [];
    for (let before = '+'; found.length < count; ) {
      const page = await this.#store.redis.xrevrange(key, before, '-', 'COUNT', PAGE);
      for (const [id, fields] of page) {
        const entry = readEntry(id, fields);
        if (found.length < count && isWanted(entry)) found.push(entry);
        before = `(${id}`;
      }
      if (page.length < PAGE) break;
    }
    return found;
  }
}

function readEntry(id: string, fields: string[]): AuditedCommand & { atMs: number } {
  const named = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) named.set(fields[at]!, fields[at + 1]!);
  const text = (name: string) => named.get(name) ?? '';
  const [vin, who, command, outcome] = [text('vin'), text('who'), text('command'), text('outcome')];
  const label = named.get('label');
  const atMs = Number.parseInt(id, 10);
  return { vin, who, ...(label && { label }), command, outcome, calls: Number(text('calls')), atMs };
}
