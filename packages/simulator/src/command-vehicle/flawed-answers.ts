// Answers as a vehicle must never give them: wrong tags, foreign addresses, answers to other requests.
import { type RoutableMessage, routableMessage, SessionInfoStatus, sessionInfo } from '@fleetbridge/vehicle-command';
import { sessionInfoTag } from './authentication.js';
import { type Computer, donePayload, type Moment, payloadFor } from './domain.js';
import type { AnswerFlaw, SessionInfoFlaw } from './faults.js';

export interface Exchange {
  computer: Computer;
  request: RoutableMessage;
  answer: RoutableMessage;
  moment: Moment;
}

/** Unchanged if the answer has no session info. */
export function withSessionInfoFlaw({ computer, request, answer }: Exchange, flaw: SessionInfoFlaw): RoutableMessage {
  if (!answer.sessionInfo) return answer;
  const { signatureData, ...rest } = answer;
  const info = sessionInfo.decode(answer.sessionInfo)!;
  const clientKey = request.sessionInfoRequest?.publicKey ?? request.signatureData?.signerIdentity?.publicKey;
  const signed = (encoded: Uint8Array, challenge: Uint8Array): RoutableMessage => {
    const tag = sessionInfoTag(computer.key.sharedKey(clientKey!)!, { vin: computer.vin, challenge }, encoded);
    return { ...answer, sessionInfo: encoded, signatureData: { sessionInfoTag: { tag } } };
  };
  const withKey = (publicKey: Uint8Array) => signed(sessionInfo.encode({ ...info, publicKey }), request.uuid!);
  switch (flaw) {
    case 'wrong_tag':
      return { ...answer, signatureData: { sessionInfoTag: { tag: flipped(signatureData!.sessionInfoTag!.tag!) } } };
    case 'no_tag':
      return rest;
    case 'wrong_challenge':
      return signed(answer.sessionInfo, flipped(request.uuid!));
    case 'stale_clock': {
      const clockTime = Math.max(0, (info.clockTime ?? 0) - 600);
      return signed(sessionInfo.encode({ ...info, clockTime }), request.uuid!);
    }
    case 'compressed_key':
      return withKey(Buffer.concat([Buffer.of(2 + (info.publicKey![64]! & 1)), info.publicKey!.subarray(1, 33)]));
    case 'invalid_key':
      return withKey(flipped(info.publicKey!));
    case 'not_paired': {
      const status = SessionInfoStatus.SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST;
      return { ...rest, sessionInfo: sessionInfo.encode({ status }) };
    }
  }
}

/** The changed answer, encoded. `previous`: the bytes of the answer before. */
export function withAnswerFlaw(exchange: Exchange, flaw: AnswerFlaw, previous: Uint8Array | undefined): Uint8Array {
  const { computer, request, answer, moment } = exchange;
  const encoded = routableMessage.encode(answer);
  const payload = answer.protobufMessageAsBytes ?? new Uint8Array();
  const concernsPayload = flaw === 'plain' || flaw === 'tampered_ciphertext' || flaw === 'other_request';
  if (concernsPayload && !answer.protobufMessageAsBytes) return encoded;
  switch (flaw) {
    case 'plain': {
      const { signatureData: _, ...rest } = answer;
      const plain = payloadFor(computer, { ...request, flags: 0 }, moment, donePayload(computer.domain));
      return routableMessage.encode({ ...rest, ...plain });
    }
    case 'tampered_ciphertext': {
      const tag = answer.signatureData?.AES_GCM_ResponseData;
      // VCSEC's usual answer is empty: its tag is changed instead
      if (payload.length > 0 || !tag)
        return routableMessage.encode({ ...answer, protobufMessageAsBytes: flipped(payload) });
      const data = { AES_GCM_ResponseData: { ...tag, tag: flipped(tag.tag!) } };
      return routableMessage.encode({ ...answer, signatureData: data });
    }
    case 'tampered_fault':
      return routableMessage.encode({ ...answer, signedMessageStatus: { signedMessageFault: 1 } });
    case 'foreign_routing_address':
      return routableMessage.encode({ ...answer, toDestination: { routingAddress: moment.randomBytes(16) } });
    case 'foreign_request_uuid':
      return routableMessage.encode({ ...answer, requestUuid: moment.randomBytes(16) });
    case 'previous_answer':
      return previous ?? encoded;
    case 'other_request': {
      const data = request.signatureData?.HMAC_PersonalizedData;
      const tag = flipped(data?.tag ?? Buffer.alloc(32));
      const other = {
        ...request,
        signatureData: { ...request.signatureData, HMAC_PersonalizedData: { ...data, tag } },
      };
      const foreign = payloadFor(computer, other as RoutableMessage, moment, donePayload(computer.domain));
      return routableMessage.encode({ ...answer, ...foreign });
    }
    case 'unknown_fields':
      // field 1000, length-delimited, and bits of flags that have no meaning yet
      return Buffer.concat([routableMessage.encode(answer), Buffer.from('c23e0568656c6c6f', 'hex')]);
  }
}

function flipped(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[copy.length - 1]! ^= 1;
  return copy;
}
