// Which partitions of which subscriptions this process works on. Every half second: who else lives, which subscriptions
// there are, and what follows from it: stop what is paused, changed or more than our share; take what nobody holds.
import {
  checkDefinition,
  createDelivery,
  type Delivery,
  type Environment,
  maxInFlightOf,
  messageOf,
  type SubscriptionDefinition,
} from '@fleetbridge/delivery';
import type { Logger } from '@fleetbridge/service';
import {
  AppendNotifier,
  acquireSubscription,
  joinDispatchers,
  leaveDispatchers,
  type Store,
  type StoredSubscription,
  SubscriptionStore,
} from '@fleetbridge/store';
import { recordFilter } from './filter.js';
import { LANE_LIMITS, type LaneLimits } from './lanes.js';
import { type DeliveryCounts, Worker } from './worker.js';

export const SUBSCRIPTION_LEASE_MS = 5_000;
const LOOK_EVERY_MS = 500;

export interface SubscriptionsOptions {
  store: Store;
  /** Unique to this process. */
  owner: string;
  log: Logger;
  env: Environment;
  countsOf: (subscription: string) => DeliveryCounts;
  now?: () => number;
  random?: () => number;
  leaseMs?: number;
  limits?: LaneLimits;
}

interface Unit {
  key: string;
  subscription: string;
  partition: number;
  start: string;
  definition: SubscriptionDefinition;
  /** Changes when the worker has to be made anew. */
  version: string;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #definitions: SubscriptionStore;
  readonly #wakers = new Map<number, AppendNotifier>();
  /** By unit, until the worker has ended. */
  readonly #workers = new Map<string, { worker: Worker; version: string; isStopping: boolean }>();
  readonly #verdicts = new Map<
    string,
    { text: string; problems: string[]; definition: SubscriptionDefinition | undefined }
  >();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#definitions = new SubscriptionStore(options.store);
  }

  /** Partitions of subscriptions that are worked on here. */
  get held(): number {
    return this.#workers.size;
  }

  start(): void {
    this.#looking = this.#look().finally(() => {
      if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), LOOK_EVERY_MS);
    });
  }

  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all([...this.#workers.values()].map(({ worker }) => worker.stop({ deadlineMs: deadlineMs * 0.8 })));
    await leaveDispatchers(this.#options.store, this.#options.owner).catch(() => {});
    for (const waker of this.#wakers.values()) waker.stop();
  }

  async #look(): Promise<void> {
    const { store, owner, log, leaseMs = SUBSCRIPTION_LEASE_MS } = this.#options;
    try {
      const dispatchers = await joinDispatchers(store, { owner, forMs: leaseMs });
      const units = await this.#units();
      this.#stopWhatChanged(new Map(units.map((unit) => [unit.key, unit])));
      const share = Math.ceil(units.length / dispatchers);
      this.#giveBack(this.#workers.size - share);
      await this.#take(units, share);
    } catch (err) {
      log.debug({ err }, 'subscriptions_not_looked_at');
    }
  }

  async #units(): Promise<Unit[]> {
    const units: Unit[] = [];
    for (const stored of await this.#definitions.list()) {
      const definition = await this.#checked(stored);
      if (definition === undefined || stored.paused !== undefined) continue;
      for (const [partition, start] of stored.start.entries()) {
        units.push({
          key: `${stored.name}/${partition}`,
          subscription: stored.name,
          partition,
          start,
          definition,
          version: versionOf(stored),
        });
      }
    }
    return units;
  }

  /** Says once for each definition whether it is good, in the log and to the CLI. */
  async #checked(stored: StoredSubscription): Promise<SubscriptionDefinition | undefined> {
    const { name, definition: given } = stored;
    const text = versionOf(stored);
    const known = this.#verdicts.get(name);
    if (known?.text === text && known.definition !== undefined) return known.definition;
    const checked = checkDefinition(given, name);
    const definition = 'value' in checked ? checked.value : undefined;
    let problems = 'mistakes' in checked ? checked.mistakes.map(({ path, problem }) => `${path}: ${problem}`) : [];
    if (definition !== undefined) {
      try {
        // nothing connects before the first record; this finds secrets and keys that are missing
        await (await this.#createDelivery(definition, 0)).stop();
      } catch (error) {
        problems = [`${name}: ${messageOf(error)}`];
      }
    }
    const verdict = { text, problems, definition: problems.length === 0 ? definition : undefined };
    this.#verdicts.set(name, verdict);
    if (known?.text !== text || known.problems.join() !== problems.join()) {
      await this.#definitions.setVerdict(name, problems);
      if (problems.length > 0) this.#options.log.error({ subscription: name, problems }, 'subscription_unusable');
    }
    return verdict.definition;
  }

  #stopWhatChanged(units: ReadonlyMap<string, Unit>): void {
    for (const [key, { version }] of this.#workers) if (units.get(key)?.version !== version) this.#stopWorker(key);
  }

  #giveBack(surplus: number): void {
    for (const key of [...this.#workers.keys()].slice(0, Math.max(0, surplus))) this.#stopWorker(key);
  }

  #stopWorker(key: string): void {
    const held = this.#workers.get(key)!;
    if (held.isStopping) return;
    held.isStopping = true;
    void held.worker.stop({ deadlineMs: this.#options.leaseMs ?? SUBSCRIPTION_LEASE_MS });
  }

  async #take(units: readonly Unit[], share: number): Promise<void> {
    const { store, owner, log, leaseMs = SUBSCRIPTION_LEASE_MS, random = Math.random } = this.#options;
    // from somewhere in the middle, so that several dispatchers don't all ask for the same ones first
    const offset = Math.floor(random() * units.length);
    for (let index = 0; index < units.length && this.#workers.size < share && !this.#isStopped; index++) {
      const unit = units[(index + offset) % units.length]!;
      if (this.#workers.has(unit.key)) continue;
      const { subscription, partition, start } = unit;
      const place = { store, partition, subscription };
      const work = await acquireSubscription(place, { owner, leaseMs, start }).catch((err) => {
        // one node of a cluster may be away, the others not
        log.debug({ err, subscription, partition }, 'subscription_not_taken');
        return undefined;
      });
      if (work === undefined) continue;
      log.info({ subscription, partition, epoch: work.epoch }, 'subscription_lease_taken');
      const { definition, key, version } = unit;
      const worker = new Worker({
        subscription,
        partition,
        work,
        leaseMs,
        delivery: await this.#createDelivery(definition, partition),
        waker: this.#wakerOf(partition),
        wants: recordFilter(definition),
        backOff: definition.backOff,
        maximumDeliveries: definition.maximumDeliveries,
        counts: this.#options.countsOf(subscription),
        log,
        now: this.#options.now ?? Date.now,
        random,
        onEnd: () => this.#workers.delete(key),
        limits: this.#options.limits ?? {
          ...LANE_LIMITS,
          inFlight: maxInFlightOf(definition) ?? LANE_LIMITS.inFlight,
        },
      });
      this.#workers.set(key, { worker, version, isStopping: false });
      worker.start();
    }
  }

  #createDelivery(definition: SubscriptionDefinition, partition: number): Promise<Delivery> {
    const { store, env, now = Date.now } = this.#options;
    return createDelivery(definition, { namespace: store.namespace, partition, env, now });
  }

  #wakerOf(partition: number): AppendNotifier {
    let waker = this.#wakers.get(partition);
    if (waker === undefined) {
      waker = new AppendNotifier({ store: this.#options.store, partition });
      this.#wakers.set(partition, waker);
    }
    return waker;
  }
}

/** Another one of the same name is another one, even if it says the same. */
function versionOf({ createdMs, definition }: StoredSubscription): string {
  return `${createdMs} ${JSON.stringify(definition)}`;
}
