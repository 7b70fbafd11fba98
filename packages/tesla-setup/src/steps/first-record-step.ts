// The vehicle connects and sends: the first record in the log, and the first frame that TeslaMate would get from it.
import { type Problem, problems } from '@fleetbridge/fleet-api';
import { SnapshotStore } from '@fleetbridge/store';
import { pollUntil } from './poll-until.js';
import type { Outcome, SetupContext, Step } from './step.js';

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

async function look({ store, facts }: SetupContext): Promise<Outcome> {
  const snapshots = new SnapshotStore(store);
  const silent: string[] = [];
  for (const vin of facts.vins!) {
    const { hash } = await snapshots.read(vin);
    if (Object.keys(hash).length === 0) silent.push(vin);
  }
  if (silent.length === 0) return { state: 'done', text: `received from ${facts.vins!.join(', ')}` };
  return {
    state: 'needed',
    text: `nothing received from ${silent.join(', ')}`,
    remedy: 'The vehicle connects when it is awake. If it does not, run `fleetbridge doctor`.',
  };
}

/** What the vehicle has reported to Tesla, such as a certificate that it does not trust. */
async function reported(context: SetupContext): Promise<Outcome | undefined> {
  const { tesla, facts } = context;
  const partner = await tesla.fleet.partner(facts.application!);
  const report = (await partner.telemetryErrors()).find(
    ({ vin, problem }) => problem !== undefined && facts.vins!.includes(vin),
  );
  if (report === undefined) return undefined;
  const problem: Problem = report.problem!;
  const { meaning, remedy } = problems[problem];
  return { state: 'failed', problem, text: `${report.vin}: ${meaning} The vehicle reports: ${report.error}`, remedy };
}
