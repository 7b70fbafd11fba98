// `fleetbridge setup`: from a Tesla developer account to the first frame (packages/tesla-setup), in a dialogue or by options.
import { randomBytes } from 'node:crypto';
import { systemClock } from '@fleetbridge/fleet-api';
import { loadConfig } from '@fleetbridge/service';
import { connectTesla } from '@fleetbridge/tesla-account';
import { type Dialogue, runSetup, SetupCancelled, type SetupEvent } from '@fleetbridge/tesla-setup';
import { setupConfig } from '../../config.js';
import type { Command, Invocation } from '../command.js';
import { openLog } from '../log-access.js';
import { systemNetwork } from './network.js';
import { qrLines } from './qr-code.js';
import { removeVehicle } from './remove-vehicle.js';
import { scriptDialogue } from './script-dialogue.js';
import { readSetupArguments, setupHelp, setupOptions } from './setup-arguments.js';
import { commandsLine, eventLines, jsonOf, teslamateLines } from './setup-output.js';

export const setup: Command = {
  usage: '[--check] [--yes] [--json] [options] | --remove <VIN>',
  help: setupHelp,
  failsAsJson: true,
  options: setupOptions,
  async run(invocation) {
    const { env, values } = invocation;
    const { config } = loadConfig(setupConfig, { env });
    const given = readSetupArguments(invocation, config);
    const log = await openLog(env, 'fleetbridge-setup');
    try {
      const owner = `setup-${process.pid}`;
      const tesla = await connectTesla({ store: log, dataDirectory: config.DATA_DIR, settings: config, owner });
      if (given.remove !== undefined) return await removeVehicle({ vin: given.remove, log, tesla }, invocation);
      const dialogue = await dialogueFor(invocation, given.isInteractive);
      const context = {
        options: given.options,
        store: log,
        tesla,
        dialogue,
        network: systemNetwork,
        clock: systemClock,
        randomText: () => randomBytes(16).toString('hex'),
        qrCode: (text: string) => (process.stdout.isTTY ? qrLines(text) : []),
        facts: {},
      };
      const result = await runSetup(context, {
        isCheckOnly: values.check === true,
        onEvent: (event) => report(event, invocation),
      });
      if (values.json === true) invocation.print(JSON.stringify({ result }));
      else if (result === 'complete') {
        for (const line of teslamateLines(env)) invocation.print(line);
        if (given.options.hasCommands && !config.COMMANDS) invocation.print(commandsLine);
      }
      return result === 'complete' ? 0 : 1;
    } catch (error) {
      if (!(error instanceof SetupCancelled)) throw error;
      invocation.print('Stopped. The same command continues here.');
      return 1;
    } finally {
      log.close();
    }
  },
};

async function dialogueFor({ print, values }: Invocation, isInteractive: boolean): Promise<Dialogue> {
  if (!isInteractive) return scriptDialogue(print, values.json === true);
  // loaded when it is used: it changes the terminal
  return (await import('./terminal-dialogue.js')).terminalDialogue(print);
}

function report(event: SetupEvent, { values, print }: Invocation): void {
  if (values.json === true) print(JSON.stringify(jsonOf(event)));
  else for (const line of eventLines(event)) print(line);
}
