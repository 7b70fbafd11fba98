// The key and the Tesla account that `setup` stores, for vehicle commands.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '@fleetbridge/fleet-api';
import type { RunContext } from '@fleetbridge/service';
import type { Store } from '@fleetbridge/store';
import { applicationKeyFile, connectTesla, type TeslaConnection } from '@fleetbridge/tesla-account';
import { type CommandAccount, createCommandAccount } from './commands/index.js';
import type { GatewayConfig } from './config.js';

/** Connects at the first command: the region of the account is in Redis, which may not answer yet at the start. */
export function storedCommandAccount(config: GatewayConfig, store: Store): CommandAccount {
  const { DATA_DIR } = config;
  let connection: TeslaConnection | undefined;
  return createCommandAccount({
    connect: async () => {
      connection ??= await connectTesla({ store, dataDirectory: DATA_DIR, settings: config, owner: randomUUID() });
      return connection;
    },
    keyFile: applicationKeyFile(join(DATA_DIR, 'tesla')),
    clock: systemClock,
  });
}

/** Once at the start. Commands report it too. */
export async function reportUnusable(account: CommandAccount, log: RunContext['log']): Promise<void> {
  try {
    const opened = await account.open({ timeoutMs: REPORT_TIME_LIMIT_MS });
    if (opened.kind === 'not_set_up')
      log.warn({ reason: opened.meaning, remedy: opened.remedy }, 'commands_unavailable');
    if (opened.kind === 'unreachable') log.warn({ reason: opened.cause }, 'commands_unavailable');
  } catch (err) {
    log.warn({ err }, 'commands_unavailable');
  }
}

const REPORT_TIME_LIMIT_MS = 30_000;
