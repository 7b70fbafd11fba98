// The key and the Tesla account that `setup` stores, for vehicle commands.
import { join } from 'node:path';
import { systemClock } from '@fleetbridge/fleet-api';
import type { RunContext } from '@fleetbridge/service';
import { applicationKeyFile, type TeslaConnection } from '@fleetbridge/tesla-account';
import { type CommandAccount, createCommandAccount } from './commands/index.js';
import type { GatewayConfig } from './config.js';

export function storedCommandAccount(config: GatewayConfig, connect: () => Promise<TeslaConnection>): CommandAccount {
  return createCommandAccount({
    connect,
    keyFile: applicationKeyFile(join(config.DATA_DIR, 'tesla')),
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
