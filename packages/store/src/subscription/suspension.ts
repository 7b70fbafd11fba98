// Why the holder of a subscription does not deliver: its endpoint is away.

/** The holder repeats it every second; it ends with a holder that was killed. */
export const SUSPENSION_KEPT_MS = 10_000;

export interface Suspension {
  error: string;
  sinceMs: number;
  nextTryMs: number;
}

export function parseSuspension(text: string | null): Suspension | undefined {
  return text === null ? undefined : (JSON.parse(text) as Suspension);
}
