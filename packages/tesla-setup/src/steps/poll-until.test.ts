import { FleetApiError, type Problem } from '@fleetbridge/fleet-api';
import { describe, expect, it } from 'vitest';
import { pollUntil } from './poll-until.js';

function waiting(forMs: number) {
  let nowMs = 0;
  const sleep = (ms: number) => {
    nowMs += ms;
    return Promise.resolve();
  };
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep, after: () => () => {} };
  return { clock, everyMs: 10, forMs };
}

function failing(problem: Problem, times: number) {
  let looks = 0;
  return () => {
    looks += 1;
    if (looks > times) return Promise.resolve(looks);
    return Promise.reject(new FleetApiError({ problem, endpoint: 'e', delivery: 'answered' }));
  };
}

describe('waiting', () => {
  it.each<Problem>(['tesla_failed', 'rate_limited', 'not_reachable'])('continues after %s', async (problem) => {
    expect(await pollUntil(waiting(100), failing(problem, 3))).toBe(4);
  });

  it('continues after an answer that was lost', async () => {
    const lost = new FleetApiError({ problem: 'time_limit', endpoint: 'e', delivery: 'unknown' });
    const looks = [() => Promise.reject(lost), () => Promise.resolve('found')];
    expect(await pollUntil(waiting(100), () => looks.shift()!())).toBe('found');
  });

  it('ends with a failure that lasts as long, and at once with one that stays', async () => {
    await expect(pollUntil(waiting(20), failing('tesla_failed', 9))).rejects.toMatchObject({ problem: 'tesla_failed' });
    await expect(pollUntil(waiting(100), failing('billing_limit', 1))).rejects.toMatchObject({
      problem: 'billing_limit',
    });
    await expect(pollUntil(waiting(0), failing('rate_limited', 1))).rejects.toMatchObject({ problem: 'rate_limited' });
  });

  it('looks once more at the end', async () => {
    let looks = 0;
    const look = () => {
      looks += 1;
      return Promise.resolve(undefined);
    };
    expect(await pollUntil(waiting(25), look)).toBeUndefined();
    expect(looks).toBe(4);
  });
});
