import { describe, expect, it } from 'vitest';
import { afterProblem, afterSend, isCheckDue, maySend, reasonToSend } from './decision.js';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const calm = { isServerUntrusted: false, exp: undefined, isQuiet: false };
const config = { hostname: 'telemetry.example.com' };

describe('a look at Tesla', () => {
  it.each([
    [undefined, calm, true],
    [NOW - 5 * HOUR, calm, false],
    [NOW - 6 * HOUR, calm, true],
    [NOW - HOUR / 2, { ...calm, isQuiet: true }, false],
    [NOW - HOUR, { ...calm, isQuiet: true }, true],
    [NOW - HOUR, { ...calm, isServerUntrusted: true }, true],
    [NOW - HOUR, { ...calm, exp: NOW / 1_000 + 6 * 86_400 }, true],
    [NOW - HOUR, { ...calm, exp: NOW / 1_000 + 8 * 86_400 }, false],
    // the clock was set back
    [NOW + HOUR, calm, true],
  ])('after one at %s with %j is due: %s', (checkedMs, view, isDue) => {
    expect(isCheckDue({ checkedMs }, view, NOW)).toBe(isDue);
  });
});

describe('the reason to send it again', () => {
  it.each([
    [{ synced: true, config }, calm, undefined],
    [{ synced: false, config }, calm, undefined],
    [{ synced: false, config: undefined }, calm, 'removed'],
    [{ synced: true, config: undefined }, calm, 'refused'],
    [{ synced: true, config }, { ...calm, isServerUntrusted: true }, 'server_untrusted'],
    [{ synced: true, config }, { ...calm, exp: NOW / 1_000 - 1 }, 'expires'],
    [{ synced: true, config }, { ...calm, isQuiet: true }, 'quiet'],
  ])('with %j and %j is %s', (state, view, reason) => {
    expect(reasonToSend(state, view, NOW)).toBe(reason);
  });
});

describe('sending again', () => {
  it('happens once in six hours and three times a day', () => {
    let memory = {};
    const sent: number[] = [];
    for (let hour = 0; hour < 48; hour++) {
      const nowMs = NOW + hour * HOUR;
      if (!maySend(memory, nowMs)) continue;
      memory = afterSend(memory, nowMs);
      sent.push(hour);
    }
    expect(sent).toEqual([0, 6, 12, 24, 30, 36]);
  });

  it('ends at a limit of Tesla, and not at another problem', () => {
    for (const problem of ['limit_reached', 'billing_limit', 'payment_required'] as const) {
      const memory = afterProblem({}, problem, NOW);
      expect(memory.stopped).toEqual({ problem, atMs: NOW });
      expect(maySend(memory, NOW + 365 * 24 * HOUR)).toBe(false);
    }
    expect(maySend(afterProblem({}, 'tesla_failed', NOW), NOW)).toBe(true);
  });
});
