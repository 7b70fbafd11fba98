import fc from 'fast-check';
import { expect, it } from 'vitest';
import { carResponse, Domain, routableMessage, securityResponse, sessionInfo } from '../src/index.js';
import { hex, vectors } from './vectors.js';

it('reads the handshake of the vectors', () => {
  const request = routableMessage.decode(hex(vectors.handshake.request))!;
  expect(request.toDestination?.domain).toBe(Domain.INFOTAINMENT);
  expect(request.sessionInfoRequest?.publicKey).toEqual(hex(vectors.keys[0]!.client_public));
  const response = routableMessage.decode(hex(vectors.handshake.response))!;
  const info = sessionInfo.decode(response.sessionInfo!)!;
  expect({ ...info }).toMatchObject({ counter: 6, clockTime: 2650, epoch: hex('4c463f9cc0d3d26906e982ed224adde6') });
  expect(response.requestUuid).toEqual(request.uuid);
});

it('a routable message survives decoding and encoding', () => {
  for (const { routable_message: bytes } of [...vectors.commandsSigned, ...vectors.answers]) {
    const message = routableMessage.decode(hex(bytes))!;
    expect(routableMessage.decode(routableMessage.encode(message))).toEqual(message);
  }
});

it('any bytes give a message or undefined, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const codec of [routableMessage, sessionInfo, carResponse, securityResponse]) codec.decode(bytes);
    }),
  );
});
