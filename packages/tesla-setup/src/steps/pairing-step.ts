// The owner approves the application key in the Tesla app. Each look at Tesla is a billed request, so that it is not asked
// more often than a person acts.
import type { VehicleStatus } from '@fleetbridge/fleet-api';
import { pollUntil } from './poll-until.js';
import type { Outcome, SetupContext, Step } from './step.js';

const POLL_MS = 10_000;

export const pairingStep: Step = {
  name: 'pairing',
  title: 'Pairing',
  async check(context) {
    return outcomeOf(context, await statusesOf(context));
  },
  async run(context, checked) {
    if (checked.state !== 'needed') return checked;
    const { dialogue, clock, options } = context;
    dialogue.show(instructionsFor(context, unpairedOf(await statusesOf(context))));
    const paired = await pollUntil({ clock, everyMs: POLL_MS, forMs: options.waitMs }, async () => {
      const outcome = outcomeOf(context, await statusesOf(context));
      return outcome.state === 'needed' ? undefined : outcome;
    });
    return paired ?? checked;
  },
};

async function statusesOf({ tesla, facts }: SetupContext): Promise<VehicleStatus[]> {
  const statuses = await tesla.owner.fleetStatus(facts.vins!);
  facts.firmware = new Map(statuses.flatMap(({ vin, firmware }) => (firmware === undefined ? [] : [[vin, firmware]])));
  return statuses;
}

function unpairedOf(statuses: readonly VehicleStatus[]): string[] {
  return statuses.filter(({ isKeyPaired }) => !isKeyPaired).map(({ vin }) => vin);
}

function outcomeOf(context: SetupContext, statuses: readonly VehicleStatus[]): Outcome {
  const unpaired = unpairedOf(statuses);
  if (unpaired.length > 0) {
    return {
      state: 'needed',
      text: `not paired: ${unpaired.join(', ')}`,
      remedy: `Open ${linkFor(context, unpaired)} on the phone with the Tesla app and approve the key, as owner, while the vehicle is online. Then run the same command again.`,
    };
  }
  const off = statuses.filter(({ isStreamingAllowed }) => isStreamingAllowed === false).map(({ vin }) => vin);
  if (off.length > 0) {
    return {
      state: 'warning',
      text: `streaming is switched off in ${off.join(', ')}`,
      remedy: 'Switch it on in the vehicle: Controls, Safety, Allow Third-Party App Data Streaming.',
    };
  }
  return { state: 'done', text: context.facts.vins!.join(', ') };
}

function instructionsFor(context: SetupContext, unpaired: readonly string[]): string[] {
  const link = linkFor(context, unpaired);
  return [
    'Open this link on the phone with the Tesla app, as owner, while the vehicle is online, and approve the key:',
    link,
    ...context.qrCode(link),
    'This command continues as soon as the vehicle is paired.',
  ];
}

function linkFor({ options, facts }: SetupContext, vins: readonly string[]): string {
  const only = vins.length === 1 ? `?vin=${vins[0]}` : '';
  return `${options.pairingUrl}/${facts.domain}${only}`;
}
