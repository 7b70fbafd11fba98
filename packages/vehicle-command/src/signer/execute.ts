// Executes one command: session, signature, delivery, and what to do about faults. Never signs again after an outcome
// that is unknown, so that no command is executed twice.
import type { Fault } from '../answers/index.js';
import { type PreparedCommand, prepareCommand } from '../commands/index.js';
import { areEqual, newAddressing, type Session } from '../session/index.js';
import { type Attempt, pause, type SignerParts, timeLeftMs } from './attempt.js';
import { deliver } from './deliver.js';
import { greet } from './greet.js';
import type { CommandOutcome, CommandResult } from './outcome.js';
import { recoverSession } from './recover.js';
import { type SignedCommandMessage, signCommand } from './sign.js';

/** How often a command is signed; every call is billed. */
const MAX_SIGNATURES = 3;
const LIFETIME_SECONDS = 10;
/** After a vehicle has rejected the usual lifetime. */
const SHORT_LIFETIME_SECONDS = 4;

export interface CommandToExecute {
  vin: string;
  name: string;
  /** The body of the request, see `readBody`. */
  parameters: Record<string, unknown>;
  timeoutMs: number;
}

/**
 * Only one command per VIN may be executed at a time, in all processes together. Rejects only if the session store
 * does.
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
    isVehicleKeyReplaced: false,
  };
  const outcome = await execute(attempt);
  return { outcome, calls: attempt.calls, isVehicleKeyReplaced: attempt.isVehicleKeyReplaced };
}

async function execute(attempt: Attempt): Promise<CommandOutcome> {
  const { sessions } = attempt.parts;
  let session = await sessions.load(attempt.vin, attempt.domain);
  let mayGreet = true;
  let lifetimeSeconds = LIFETIME_SECONDS;
  let fault: Fault | undefined;
  for (let signatures = 0; signatures < MAX_SIGNATURES; signatures += 1) {
    if (session === undefined) {
      const greeting = await greet(attempt);
      if (greeting.kind === 'outcome') return greeting.outcome;
      session = greeting.session;
    }
    if (timeLeftMs(attempt) <= 0) break;
    const signed = await sign(attempt, session, lifetimeSeconds);
    if (signed === undefined) {
      // The last counter is used: only a new epoch helps.
      const greeting = mayGreet ? await greet(attempt, session) : undefined;
      mayGreet = false;
      if (greeting?.kind === 'outcome') return greeting.outcome;
      if (greeting === undefined || areEqual(greeting.session.epoch, session.epoch)) return countersExhausted;
      session = greeting.session;
      continue;
    }
    const delivery = await deliver(attempt, session, signed);
    if (delivery.kind === 'outcome') return delivery.outcome;
    fault = delivery.fault;
    if (fault.remedy === 'not_paired') return { kind: 'not_paired' };
    if (fault.remedy === 'final') return { kind: 'fault', fault };
    const isLast = signatures === MAX_SIGNATURES - 1;
    if (fault.remedy === 'retry') {
      if (isLast || !(await pause(attempt))) break;
      continue;
    }
    const isRepeated = fault.remedy === 'expires_too_late' && lifetimeSeconds === SHORT_LIFETIME_SECONDS;
    if (isRepeated) return { kind: 'fault', fault };
    if (fault.remedy === 'expires_too_late') lifetimeSeconds = SHORT_LIFETIME_SECONDS;
    const recovered = await recoverSession({
      attempt,
      session,
      signed,
      sessionInfo: delivery.sessionInfo,
      mayGreet: mayGreet && !isLast,
    });
    if (recovered.kind === 'outcome') {
      const isOpen = fault.remedy === 'counter_used';
      return isOpen ? unknownAfter(attempt, fault) : recovered.outcome;
    }
    if (recovered.kind === 'greeted') mayGreet = false;
    if (fault.remedy === 'counter_used' && mayBeOurs(recovered, session, signed)) return unknownAfter(attempt, fault);
    if (recovered.kind !== 'unchanged') session = recovered.session;
    // The first correction needs no pause: the vehicle is not busy.
    if (signatures > 0 && (isLast || !(await pause(attempt)))) break;
  }
  return { kind: 'gave_up', ...(fault && { fault }) };
}

/**
 * A network may deliver a message twice and return the answer to the second copy: a used counter. The vehicle's highest
 * counter is then exactly ours. It is also exactly ours if another signer with the same key has sent one command, which
 * can't be distinguished.
 */
function mayBeOurs(
  recovered: { kind: 'updated' | 'greeted'; session: Session; vehicleCounter: number } | { kind: 'unchanged' },
  before: Session,
  { counter }: SignedCommandMessage,
): boolean {
  if (recovered.kind === 'unchanged') return true;
  return !areEqual(recovered.session.epoch, before.epoch) || recovered.vehicleCounter === counter;
}

/** Undefined if the session has no counter left. */
async function sign(
  attempt: Attempt,
  session: Session,
  lifetimeSeconds: number,
): Promise<SignedCommandMessage | undefined> {
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
    lifetimeSeconds: Math.min(lifetimeSeconds, secondsLeft),
    nowMs: parts.clock.nowMs(),
  });
}

function unknownAfter(attempt: Attempt, fault: Fault): CommandOutcome {
  return { kind: 'unknown', cause: { kind: 'fault', fault }, isReceived: false, repeat: attempt.command.row.repeat };
}

const countersExhausted: CommandOutcome = {
  kind: 'failed',
  text: 'all counters of the session are used; restart the vehicle (both scroll wheels)',
};

function withoutCalls(request: Exclude<ReturnType<typeof prepareCommand>, PreparedCommand>): CommandResult {
  const outcome: CommandOutcome =
    request.kind === 'rest_command' ? { kind: 'needs_rest', because: 'command' } : request;
  return { outcome, calls: { handshakes: 0, commands: 0 }, isVehicleKeyReplaced: false };
}
