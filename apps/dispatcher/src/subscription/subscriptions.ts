// Decides which partitions of which subscriptions this process delivers. Every half second it counts the running
// dispatchers and lists the subscriptions, stops workers that are paused, changed or beyond its share, and acquires leases
// that no other process holds.
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
  SnapshotStore,
  type Store,
  type StoredSubscription,
  SubscriptionStore,
} from '@fleetbridge/store';
import type { DeliveryCounts } from './delivery-counts.js';
import { recordFilter } from './filter.js';
import { readKnownVehicles } from './known-vehicles.js';
import { LANE_LIMITS, type LaneLimits } from './lane.js';
import { NewestValues } from './newest-values.js';
import { Worker } from './worker.js';

export const SUBSCRIPTION_LEASE_MS = 5_000;
const CHECK_EVERY_MS = 500;

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
  /** A change requires a new worker. */
  version: string;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #definitions: SubscriptionStore;
  readonly #notifiers = new Map<number, AppendNotifier>();
  /** By key of the unit, until the worker has ended. */
  readonly #workers = new Map<string, { worker: Worker; version: string; isStopping: boolean }>();
  readonly #verdicts = new Map<
    string,
    { version: string; problems: string[]; definition: SubscriptionDefinition | undefined }
  >();
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#definitions = new SubscriptionStore(options.store);
  }

  /** Partitions of subscriptions that this process delivers. */
  get held(): number {
    return this.#workers.size;
  }

  start(): void {
    this.#checking = this.#check().finally(() => {
      if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), CHECK_EVERY_MS);
    });
  }

  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#checking;
    await Promise.all([...this.#workers.values()].map(({ worker }) => worker.stop({ deadlineMs: deadlineMs * 0.8 })));
    await leaveDispatchers(this.#options.store, this.#options.owner).catch(() => {});
    for (const notifier of this.#notifiers.values()) notifier.stop();
  }

  async #check(): Promise<void> {
    const { store, owner, log, leaseMs = SUBSCRIPTION_LEASE_MS } = this.#options;
    try {
      const dispatchers = await joinDispatchers(store, { owner, forMs: leaseMs });
      const units = await this.#units();
      this.#stopChanged(new Map(units.map((unit) => [unit.key, unit])));
      const share = Math.ceil(units.length / dispatchers);
      this.#releaseSurplus(this.#workers.size - share);
      await this.#acquire(units, share);
    } catch (err) {
      log.debug({ err }, 'subscriptions_check_failed');
    }
  }

  async #units(): Promise<Unit[]> {
    const units: Unit[] = [];
    for (const stored of await this.#definitions.list()) {
      const definition = await this.#definitionOf(stored);
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

  /** Undefined for a definition with mistakes. Reports each verdict once, to the log and the CLI. */
  async #definitionOf(stored: StoredSubscription): Promise<SubscriptionDefinition | undefined> {
    const { name, definition: given } = stored;
    const version = versionOf(stored);
    const known = this.#verdicts.get(name);
    if (known?.version === version && known.definition !== undefined) return known.definition;
    const checked = checkDefinition(given, name);
    const definition = 'value' in checked ? checked.value : undefined;
    let problems = 'mistakes' in checked ? checked.mistakes.map(({ path, problem }) => `${path}: ${problem}`) : [];
    if (definition !== undefined) {
      try {
        // finds missing secrets and key files; a delivery connects only with `start` or its first record
        await (await this.#createDelivery(definition, 0)).stop();
      } catch (error) {
        problems = [`${name}: ${messageOf(error)}`];
      }
    }
    const verdict = { version, problems, definition: problems.length === 0 ? definition : undefined };
    this.#verdicts.set(name, verdict);
    if (known?.version !== version || known.problems.join() !== problems.join()) {
      await this.#definitions.setVerdict(name, problems);
      if (problems.length > 0) this.#options.log.error({ subscription: name, problems }, 'subscription_rejected');
    }
    return verdict.definition;
  }

  #stopChanged(units: ReadonlyMap<string, Unit>): void {
    for (const [key, { version }] of this.#workers) if (units.get(key)?.version !== version) this.#stopWorker(key);
  }

  #releaseSurplus(surplus: number): void {
    for (const key of [...this.#workers.keys()].slice(0, Math.max(0, surplus))) this.#stopWorker(key);
  }

  #stopWorker(key: string): void {
    const running = this.#workers.get(key)!;
    if (running.isStopping) return;
    running.isStopping = true;
    void running.worker.stop({ deadlineMs: this.#options.leaseMs ?? SUBSCRIPTION_LEASE_MS });
  }

  async #acquire(units: readonly Unit[], share: number): Promise<void> {
    const { store, owner, log, leaseMs = SUBSCRIPTION_LEASE_MS, random = Math.random } = this.#options;
    // starts at a random unit, so that several dispatchers do not contend for the same ones
    const offset = Math.floor(random() * units.length);
    for (let index = 0; index < units.length && this.#workers.size < share && !this.#isStopped; index++) {
      const unit = units[(index + offset) % units.length]!;
      if (this.#workers.has(unit.key)) continue;
      const { subscription, partition, start } = unit;
      const place = { store, partition, subscription };
      const work = await acquireSubscription(place, { owner, leaseMs, start }).catch((err) => {
        // one node of a cluster may be down while others answer
        log.debug({ err, subscription, partition }, 'subscription_lease_failed');
        return undefined;
      });
      if (work === undefined) continue;
      const { definition, key, version } = unit;
      const delivery = await this.#createDelivery(definition, partition).catch(() => undefined);
      if (delivery === undefined) {
        // a secret or a key file is missing since the definition was checked: the next check reports it
        this.#verdicts.delete(subscription);
        await work.release().catch(() => {});
        continue;
      }
      log.info({ subscription, partition, epoch: work.epoch }, 'subscription_lease_acquired');
      const worker = new Worker({
        subscription,
        partition,
        work,
        leaseMs,
        delivery,
        newest: delivery.keepsLastValues ? new NewestValues({ snapshots: new SnapshotStore(store) }) : undefined,
        readVehicles: (upTo) => readKnownVehicles({ store, partition, vins: definition.vins }, upTo),
        notifier: this.#notifierOf(partition),
        matches: recordFilter(definition),
        backOff: definition.backOff,
        maximumDeliveries: definition.maximumDeliveries,
        ackDeadlineMs: definition.ackDeadlineSeconds * 1_000,
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
    const { store, env, log, now = Date.now } = this.#options;
    return createDelivery(definition, { namespace: store.namespace, partition, env, now, log });
  }

  #notifierOf(partition: number): AppendNotifier {
    let notifier = this.#notifiers.get(partition);
    if (notifier === undefined) {
      notifier = new AppendNotifier({ store: this.#options.store, partition });
      this.#notifiers.set(partition, notifier);
    }
    return notifier;
  }
}

/** Differs for a subscription that was deleted and created again with the same definition. */
function versionOf({ createdMs, definition }: StoredSubscription): string {
  return `${createdMs} ${JSON.stringify(definition)}`;
}
