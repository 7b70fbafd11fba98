// What follows after the vehicle has rejected a message: an outcome, or another signature.
import type { Fault } from '../answers/index.js';
import { areEqual, type Session } from '../session/index.js';
import type { Attempt } from './attempt.js';
import type { Rejection } from './deliver.js';
import type { CommandOutcome, UnknownOutcome } from './outcome.js';
import { type Recovered, recoverSession } from './recover.js';
import type { SignedCommandMessage } from './sign.js';

/** After a vehicle has rejected the usual lifetime. */
const SHORT_LIFETIME_SECONDS = 4;

export type NextStep = { kind: 'sign_again'; isBusy: boolean } | { kind: 'outcome'; outcome: CommandOutcome };

interface Rejected {
  session: Session;
  signed: SignedCommandMessage;
  rejection: Rejection;
  /** The command isn't signed again: a handshake would be a call for nothing. */
  isLast: boolean;
}

export async function afterRejection(attempt: Attempt, rejected: Rejected): Promise<NextStep> {
  const { fault } = rejected.rejection;
  switch (fault.remedy) {
    case 'not_paired':
      return outcome({ kind: 'not_paired' });
    case 'final':
      return outcome({ kind: 'fault', fault });
    case 'received':
      return outcome({ ...unknownAfter(attempt, fault), isReceived: true });
    case 'retry':
      return { kind: 'sign_again', isBusy: true };
    case 'expires_too_late':
      if (attempt.lifetimeSeconds === SHORT_LIFETIME_SECONDS) return outcome({ kind: 'fault', fault });
      attempt.lifetimeSeconds = SHORT_LIFETIME_SECONDS;
      return stepAfter(await recover(attempt, rejected));
    case 'out_of_step':
      return stepAfter(await recover(attempt, rejected));
    case 'counter_used': {
      const recovered = await recover(attempt, rejected);
      return mayBeOurs(recovered, rejected) ? outcome(unknownAfter(attempt, fault)) : stepAfter(recovered);
    }
  }
}

async function recover(attempt: Attempt, { session, signed, rejection, isLast }: Rejected): Promise<Recovered> {
  return await recoverSession(attempt, { session, signed, sessionInfo: rejection.sessionInfo, mayGreet: !isLast });
}

function stepAfter(recovered: Recovered): NextStep {
  return recovered.kind === 'outcome' ? recovered : { kind: 'sign_again', isBusy: false };
}

/**
 * A network may deliver a message twice and return the answer to the second copy: a used counter. The vehicle's highest
 * counter is then exactly ours. It is also exactly ours if another signer with the same key has sent one command, which
 * can't be distinguished.
 */
function mayBeOurs(recovered: Recovered, { session, signed }: Rejected): boolean {
  if (recovered.kind !== 'recovered') return true;
  return !areEqual(recovered.session.epoch, session.epoch) || recovered.vehicleCounter === signed.counter;
}

function unknownAfter(attempt: Attempt, fault: Fault): UnknownOutcome {
  return { kind: 'unknown', cause: { kind: 'fault', fault }, isReceived: false, repeat: attempt.command.row.repeat };
}

function outcome(outcome: CommandOutcome): NextStep {
  return { kind: 'outcome', outcome };
}
