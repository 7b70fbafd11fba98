// The vehicle takes its configuration when it is awake; minutes, at times hours.
import { type ConfigurationState, problemOfState, problems } from '@fleetbridge/fleet-api';
import { newestReport } from '../configuration/index.js';
import { pollUntil } from './poll-until.js';
import { type Outcome, reportsOf, type SetupContext, type Step } from './step.js';

const POLL_MS = 10_000;

export const syncStep: Step = {
  name: 'sync',
  title: 'Configuration in the vehicle',
  check: (context) => look(context),
  async run(context, checked) {
    if (checked.state !== 'needed') return checked;
    const { clock, options, dialogue } = context;
    dialogue.show(['Waiting for the vehicle: it must be awake, for example with an open door.']);
    const found = await pollUntil({ clock, everyMs: POLL_MS, forMs: options.waitMs }, async () => {
      const outcome = await look(context);
      return outcome.state === 'needed' ? undefined : outcome;
    });
    return found ?? checked;
  },
};

async function look(context: SetupContext): Promise<Outcome> {
  const waiting: string[] = [];
  for (const vin of context.facts.vins!) {
    const state = await context.tesla.owner.configuration(vin);
    const problem = problemOfState(state);
    if (problem !== undefined) return await refused(context, vin, problem);
    if (!isSynced(state)) waiting.push(vin);
  }
  if (waiting.length === 0) return { state: 'done', text: context.facts.vins!.join(', ') };
  return {
    state: 'needed',
    text: `not in the vehicle yet: ${waiting.join(', ')}`,
    remedy: 'Wake the vehicle, for example with the Tesla app, and run the same command again. It can take hours.',
  };
}

function isSynced({ synced, config }: ConfigurationState): boolean {
  return synced && config !== undefined;
}

async function refused(context: SetupContext, vin: string, problem: keyof typeof problems): Promise<Outcome> {
  // the state names that it was refused; the errors of the vehicle name why
  const report = problem === 'configuration_refused' ? await newestReport(reportsOf(context), vin) : undefined;
  const named = report?.problem ?? problem;
  const { meaning, remedy } = problems[named];
  const reported = report === undefined ? '' : ` The vehicle reports: ${report.error}`;
  return { state: 'failed', problem: named, text: `${vin}: ${meaning}${reported}`, remedy };
}
