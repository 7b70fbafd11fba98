// Verdicts on the signed-in account.
import { green, notChecked, type Verdict } from './finding.js';
import { teslaVerdict } from './tesla-problem.js';

/** Without these nothing works; commands need more. */
const needed = ['vehicle_device_data', 'vehicle_location'];
const forCommands = ['vehicle_cmds', 'vehicle_charging_cmds'];

/** `scopes`: of the token; undefined if it does not name them. */
export function scopesVerdict(scopes: readonly string[] | undefined): Verdict {
  if (scopes === undefined) return notChecked('the token does not name its scopes');
  const missing = needed.filter((scope) => !scopes.includes(scope));
  if (missing.length > 0) return teslaVerdict('scope_missing', `(missing: ${missing.join(', ')})`);
  const without = forCommands.filter((scope) => !scopes.includes(scope));
  return green(without.length === 0 ? 'telemetry, location and commands' : 'telemetry and location, no commands');
}
