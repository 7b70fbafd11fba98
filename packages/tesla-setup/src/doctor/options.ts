// What the doctor needs to know of an installation, passed in.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '@fleetbridge/fleet-api';
import type { Store } from '@fleetbridge/store';
import type { TeslaSettings } from '@fleetbridge/tesla-account';

export interface DoctorOptions {
  /** Undefined: Redis does not answer. */
  readonly store: Store | undefined;
  /** Why, without a store. */
  readonly storeProblem?: string | undefined;
  /** DATA_DIR. */
  readonly dataDirectory: string;
  /** TESLA_KEY_FILE. */
  readonly keyFile?: string | undefined;
  /** With FLEET_API_URL it is a stand-in of Tesla on this machine, and private addresses are right. */
  readonly settings: TeslaSettings;
  /** Of the lease of a refresh; no other process has the same. */
  readonly owner: string;
  /** DOMAIN, TELEMETRY_HOST, STREAMING_HOST; what `setup` has stored is used first. */
  readonly names: {
    readonly domain?: string | undefined;
    readonly telemetry?: string | undefined;
    readonly streaming?: string | undefined;
  };
  /** At which vehicles connect, without a configuration that names it. */
  readonly telemetryPort: number;
  /** Where the services listen, as seen from here; the first that answers is used. */
  readonly inside: Readonly<Record<'telemetry' | 'streaming' | 'gateway', readonly Place[]>>;
  /** The CAs of vehicles that must be named to them. Rejects when their file can not be read. */
  readonly vehicleCas: () => Promise<readonly X509Certificate[]>;
  /** RETENTION_HOURS. */
  readonly retentionHours: number;
  /** Of fleetbridge. */
  readonly version: string;
  /** Addresses of a name; empty without one. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** Of the web server of the domain: port (443), and a CA in place of those of the system. */
  readonly web?: { readonly port?: number | undefined; readonly ca?: string | undefined } | undefined;
  readonly clock?: Clock | undefined;
  /** Of one check. */
  readonly limitMs?: number | undefined;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}
