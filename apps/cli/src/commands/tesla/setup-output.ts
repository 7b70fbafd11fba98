// The lines of `setup`, for people and as JSON.
import type { SetupEvent } from '@fleetbridge/tesla-setup';
import { teslamateEnvironment, usualPlaces } from '../gateway/index.js';

const marks = { done: 'ok     ', warning: 'warning', needed: 'to do  ', failed: 'failed ' } as const;

export function eventLines(event: SetupEvent): string[] {
  if (event.kind === 'step_started') return [];
  const { title, outcome } = event;
  const first = `${marks[outcome.state]}  ${title}: ${outcome.text}`;
  return 'remedy' in outcome ? [first, `         → ${outcome.remedy}`] : [first];
}

export function jsonOf(event: SetupEvent) {
  if (event.kind === 'step_started') return { step: event.step, state: 'started' };
  return { step: event.step, ...event.outcome };
}

export const commandsLine = 'Vehicle commands: set COMMANDS=on for the gateway (docs/commands.md)';

export function teslamateLines(env: NodeJS.ProcessEnv): string[] {
  return [
    '',
    'Set up. The environment of TeslaMate:',
    '',
    ...teslamateEnvironment(usualPlaces(env)).map((line) => `   ${line}`),
    '',
    'The tokens for its sign-in page: fleetbridge teslamate create',
    'Checks of everything, at any time: fleetbridge doctor',
  ];
}
