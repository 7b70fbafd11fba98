// Checks what is sent to the control of the stand-in. A mistake is a sentence that names it, so that a test that plays a
// failure never runs without it.
import { type AccountState, defaultAccountState, defaultVehicleState, type VehicleState } from './account.js';
import { isObject } from './answer.js';
import { endpointNames } from './endpoints.js';
import type { Fault } from './faults.js';

type Check = { readonly expected: string; readonly test: (value: unknown) => boolean };
type Checks = Readonly<Record<string, Check>>;

export function readFault(given: Record<string, unknown>): Fault | string {
  const problem = mistakeIn(given, faultChecks, ['endpoint', 'play']);
  if (problem !== undefined) return problem;
  const play = given.play as Record<string, unknown>;
  const checks = playChecks[String(play.kind)];
  if (checks === undefined) return `play.kind: expected ${oneOf(Object.keys(playChecks))}, got ${textOf(play.kind)}.`;
  const { kind: _kind, ...rest } = play;
  const playProblem = mistakeIn(rest, checks, requiredOf[String(play.kind)] ?? []);
  return playProblem === undefined ? (given as unknown as Fault) : `play.${playProblem}`;
}

export function readAccountChange(given: Record<string, unknown>): Partial<AccountState> | string {
  return mistakeIn(given, accountChecks) ?? given;
}

export function readVehicleChange(given: Record<string, unknown>): Partial<VehicleState> | string {
  return mistakeIn(given, vehicleChecks) ?? given;
}

export function readPairing(given: Record<string, unknown>): { domain: string; vin?: string } | string {
  return mistakeIn(given, { domain: text, vin: text }, ['domain']) ?? (given as { domain: string; vin?: string });
}

function mistakeIn(given: Record<string, unknown>, checks: Checks, required: readonly string[] = []) {
  for (const name of required) if (given[name] === undefined) return `${name} is required: ${checks[name]!.expected}.`;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) return `${name} is unknown: expected ${oneOf(Object.keys(checks))}.`;
    const { expected, test } = checks[name]!;
    if (!test(value)) return `${name}: expected ${expected}, got ${textOf(value)}.`;
  }
  return undefined;
}

const text: Check = { expected: 'a text', test: (value) => typeof value === 'string' };
const flag: Check = { expected: 'true or false', test: (value) => typeof value === 'boolean' };
const number: Check = { expected: 'a number', test: Number.isFinite };
const count: Check = {
  expected: 'an integer of 0 or more',
  test: (value) => Number.isInteger(value) && Number(value) >= 0,
};
const timer: Check = { expected: 'milliseconds from 0 to one day', test: (value) => inRange(value, 0, 86_400_000) };
const status: Check = {
  expected: 'an HTTP status from 200 to 599',
  test: (value) => Number.isInteger(value) && inRange(value, 200, 599),
};
const positive: Check = { expected: 'an integer of 1 or more', test: (value) => count.test(value) && value !== 0 };

const faultChecks: Checks = {
  endpoint: choice(['*', ...endpointNames]),
  times: positive,
  after: count,
  play: { expected: 'an object with a kind', test: isObject },
};

const playChecks: Readonly<Record<string, Checks>> = {
  answer: { status, error: text, body: text, retryAfterSeconds: count },
  lose_answer: {},
  cut: {},
  delay: { ms: timer },
  hang: {},
};

const requiredOf: Readonly<Record<string, readonly string[]>> = { answer: ['status'], delay: ['ms'] };

const accountChecks: Checks = {
  ...byType(defaultAccountState),
  region: choice(['na', 'eu', 'cn']),
  grantedScopes: {
    expected: 'a list of scopes, or null',
    test: (value) => value === null || (Array.isArray(value) && value.every((scope) => typeof scope === 'string')),
  },
};

const vehicleChecks: Checks = {
  ...byType(defaultVehicleState),
  firmware: {
    expected: 'a version such as 2026.26.6',
    test: (value) => typeof value === 'string' && /^\d{4}(\.\d+){1,4}$/.test(value),
  },
  otherConfigs: count,
  syncDelayMs: timer,
};

function byType(defaults: object): Checks {
  const checks: Readonly<Record<string, Check>> = { boolean: flag, number, string: text };
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, checks[typeof value] ?? text]));
}

function choice(names: readonly string[]): Check {
  return { expected: oneOf(names), test: (value) => names.includes(value as string) };
}

function inRange(value: unknown, lowest: number, highest: number): boolean {
  return typeof value === 'number' && value >= lowest && value <= highest;
}

function oneOf(names: readonly string[]): string {
  return names.length === 0 ? 'nothing more' : `one of ${names.join(', ')}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
