import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from './backlog.js';

const record = (txid: string) => ({ txid });

describe('a backlog', () => {
  it('drops the oldest waiting record when it is full, never one in flight', () => {
    const backlog = new Backlog(2);
    backlog.add(record('a'));
    backlog.takeNext();
    backlog.add(record('b'));
    expect(backlog.add(record('c'))?.txid).toBe('b');
    expect(backlog.size).toBe(2);
  });

  it('returns unsettled records oldest first, in any order of losses and acks', () => {
    const step = fc.constantFrom('add', 'take', 'settle', 'lose');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const backlog = new Backlog<{ txid: string }>(1000);
        const unsettled: number[] = [];
        let inFlight: string[] = [];
        let added = 0;
        for (const name of steps) {
          if (name === 'add') {
            backlog.add(record(String(++added)));
            unsettled.push(added);
          }
          if (name === 'take') {
            const next = backlog.takeNext();
            if (next !== undefined) inFlight.push(next.txid);
          }
          if (name === 'settle' && inFlight.length > 0) {
            const txid = inFlight.splice(Math.floor(inFlight.length / 2), 1)[0]!;
            expect(backlog.settle(txid)?.txid).toBe(txid);
            unsettled.splice(unsettled.indexOf(Number(txid)), 1);
          }
          if (name === 'lose') {
            backlog.connectionLost();
            inFlight = [];
          }
        }
        backlog.connectionLost();
        const offered: number[] = [];
        for (let next = backlog.takeNext(); next !== undefined; next = backlog.takeNext())
          offered.push(Number(next.txid));
        expect(offered).toEqual(unsettled);
      }),
    );
  });
});
