// The handshake: asks a domain for its session info.
import type { CommandKey } from '../authentication/index.js';
import { MessageFault, routableMessage } from '../messages/index.js';
import { type Addressing, isAnswerTo } from './addressing.js';
import { readSessionInfo, type VerifiedSessionInfo } from './session.js';

export type HandshakeAnswer =
  | { kind: 'verified'; info: VerifiedSessionInfo }
  | { kind: 'not_paired' }
  | { kind: 'fault'; fault: number }
  /** Not the answer to this request, or not authentic. */
  | { kind: 'discarded'; why: 'encoding' | 'foreign' | 'public_key' | 'tag' };

export function handshakeRequest(addressing: Addressing, publicKey: Uint8Array): Uint8Array {
  return routableMessage.encode({
    toDestination: { domain: addressing.domain },
    fromDestination: { routingAddress: addressing.routingAddress },
    uuid: addressing.uuid,
    sessionInfoRequest: { publicKey },
  });
}

/** Any bytes give an answer, never an exception. */
export function readHandshakeAnswer(
  request: Addressing & { vin: string; key: CommandKey },
  bytes: Uint8Array,
): HandshakeAnswer {
  const message = routableMessage.decode(bytes);
  if (message === undefined) return { kind: 'discarded', why: 'encoding' };
  const fault = message.signedMessageStatus?.signedMessageFault ?? 0;
  if (fault === MessageFault.MESSAGEFAULT_ERROR_UNKNOWN_KEY_ID) return { kind: 'not_paired' };
  if (fault !== 0) return { kind: 'fault', fault };
  if (!isAnswerTo(request, message)) return { kind: 'discarded', why: 'foreign' };
  const encoded = message.sessionInfo;
  if (!(encoded instanceof Uint8Array)) return { kind: 'discarded', why: 'encoding' };
  const tag = message.signatureData?.sessionInfoTag?.tag ?? new Uint8Array();
  const reading = readSessionInfo(request, encoded, tag);
  return reading.kind === 'invalid' ? { kind: 'discarded', why: reading.why } : reading;
}
