export { type Dialogue, type Question, SetupCancelled } from './dialogue.js';
export type { Network } from './network.js';
export { rootOf } from './root-of.js';
export { runSetup, type SetupEvent, type SetupResult, steps } from './run-setup.js';
export { PUBLIC_KEY_PATH } from './served-key.js';
export type { Outcome, SetupContext, SetupFacts, SetupOptions, Step, StepName } from './step.js';
