// Parses the plan of a simulated vehicle: `drive:600,park:60,charge:1200`.
import type { Phase, PhasePlan } from '@fleetbridge/simulator';
import { UsageError } from './command.js';

const phases: readonly Phase[] = ['drive', 'park', 'charge', 'sleep'];

/** Throws `UsageError`. */
export function readPlan(text: string): PhasePlan[] {
  return text.split(',').map((part) => {
    const [name = '', secondsText = '', ...rest] = part.trim().split(':');
    const phase = phases.find((known) => known === name);
    const seconds = Number(secondsText);
    if (phase !== undefined && rest.length === 0 && seconds > 0 && Number.isFinite(seconds)) return { phase, seconds };
    throw new UsageError(
      `--plan: expected <phase>:<seconds>, such as drive:600,park:60 (phases: ${phases.join(', ')}), got "${part}"`,
    );
  });
}
