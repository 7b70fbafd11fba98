// Which answers belong to a request. Vehicles and Tesla may drop, double and reorder messages.
import type { Domain, RoutableMessage } from '../messages/index.js';
import { areEqual } from './session.js';

export interface Addressing {
  domain: Domain;
  /** 16 random bytes, new for every message. */
  uuid: Uint8Array;
  /** 16 random bytes, new for every message. */
  routingAddress: Uint8Array;
}

export function newAddressing(domain: Domain, randomBytes: (count: number) => Uint8Array): Addressing {
  return { domain, uuid: randomBytes(16), routingAddress: randomBytes(16) };
}

/** VCSEC leaves the request's uuid out of answers to commands. */
export function isAnswerTo(request: Addressing, answer: RoutableMessage): boolean {
  const uuid = answer.requestUuid ?? new Uint8Array();
  return (
    areEqual(answer.toDestination?.routingAddress ?? new Uint8Array(), request.routingAddress) &&
    answer.fromDestination?.domain === request.domain &&
    (uuid.length === 0 || areEqual(uuid, request.uuid))
  );
}
