import { expect, it } from 'vitest';
import { PubsubSender } from './pubsub-sender.js';

const LONG = 'a-secret-of-many-characters';
const SHORT = 'secret';

function open(token: string) {
  const lines: object[] = [];
  const log = { warn: (fields: object, event: string) => void lines.push({ event, ...fields }) };
  const sender = new PubsubSender({ token, log: log as never, now: () => 0, monotonicNow: () => 0 });
  const authorize = (presented: string, address = '192.0.2.1') =>
    sender.authorize({ bearer: undefined, token: presented, address });
  return { authorize, lines };
}

it('admits the right secret after any number of wrong ones from its address, which leave one line', async () => {
  const { authorize, lines } = open(LONG);
  for (let n = 0; n < 1_000; n++) expect(await authorize(`wrong-${n}`)).toBe('refused');
  expect(await authorize(LONG)).toBe('admitted');
  expect(lines).toEqual([{ event: 'token_refused', address: '192.0.2.1', reason: 'pubsub_push' }]);
});

it('limits guesses of a secret of fewer than 20 characters', async () => {
  const { authorize } = open(SHORT);
  for (let n = 0; n < 20; n++) expect(await authorize(`wrong-${n}`)).toBe('refused');
  expect(await authorize(SHORT)).toBe('refused');
  expect(await authorize(SHORT, '192.0.2.2')).toBe('admitted');
});
