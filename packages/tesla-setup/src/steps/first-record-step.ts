// The vehicle connects and sends: the first record in the log, and the first frame that TeslaMate would get from it.
import { problems } from '@fleetbridge/fleet-api';
import { SnapshotStore } from '@fleetbridge/store';
import { newestReport } from '../configuration/index.js';
import { pollUntil } from './poll-until.js';
import { type Outcome, reportsOf, type SetupContext, type Step } from './step.js';

const POLL_MS = 500;
/** After that, what the vehicle has reported to Tesla is worth a call. */
const REPORT_AFTER_MS = 60_000;

export const firstRecordStep: Step = {
  name: 'first_record',
  title: 'First record',
  check: (context) => look(context),
  async run(context, checked) {
    if (checked.state === 'done') return checked;
    const { clock, options } = context;
    const startedMs = clock.monotonicMs();
    let isAsked = false;
    const found = await pollUntil({ clock, everyMs: POLL_MS, forMs: options.waitMs }, async () => {
      const outcome = await look(context);
      if (outcome.state === 'done') return outcome;
      if (isAsked || clock.monotonicMs() - startedMs < Math.min(REPORT_AFTER_MS, options.waitMs / 2)) return undefined;
      isAsked = true;
      return await reported(context);
    });
    return found ?? (await reported(context)) ?? checked;
  },
};

async function silentOf({ store, facts }: SetupContext): Promise<string[]> {
  const snapshots = new SnapshotStore(store);
  const silent: string[] = [];
  for (const vin of facts.vins!) {
    const { hash } = await snapshots.read(vin);
    if (Object.keys(hash).length === 0) silent.push(vin);
  }
  return silent;
}

async function look(context: SetupContext): Promise<Outcome> {
  const { facts } = context;
  const silent = await silentOf(context);
  if (silent.length === 0) return { state: 'done', text: `received from ${facts.vins!.join(', ')}` };
  return {
    state: 'needed',
    text: `nothing received from ${silent.join(', ')}`,
    remedy: 'The vehicle connects when it is awake. If it does not, run `fleetbridge doctor`.',
  };
}

/** What the vehicle has reported to Tesla, such as a certificate that it does not trust. */
async function reported(context: SetupContext): Promise<Outcome | undefined> {
  for (const vin of await silentOf(context)) {
    const { problem, error } = (await newestReport(reportsOf(context), vin)) ?? {};
    if (problem === undefined) continue;
    const { meaning, remedy } = problems[problem];
    return { state: 'failed', problem, text: `${vin}: ${meaning} The vehicle reports: ${error}`, remedy };
  }
  return undefined;
}
