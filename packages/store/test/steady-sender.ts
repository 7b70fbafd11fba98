// Sends records at a steady rate, regardless of failures of Redis.
import type { AppendOutcome } from '../src/log/appender.js';

/** Sends a record every few milliseconds, without waiting for acknowledgements. */
export function sendSteadily(append: (txid: string) => Promise<AppendOutcome>) {
  const sent: string[] = [];
  const acknowledged: string[] = [];
  const inFlight = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const txid = String(sent.length);
    sent.push(txid);
    const settling = append(txid).then((outcome) => {
      inFlight.delete(settling);
      if (outcome !== 'failed') acknowledged.push(txid);
    });
    inFlight.add(settling);
  }, 5);
  return {
    sent,
    acknowledged,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}
