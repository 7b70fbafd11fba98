// Executes one command: session, signature, delivery, and what to do about faults. Never signs again after an outcome
// that is unknown, so that no command is executed twice: docs/protocol/commands.md#never-twice.
import type { Fault } from '../answers/index.js';
import { type PreparedCommand, prepareCommand } from '../commands/index.js';
import { areEqual, newAddressing, type Session } from '../session/index.js';
import { type Attempt, dropSession, pause, type SignerParts, timeLeftMs } from './attempt.js';
import { deliver } from './deliver.js';
import { greet } from './greet.js';
import type { CommandOutcome, CommandResult } from './outcome.js';
import { afterRejection } from './rejection.js';
import { type SignedCommandMessage, signCommand } from './sign.js';

/** How often a command is signed; every call is billed. */
const MAX_SIGNATURES = 3;
const LIFETIME_SECONDS = 10;

export interface CommandToExecute {
  vin: string;
  name: string;
  /** The body of the request, see `readBody`. */
  parameters: Record<string, unknown>;
  timeoutMs: number;
}

/**
 * Only one command per VIN may be executed at a time, in all processes together. Rejects only if the session store can't
 * load a session or allocate a counter: the command was not executed then.
 */
export async function executeCommand(request: CommandToExecute, parts: SignerParts): Promise<CommandResult> {
  const prepared = prepareCommand(request.name, request.parameters, Math.floor(parts.clock.nowMs() / 1000));
  if (prepared.kind !== 'prepared') return withoutCalls(prepared);
  return await executePrepared(prepared, request, parts);
}

/** The same for a command that was checked before, e.g. before it had to wait for its turn. */
export async function executePrepared(
  command: PreparedCommand,
  { vin, timeoutMs }: { vin: string; timeoutMs: number },
  parts: SignerParts,
): Promise<CommandResult> {
  const attempt: Attempt = {
    parts,
    vin,
    domain: command.row.domain,
    command,
    deadlineMs: parts.clock.monotonicMs() + timeoutMs,
    calls: { handshakes: 0, commands: 0 },
    session: await parts.sessions.load(vin, command.row.domain),
    mayGreetAgain: true,
    lifetimeSeconds: LIFETIME_SECONDS,
    isVehicleKeyReplaced: false,
  };
  const outcome = await execute(attempt);
  return { outcome, calls: attempt.calls, isVehicleKeyReplaced: attempt.isVehicleKeyReplaced };
}

async function execute(attempt: Attempt): Promise<CommandOutcome> {
  let fault: Fault | undefined;
  for (let signatures = 1; signatures <= MAX_SIGNATURES; signatures += 1) {
    const ready = await readyMessage(attempt);
    if (ready.kind === 'outcome') return ready.outcome;
    const delivery = await deliver(attempt, ready.session, ready.signed);
    if (delivery.kind === 'outcome') return delivery.outcome;
    fault = delivery.fault;
    const isLast = signatures === MAX_SIGNATURES;
    const step = await afterRejection(attempt, { ...ready, rejection: delivery, isLast });
    if (step.kind === 'outcome') return step.outcome;
    // The first correction of a session needs no pause: the vehicle is not busy.
    if (isLast || !(await pause(attempt, step.isBusy || signatures > 1 ? undefined : 0))) break;
  }
  // A session that stays out of step is not worth keeping.
  if (fault?.remedy === 'out_of_step') await dropSession(attempt);
  return { kind: 'gave_up', ...(fault && { fault }) };
}

type Ready =
  | { kind: 'ready'; session: Session; signed: SignedCommandMessage }
  | { kind: 'outcome'; outcome: CommandOutcome };

/** A signed message for the session; without a session, a handshake comes first. */
async function readyMessage(attempt: Attempt): Promise<Ready> {
  const known = attempt.session;
  if (known === undefined) {
    const greeting = await greet(attempt);
    if (greeting.kind === 'outcome') return greeting;
  }
  const session = attempt.session!;
  if (timeLeftMs(attempt) <= 0) return { kind: 'outcome', outcome: { kind: 'gave_up' } };
  const signed = await sign(attempt, session);
  if (signed !== undefined) return { kind: 'ready', session, signed };
  return known === undefined || !attempt.mayGreetAgain ? countersUsed : await readyInNewEpoch(attempt, session);
}

/** The last counter of the session is used: only a new epoch helps. */
async function readyInNewEpoch(attempt: Attempt, session: Session): Promise<Ready> {
  attempt.mayGreetAgain = false;
  const greeting = await greet(attempt);
  if (greeting.kind === 'outcome') return greeting;
  return areEqual(greeting.session.epoch, session.epoch) ? countersUsed : await readyMessage(attempt);
}

const countersUsed: Ready = {
  kind: 'outcome',
  outcome: { kind: 'failed', text: 'all counters of the session are used; restart the vehicle (both scroll wheels)' },
};

/** Undefined if the session has no counter left. */
async function sign(attempt: Attempt, session: Session): Promise<SignedCommandMessage | undefined> {
  const { parts, vin, domain, command } = attempt;
  // Stored before the bytes leave: a counter that is lost in a crash is only skipped, never used twice.
  const counter = await parts.sessions.allocateCounter(vin, domain, session.epoch, session.counter + 1);
  if (counter === undefined) return undefined;
  const secondsLeft = Math.max(1, Math.floor(timeLeftMs(attempt) / 1000));
  return signCommand({
    key: parts.key,
    vin,
    session,
    addressing: newAddressing(domain, parts.randomBytes),
    counter,
    payload: command.payload,
    lifetimeSeconds: Math.min(attempt.lifetimeSeconds, secondsLeft),
    nowMs: parts.clock.nowMs(),
  });
}

function withoutCalls(request: Exclude<ReturnType<typeof prepareCommand>, PreparedCommand>): CommandResult {
  const outcome: CommandOutcome =
    request.kind === 'rest_command' ? { kind: 'needs_rest', because: 'command' } : request;
  return { outcome, calls: { handshakes: 0, commands: 0 }, isVehicleKeyReplaced: false };
}
