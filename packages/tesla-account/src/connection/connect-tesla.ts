// Tesla as this installation reaches it: the client with the configured addresses, the signed-in account, the application.
// Every call that Tesla bills is counted here, and nowhere else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type CountedCall,
  createFleetApi,
  type FleetApi,
  type OwnerApi,
  type PartnerApi,
  type Region,
  systemClock,
} from '@fleetbridge/fleet-api';
import { CommandProtocols, countApiCalls, type Store, TeslaAccountStore } from '@fleetbridge/store';
import { readApplication, type TeslaApplication } from '../application/index.js';
import { TeslaAccountError } from '../errors/index.js';
import { createTeslaAccount, type TeslaAccount } from '../tokens/index.js';

/** Values of the variables with the same names. */
export interface TeslaSettings {
  readonly TESLA_REGION?: Region | undefined;
  readonly FLEET_API_URL?: string | undefined;
  readonly FLEET_AUTH_URL?: string | undefined;
  readonly FLEET_CA_FILE?: string | undefined;
}

export interface TeslaConnectionOptions {
  readonly store: Store;
  /** DATA_DIR. */
  readonly dataDirectory: string;
  readonly settings: TeslaSettings;
  /** Of the lease of a refresh; no other process has the same. */
  readonly owner: string;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly onCall?: ((call: CountedCall) => void) | undefined;
}

export interface TeslaConnection {
  readonly fleet: FleetApi;
  readonly account: TeslaAccount;
  /** With the tokens of the account. Also rejects with TeslaAccountError, such as not_signed_in. */
  readonly owner: OwnerApi;
  /** What `setup` has stored; undefined before it. Rejects with TeslaAccountError. */
  application(): Promise<TeslaApplication | undefined>;
  /** With a token of the stored application. Rejects with TeslaAccountError before `setup`, and with FleetApiError. */
  partner(): Promise<PartnerApi>;
}

export async function connectTesla(options: TeslaConnectionOptions): Promise<TeslaConnection> {
  const { store, dataDirectory, settings, owner, clock = systemClock, random = Math.random, onCall } = options;
  const directory = join(dataDirectory, 'tesla');
  const remembered = new TeslaAccountStore(store);
  const { apiUrl: rememberedUrl } = await remembered.read();
  const fleet = createFleetApi({
    clock,
    random,
    ca: caOf(settings.FLEET_CA_FILE),
    region: settings.TESLA_REGION,
    apiUrl: settings.FLEET_API_URL,
    authUrl: settings.FLEET_AUTH_URL,
    rememberedUrl,
    onRegionFound: (apiUrl) => void remembered.rememberApiUrl(apiUrl).catch(() => undefined),
    onCall: (call) => {
      onCall?.(call);
      const { kind, isBillable } = call;
      // a count that is lost must not make the call fail
      if (isBillable && kind !== 'free') countApiCalls(store, { kind, nowMs: clock.nowMs() }).catch(() => undefined);
    },
  });
  const account = createTeslaAccount({ store, directory, fleet, clock, owner });
  const application = () => readApplication(store, directory);
  return {
    fleet,
    account,
    owner: rememberingProtocols(
      fleet.owner((rejected) => account.accessToken(rejected)),
      store,
    ),
    application,
    async partner() {
      const stored = await application();
      if (stored === undefined) throw new TeslaAccountError('no_application');
      return await fleet.partner(stored);
    },
  };
}

/** What `fleet_status` reports about the protocol saves the first command to a vehicle a call that would be rejected. */
function rememberingProtocols(owner: OwnerApi, store: Store): OwnerApi {
  const protocols = new CommandProtocols(store);
  return {
    ...owner,
    async fleetStatus(vins) {
      const statuses = await owner.fleetStatus(vins);
      for (const { vin, isCommandProtocolRequired: isRequired } of statuses) {
        if (isRequired === undefined) continue;
        await protocols.guess(vin, isRequired ? 'signed' : 'rest').catch(() => undefined);
      }
      return statuses;
    },
  };
}

function caOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TeslaAccountError('ca_file_not_readable', { file, cause });
  }
}
