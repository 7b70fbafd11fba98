// All checks at once, each with its time limit. Calls of Tesla that are billed: one for the registered key, one for the
// vehicles' errors, one for the list of vehicles, one for their status, and one per vehicle for its configuration.
import { systemClock } from '@fleetbridge/fleet-api';
import { type CheckName, checks, type Finding, worstColour } from '../checks/index.js';
import { createFacts, LIMIT_MS } from './facts.js';
import { machineChecks } from './machine-checks.js';
import { networkChecks } from './network-checks.js';
import type { DoctorOptions } from './options.js';
import { runCheck } from './run-check.js';
import { teslaChecks } from './tesla-checks.js';

export interface DoctorReport {
  readonly checkedMs: number;
  readonly colour: 'green' | 'yellow' | 'red';
  /** In the order of `checks`. */
  readonly findings: readonly Finding[];
}

/** Never rejects. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { clock = systemClock, limitMs = LIMIT_MS } = options;
  const facts = createFacts(options);
  const all = [...networkChecks(facts, options), ...teslaChecks(facts), ...machineChecks(facts, options)];
  const results = await Promise.all(all.map((check) => runCheck(check, { clock, limitMs })));
  const domain = await facts.domain();
  const order = Object.keys(checks) as CheckName[];
  const findings = results.flat().map((finding) => withDomain(finding, domain));
  findings.sort((one, other) => order.indexOf(one.check) - order.indexOf(other.check));
  return { checkedMs: clock.nowMs(), colour: worstColour(findings), findings };
}

/** So that a remedy can be copied. */
function withDomain(finding: Finding, domain: string | undefined): Finding {
  const { remedy } = finding;
  return remedy === undefined || domain === undefined
    ? finding
    : { ...finding, remedy: remedy.replaceAll('<domain>', domain) };
}
