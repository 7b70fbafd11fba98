// Sends on through whatever a test does to Redis.
import type { AppendOutcome } from '../src/log/appender.js';

/** A record every few milliseconds, whether the ones before are acknowledged or not. */
export function sendOn(append: (txid: string) => Promise<AppendOutcome>) {
  const sent: string[] = [];
  const acknowledged: string[] = [];
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const txid = String(sent.length);
    sent.push(txid);
    const settling = append(txid).then((outcome) => {
      underWay.delete(settling);
      if (outcome !== 'failed') acknowledged.push(txid);
    });
    underWay.add(settling);
  }, 5);
  return {
    sent,
    acknowledged,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
