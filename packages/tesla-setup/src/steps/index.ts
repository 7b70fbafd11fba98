export { type Dialogue, type Question, SetupCancelled } from './dialogue.js';
export type { Network } from './network.js';
export { runSetup, type SetupEvent, type SetupResult, steps } from './run-setup.js';
export type { Outcome, SetupContext, SetupFacts, SetupOptions, Step, StepName } from './step.js';
