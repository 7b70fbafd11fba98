// All steps in their order. Each begins with its check, so that a set-up that was interrupted continues.
import { FleetApiError } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';
import { applicationKeyStep } from './application-key-step.js';
import { applicationStep } from './application-step.js';
import { configurationStep } from './configuration-step.js';
import { domainStep } from './domain-step.js';
import { firstRecordStep } from './first-record-step.js';
import { pairingStep } from './pairing-step.js';
import { publicKeyStep } from './public-key-step.js';
import { regionStep, registrationStep } from './registration-step.js';
import { seedStep } from './seed-step.js';
import { signInStep } from './sign-in-step.js';
import type { Outcome, SetupContext, Step, StepName } from './step.js';
import { syncStep } from './sync-step.js';
import { vehiclesStep } from './vehicles-step.js';

export const steps: readonly Step[] = [
  domainStep,
  applicationKeyStep,
  publicKeyStep,
  applicationStep,
  registrationStep,
  signInStep,
  regionStep,
  vehiclesStep,
  pairingStep,
  configurationStep,
  syncStep,
  firstRecordStep,
  seedStep,
];

export type SetupEvent =
  | { readonly kind: 'step_started'; readonly step: StepName; readonly title: string }
  | { readonly kind: 'step_ended'; readonly step: StepName; readonly title: string; readonly outcome: Outcome };

/** `complete`: all steps are done, some perhaps with a warning. */
export type SetupResult = 'complete' | 'incomplete' | 'failed';

/** Rejects with SetupCancelled, and with errors of the store. */
export async function runSetup(
  context: SetupContext,
  { isCheckOnly, onEvent }: { isCheckOnly: boolean; onEvent: (event: SetupEvent) => void },
): Promise<SetupResult> {
  for (const step of steps) {
    const { name, title } = step;
    onEvent({ kind: 'step_started', step: name, title });
    const outcome = await outcomeOf(step, context, isCheckOnly);
    onEvent({ kind: 'step_ended', step: name, title, outcome });
    if (outcome.state === 'failed') return 'failed';
    if (outcome.state === 'needed') return 'incomplete';
  }
  return 'complete';
}

async function outcomeOf(step: Step, context: SetupContext, isCheckOnly: boolean): Promise<Outcome> {
  try {
    const checked = await step.check(context);
    return checked.state === 'done' || isCheckOnly ? checked : await step.run(context, checked);
  } catch (error) {
    if (error instanceof FleetApiError || error instanceof TeslaAccountError) {
      const { problem, message } = error;
      const isUnknown = error instanceof FleetApiError && error.delivery === 'unknown';
      const remedy = isUnknown ? 'Run the same command again: each step looks at its state first.' : error.remedy;
      return { state: 'failed', problem, text: message, remedy };
    }
    throw error;
  }
}
