// What the payload of an answer reports about the execution of a command. Clients search for the prefixes of reasons.
import {
  ActionResult,
  carResponse,
  GenericError,
  KeychainInformation,
  SecurityStatus,
  SignedMessageInformation,
  securityResponse,
} from '../messages/index.js';

export type Verdict =
  | { kind: 'done' }
  /** The vehicle decided not to execute it. */
  | { kind: 'refused'; reason: string }
  /** The vehicle could not process the message. */
  | { kind: 'failed'; text: string }
  /** Accepted, without a result yet. */
  | { kind: 'wait' }
  /** Authentic, but not the message that is expected here. */
  | { kind: 'unparsable' };

export function verdictOfInfotainment(payload: Uint8Array): Verdict {
  const response = carResponse.decode(payload);
  if (response === undefined) return { kind: 'unparsable' };
  const status = response.actionStatus;
  if (status?.result !== ActionResult.OPERATIONSTATUS_ERROR) return { kind: 'done' };
  const reason = status.resultReason?.plainText || 'unspecified error';
  return { kind: 'refused', reason: `car could not execute command: ${reason}` };
}

export function verdictOfSecurity(payload: Uint8Array): Verdict {
  const response = securityResponse.decode(payload);
  if (response === undefined) return { kind: 'unparsable' };
  if (response.nominalError) return refusedBySecurity(response.nominalError.genericError ?? 0);
  const status = response.commandStatus;
  if (!status) return { kind: 'done' };
  if (status.operationStatus === SecurityStatus.OPERATIONSTATUS_WAIT) return { kind: 'wait' };
  if (status.operationStatus !== SecurityStatus.OPERATIONSTATUS_ERROR) return { kind: 'done' };
  if (status.whitelistOperationStatus) {
    const code = status.whitelistOperationStatus.whitelistOperationInformation ?? 0;
    return { kind: 'failed', text: `keychain operation failed: ${KeychainInformation[code] ?? code}` };
  }
  if (status.signedMessageStatus) {
    const code = status.signedMessageStatus.signedMessageInformation ?? 0;
    return { kind: 'failed', text: SignedMessageInformation[code] ?? `unrecognized error code ${code}` };
  }
  return { kind: 'failed', text: 'vehicle responded with an unrecognized status code' };
}

function refusedBySecurity(code: number): Verdict {
  const name = GenericError[code] ?? String(code);
  const reason = code === 0 ? name : `genericError:${name}`;
  return { kind: 'refused', reason: `vcsec could not execute command: ${reason}` };
}
