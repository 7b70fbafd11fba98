// What telemetry lacks of a vehicle, from one document of Tesla. A sleeping vehicle is not woken for it.
import { FleetApiError } from '@fleetbridge/fleet-api';
import { SeedStore } from '@fleetbridge/store';
import type { Outcome, SetupContext, Step } from './step.js';

export const seedStep: Step = {
  name: 'seed',
  title: 'Facts that telemetry lacks',
  check: (context) => look(context),
  async run(context, checked) {
    const { store, tesla } = context;
    if (checked.state === 'done') return checked;
    const seeds = new SeedStore(store);
    for (const vin of await unseededOf(context)) {
      try {
        await seeds.write(vin, (await tesla.owner.vehicleData(vin)).body);
      } catch (error) {
        if (!(error instanceof FleetApiError)) throw error;
        const remedy = 'Run the same command again while the vehicle is awake. TeslaMate works without it.';
        return { state: 'warning', text: `${vin}: ${error.meaning}`, remedy };
      }
    }
    return await look(context);
  },
};

async function look(context: SetupContext): Promise<Outcome> {
  const unseeded = await unseededOf(context);
  if (unseeded.length === 0) return { state: 'done', text: context.facts.vins!.join(', ') };
  return { state: 'needed', text: `no document of ${unseeded.join(', ')}`, remedy: 'Run setup.' };
}

async function unseededOf({ store, facts }: SetupContext): Promise<string[]> {
  const seeds = new SeedStore(store);
  const unseeded: string[] = [];
  for (const vin of facts.vins!) if ((await seeds.read(vin)).document === undefined) unseeded.push(vin);
  return unseeded;
}
