import { expect, it } from 'vitest';
import { type AnsweredOutcome, commandResponse, faultOf } from '../src/index.js';

const cases: [string, AnsweredOutcome, number, number][] = [
  ['done', { kind: 'done' }, 200, 200],
  ['refused by the vehicle', { kind: 'refused', reason: 'car could not execute command: complete' }, 200, 200],
  ['asleep', { kind: 'unavailable' }, 408, 500],
  ['not paired', { kind: 'not_paired' }, 412, 500],
  ['a final fault', { kind: 'fault', fault: faultOf(21) }, 500, 500],
  ['not executed in time', { kind: 'gave_up' }, 504, 500],
  ['outcome unknown', { kind: 'unknown', cause: { kind: 'timed_out' }, isReceived: false, repeat: 'toggle' }, 504, 500],
  ["Tesla's error", { kind: 'http_error', status: 429, body: 'Retry in 5 seconds', retryAfter: '5' }, 429, 429],
  ["an answer that can't be parsed", { kind: 'invalid_server_answer' }, 502, 500],
  ["Tesla can't be reached", { kind: 'unreachable', cause: 'connect ECONNREFUSED' }, 502, 500],
];

it.each(cases)('%s', (_, outcome, standard, proxy) => {
  expect([commandResponse(outcome, 'standard').status, commandResponse(outcome, 'proxy').status]).toEqual([
    standard,
    proxy,
  ]);
});

it("passes Retry-After on, which tesla-http-proxy doesn't", () => {
  const outcome: AnsweredOutcome = { kind: 'http_error', status: 429, body: 'x', retryAfter: '5' };
  expect(commandResponse(outcome, 'standard').headers['retry-after']).toBe('5');
  expect(commandResponse(outcome, 'proxy').headers['retry-after']).toBeUndefined();
  const inText: AnsweredOutcome = { kind: 'http_error', status: 429, body: 'Retry in 48472 seconds' };
  expect(commandResponse(inText, 'standard').headers['retry-after']).toBe('48472');
});

it('an unknown outcome reports whether the command may be sent again', () => {
  const body = (repeat: 'same' | 'toggle') =>
    JSON.parse(
      commandResponse({ kind: 'unknown', cause: { kind: 'wait' }, isReceived: true, repeat }, 'standard').body,
    );
  expect(body('same')).toEqual({
    response: null,
    error: 'outcome unknown: the vehicle received the command and may have executed it',
    error_description: 'Sending the command again changes nothing more.',
  });
  expect(body('toggle').error_description).toContain('it would change again');
});
