import { expect, it } from 'vitest';
import { FailureLog } from './failure-log.js';

it('logs one line per address and minute, with the number of failures since the last one', () => {
  let nowMs = 0;
  const lines: object[] = [];
  const log = new FailureLog({ log: { warn: (fields) => void lines.push(fields) }, now: () => nowMs });
  for (let n = 0; n < 1_000; n++) log.warn({ address: '192.0.2.1', n }, 'token_refused');
  log.warn({ address: '192.0.2.2' }, 'token_refused');
  expect(lines).toEqual([{ address: '192.0.2.1', n: 0 }, { address: '192.0.2.2' }]);
  nowMs += 60_000;
  log.warn({ address: '192.0.2.1', n: 1_000 }, 'token_refused');
  expect(lines.slice(2)).toEqual([{ address: '192.0.2.1', n: 1_000, suppressed: 999 }]);
});

it('keeps the events and keys of an address apart, not the addresses of an IPv6 network', () => {
  const lines: string[] = [];
  const log = new FailureLog({ log: { warn: (_, event) => void lines.push(event) } });
  log.warn({ address: '2001:db8::1' }, 'token_refused');
  log.warn({ address: '2001:db8::2' }, 'token_refused');
  log.warnPer('VIN1', { address: '2001:db8::2' }, 'vin_not_admitted');
  log.warnPer('VIN2', { address: '2001:db8::2' }, 'vin_not_admitted');
  expect(lines).toEqual(['token_refused', 'vin_not_admitted', 'vin_not_admitted']);
});
