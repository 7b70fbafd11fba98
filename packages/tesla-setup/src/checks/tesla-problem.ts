// Errors of Tesla and of the account as verdicts: a temporary failure is not a finding.
import { FleetApiError, type Problem, problems } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';
import { notChecked, type Verdict } from './finding.js';

const temporary: ReadonlySet<Problem> = new Set([
  'not_reachable',
  'tesla_failed',
  'time_limit',
  'answer_lost',
  'rate_limited',
]);

export function teslaVerdict(name: Problem, detail = ''): Verdict {
  const { meaning, remedy } = problems[name];
  return { colour: 'red', text: detail === '' ? meaning : `${meaning} ${detail}`, problem: name, remedy };
}

/** Undefined for another error. */
export function errorVerdict(error: unknown): Verdict | undefined {
  if (error instanceof FleetApiError) {
    const answer = [error.status, error.teslaError].filter((part) => part !== undefined && part !== '').join(' ');
    const detail = answer === '' ? '' : `(${answer})`;
    if (temporary.has(error.problem)) return notChecked(`${error.meaning} ${detail}`.trim());
    return teslaVerdict(error.problem, detail);
  }
  if (error instanceof TeslaAccountError) {
    const { problem: name, meaning, remedy, file } = error;
    return { colour: 'red', text: file === undefined ? meaning : `${meaning} (${file})`, problem: name, remedy };
  }
  return undefined;
}
