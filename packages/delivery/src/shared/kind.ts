// One kind of delivery as a value: its settings, its command line flags and how a delivery of it is created.
import type { z } from 'zod';
import type { Delivery } from './delivery.js';
import type { PayloadForm, SignalSelection } from './payload.js';

export interface DeliveryKind<Schema extends z.ZodType = z.ZodType> {
  /** The member of a definition that has the settings. */
  readonly name: string;
  /** For the table of settings in docs/dispatcher.md. */
  readonly description: string;
  readonly schema: Schema;
  /** Options of `fleetbridge subscription create`. */
  readonly flags: {
    /** As --help prints them, e.g. `--push <url>`. */
    readonly usage: string;
    /** As parseArgs of node:util expects them. */
    readonly options: { readonly [flag: string]: { readonly type: 'string' | 'boolean'; readonly multiple?: boolean } };
    /** The settings for a definition; undefined when no flag of this kind is given. */
    readonly settings: (values: FlagValues) => unknown;
  };
  /** Records sent at once per partition, if the settings limit them. */
  maxInFlight?(settings: z.output<Schema>): number;
  /**
   * Must import the implementation dynamically: the CLI reads this table, and a client library costs start time and
   * memory. Rejects when a secret or a key file of the settings is missing. Connects with `start` or the first record.
   */
  create(settings: z.output<Schema>, context: DeliveryContext): Promise<Delivery>;
}

export type FlagValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** What a delivery has to know of its subscription. */
export interface DeliveryContext {
  subscription: string;
  topics: readonly string[];
  signals: SignalSelection;
  form: PayloadForm;
  ackDeadlineMs: number;
  namespace: string;
  partition: number;
  /** The same for every dispatcher that owns this partition of this subscription; unique otherwise. */
  clientId: string;
  now: () => number;
  /** Resolves `env:NAME` and `file:/path`. Throws SecretMissing. */
  secret: <T extends string | undefined>(given: T) => T;
  log: DeliveryLog;
}

/** A delivery logs what no outcome reports. Every line names the subscription and the partition. */
export interface DeliveryLog {
  info(facts: object, event: string): void;
  warn(facts: object, event: string): void;
}

/** Infers the type of the settings from the schema. */
export function defineDeliveryKind<Schema extends z.ZodType>(kind: DeliveryKind<Schema>): DeliveryKind<Schema> {
  return kind;
}
