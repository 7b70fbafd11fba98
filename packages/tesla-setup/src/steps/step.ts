// A step of the set-up: it detects that it is done, so that an interrupted set-up continues where it ended.
import type { Clock } from '@fleetbridge/fleet-api';
import { ConfigurationStore, type Store } from '@fleetbridge/store';
import type { ApplicationKeyPair, TeslaApplication, TeslaConnection } from '@fleetbridge/tesla-account';
import type { FieldsSource, ReportParts } from '../configuration/index.js';
import type { Dialogue } from './dialogue.js';
import type { Network } from './network.js';

export type StepName =
  | 'domain'
  | 'application_key'
  | 'public_key'
  | 'application'
  | 'registration'
  | 'sign_in'
  | 'region'
  | 'vehicles'
  | 'pairing'
  | 'configuration'
  | 'sync'
  | 'first_record'
  | 'seed';

export type Outcome =
  | { readonly state: 'done'; readonly text: string }
  /** The set-up continues. */
  | { readonly state: 'warning'; readonly text: string; readonly remedy: string }
  /** Something that only the owner can do; afterwards the same command continues here. */
  | { readonly state: 'needed'; readonly text: string; readonly remedy: string }
  | { readonly state: 'failed'; readonly problem: string; readonly text: string; readonly remedy: string };

export interface Step {
  readonly name: StepName;
  readonly title: string;
  /** Changes nothing. Any other state than done leads to `run`. */
  check(context: SetupContext): Promise<Outcome>;
  /** Rejects with FleetApiError, TeslaAccountError, SetupCancelled, or an error of the store. */
  run(context: SetupContext, checked: Outcome): Promise<Outcome>;
}

export interface SetupContext {
  readonly options: SetupOptions;
  readonly store: Store;
  readonly tesla: TeslaConnection;
  readonly dialogue: Dialogue;
  readonly network: Network;
  readonly clock: Clock;
  /** Random text for `state` and `nonce`. */
  readonly randomText: () => string;
  /** Lines of a QR code for the phone; empty where it can not be shown. */
  readonly qrCode: (text: string) => readonly string[];
  /** What the steps before have found; each step reads only what an earlier one has set. */
  readonly facts: SetupFacts;
}

export interface SetupOptions {
  /** DATA_DIR. */
  readonly dataDirectory: string;
  readonly domain: string | undefined;
  readonly telemetryHost: string | undefined;
  /** At which vehicles connect. */
  readonly port: number;
  /** Where the telemetry server may be reached from here; the first that answers is used. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly keyFile: string | undefined;
  /** The owner knows that every vehicle must be paired again. */
  readonly isNewKey: boolean;
  readonly redirectUri: string;
  /** Tesla is asked to allow vehicle commands too. */
  readonly hasCommands: boolean;
  /** Also although an account is signed in. */
  readonly isSignInAgain?: boolean;
  /** The address at which the browser ended. */
  readonly redirectUrl: string | undefined;
  /** Waits for the browser at `redirectUri`, which leads to this machine. */
  readonly isListening: boolean;
  /** Empty: all, or those that the owner chooses. */
  readonly vins: readonly string[];
  readonly source: FieldsSource;
  /** PEM, in place of the chain that the server sends. */
  readonly ca: string | undefined;
  /** In which an owner pairs a vehicle, and a vehicle takes its configuration. */
  readonly waitMs: number;
  /** Page on which the owner approves the key, without the domain. */
  readonly pairingUrl: string;
  /** ALLOWED_VINS: these need no entry of their own. */
  readonly allowedVins: readonly string[];
}

export interface SetupFacts {
  domain?: string;
  telemetryHost?: string;
  key?: ApplicationKeyPair;
  application?: TeslaApplication;
  vins?: readonly string[] | undefined;
  /** By VIN: what fleet_status has named. */
  firmware?: ReadonlyMap<string, string>;
}

/** Where the reports of vehicles are read, after the step of the application. */
export function reportsOf({ tesla, facts, store }: SetupContext): ReportParts {
  return { fleet: tesla.fleet, application: facts.application!, configurations: new ConfigurationStore(store) };
}
