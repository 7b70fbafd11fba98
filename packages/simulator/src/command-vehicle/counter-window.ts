// Which counters a domain has seen. A counter is accepted once: above the highest one, or within 32 below it.

const WINDOW = 32;

export interface CounterWindow {
  highest: number;
  /** Accepted ones below the highest. */
  seen: ReadonlySet<number>;
}

export function windowFrom(highest: number): CounterWindow {
  return { highest, seen: new Set() };
}

/** The window after accepting the counter; undefined if it is refused. `ordered`: only rising ones are accepted. */
export function acceptCounter(
  { highest, seen }: CounterWindow,
  counter: number,
  { ordered }: { ordered: boolean },
): CounterWindow | undefined {
  if (counter > highest) {
    const kept = [...seen, highest].filter((other) => other >= counter - WINDOW);
    return { highest: counter, seen: new Set(kept) };
  }
  if (ordered || counter === highest || counter < highest - WINDOW || seen.has(counter)) return undefined;
  return { highest, seen: new Set([...seen, counter]) };
}

/** After other clients have used all counters up to this one. */
export function usedUpTo(window: CounterWindow, highest: number): CounterWindow {
  let used = window;
  for (let counter = Math.max(window.highest + 1, highest - WINDOW); counter <= highest; counter++) {
    used = acceptCounter(used, counter, { ordered: false }) ?? used;
  }
  return used;
}
