// The last report of `fleetbridge doctor`, for the status page. One field per finding, so that those of a vehicle can be
// deleted with it. In no partition, because it is read as a whole.
import { doctorReportKey, type Store } from '../redis/index.js';

export interface StoredDoctorReport {
  checkedMs: number;
  findings: StoredFinding[];
}

export interface StoredFinding {
  title: string;
  colour: 'green' | 'yellow' | 'red' | 'grey';
  text: string;
  vin?: string | undefined;
  remedy?: string | undefined;
}

const CHECKED = 'checked';

export class DoctorReportStore {
  readonly #redis: Store['redis'];
  readonly #key: string;

  constructor({ redis, namespace }: Store) {
    this.#redis = redis;
    this.#key = doctorReportKey(namespace);
  }

  /** In place of the report before. */
  async write({ checkedMs, findings }: StoredDoctorReport): Promise<void> {
    const fields = findings.map((finding, at) => [`${at} ${finding.vin ?? ''}`, JSON.stringify(finding)] as const);
    await this.#redis
      .multi()
      .del(this.#key)
      .hset(this.#key, Object.fromEntries([[CHECKED, String(checkedMs)], ...fields]))
      .exec();
  }

  /** Undefined: the doctor has not run yet. */
  async read(): Promise<StoredDoctorReport | undefined> {
    const { [CHECKED]: checkedMs, ...fields } = await this.#redis.hgetall(this.#key);
    if (checkedMs === undefined) return undefined;
    const ordered = Object.entries(fields).sort(
      ([one], [other]) => Number.parseInt(one, 10) - Number.parseInt(other, 10),
    );
    return { checkedMs: Number(checkedMs), findings: ordered.map(([, json]) => JSON.parse(json) as StoredFinding) };
  }

  /** Returns the number of findings that were deleted. */
  async removeVehicle(vin: string): Promise<number> {
    const fields = (await this.#redis.hkeys(this.#key)).filter((field) => field.endsWith(` ${vin}`));
    return fields.length === 0 ? 0 : await this.#redis.hdel(this.#key, ...fields);
  }
}
