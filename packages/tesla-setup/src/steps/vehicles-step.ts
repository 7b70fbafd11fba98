// Which vehicles of the account send to this installation. Each is admitted, and its wanted configuration is kept.
import { AdmissionStore } from '@fleetbridge/store';
import type { SetupContext, Step } from './step.js';

export const vehiclesStep: Step = {
  name: 'vehicles',
  title: 'Vehicles',
  async check(context) {
    const { facts, options } = context;
    const owned = (await context.tesla.owner.vehicles()).map(({ vin }) => vin);
    const unknown = options.vins.filter((vin) => !owned.includes(vin));
    if (unknown.length > 0) {
      const text = `Tesla does not know ${unknown.join(', ')} in this account`;
      const remedy =
        owned.length === 0
          ? 'Sign in with the account that owns the vehicle: the same command with --sign-in.'
          : `Its vehicles: ${owned.join(', ')}. Another account: the same command with --sign-in.`;
      return { state: 'failed', problem: 'vehicle_not_found', text, remedy };
    }
    if (owned.length === 0) {
      const remedy =
        'Sign in with the account that owns the vehicle (the same command with --sign-in), or add the vehicle to it in the Tesla app.';
      return { state: 'failed', problem: 'vehicle_not_found', text: 'the account has no vehicle', remedy };
    }
    const chosen = options.vins.length > 0 ? options.vins : owned.length === 1 ? owned : undefined;
    const admitted = await admittedOf(context);
    if (chosen?.every((vin) => admitted.has(vin))) {
      facts.vins = chosen;
      return { state: 'done', text: chosen.join(', ') };
    }
    facts.vins = chosen;
    return { state: 'needed', text: owned.join(', '), remedy: 'Choose vehicles with --vin.' };
  },
  async run(context, checked) {
    const { facts, dialogue, store } = context;
    if (checked.state === 'failed') return checked;
    const vins = facts.vins ?? (await choose(context));
    if (vins === undefined || vins.length === 0)
      return { ...checked, remedy: 'Choose vehicles with --vin <VIN>, once per vehicle.' };
    facts.vins = vins;
    const admitted = await admittedOf(context);
    const added = vins.filter((vin) => !admitted.has(vin));
    if (added.length > 0) await new AdmissionStore(store).set(added, 'allow');
    if (added.length > 0) dialogue.show([`Ingest admits ${added.join(', ')} from now on (fleetbridge vehicle list).`]);
    return { state: 'done', text: vins.join(', ') };
  },
};

async function choose({ dialogue, tesla }: SetupContext): Promise<string[] | undefined> {
  if (!dialogue.isInteractive) return undefined;
  const vehicles = await tesla.owner.vehicles();
  return await dialogue.choose({
    message: 'Which vehicles?',
    choices: vehicles.map(({ vin, displayName }) => ({
      value: vin,
      label: displayName ? `${displayName}, ${vin}` : vin,
    })),
  });
}

async function admittedOf({ store, options }: SetupContext): Promise<Set<string>> {
  const { verdicts } = await new AdmissionStore(store).read();
  const listed = options.allowedVins.includes('*') ? options.vins : options.allowedVins;
  const allowed = new Set([
    ...listed,
    ...[...verdicts].filter(([, verdict]) => verdict === 'allow').map(([vin]) => vin),
  ]);
  for (const [vin, verdict] of verdicts) if (verdict === 'deny') allowed.delete(vin);
  return allowed;
}
