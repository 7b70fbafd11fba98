// Runs one check within its time limit. A check that can't run is grey, with the reason; an exception never passes.
import type { Clock } from '@fleetbridge/fleet-api';
import { type CheckName, errorVerdict, type Finding, notChecked, type Verdict } from '../checks/index.js';

export type VehicleVerdict = Verdict & { readonly vin: string };

/** Another check has to be green first. */
export class NeedsFirst extends Error {
  override readonly name = 'NeedsFirst';
}

export interface CheckRun {
  readonly name: CheckName;
  readonly run: () => Promise<Verdict | readonly VehicleVerdict[]>;
}

export async function runCheck(
  { name, run }: CheckRun,
  { clock, limitMs }: { clock: Clock; limitMs: number },
): Promise<Finding[]> {
  const result = await withinLimit(run().catch(verdictOf), clock, limitMs);
  const verdicts: readonly (Verdict & { vin?: string })[] = Array.isArray(result) ? result : [result as Verdict];
  return verdicts.map(({ vin, colour, text, problem, remedy }) => ({
    check: name,
    ...(vin === undefined ? {} : { vin }),
    colour,
    text,
    ...(problem === undefined ? {} : { problem }),
    ...(remedy === undefined ? {} : { remedy }),
  }));
}

function verdictOf(error: unknown): Verdict {
  if (error instanceof NeedsFirst) return notChecked(error.message);
  return errorVerdict(error) ?? notChecked(error instanceof Error ? error.message : String(error));
}

function withinLimit<T>(result: Promise<T>, clock: Clock, limitMs: number): Promise<T | Verdict> {
  const late = notChecked(`no result within ${Math.round(limitMs / 1_000)} s`);
  return orAfter<T | Verdict>(result, { clock, ms: limitMs, value: late });
}

/** The value once the time is over. */
export function orAfter<T>(
  result: Promise<T>,
  { clock, ms, value }: { clock: Clock; ms: number; value: T },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(value));
    result.then(resolve, reject).finally(cancel);
  });
}

/** Computed at the first use, and once. */
export function once<T>(compute: () => T | Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= Promise.resolve().then(compute);
    return result;
  };
}

/** The result, or NeedsFirst: the failure is a finding of the check that it belongs to. */
export async function needed<T>(fact: Promise<T>, reason: string): Promise<T> {
  try {
    return await fact;
  } catch (error) {
    if (error instanceof NeedsFirst) throw error;
    throw new NeedsFirst(reason, { cause: error });
  }
}
