// Limits a warning about something that a client sends (a tag, a path) to one per value.
import { BoundedMap } from '@fleetbridge/access';

/** Bounded, because clients choose the keys. */
const MAX_KEYS = 1_000;

export type FirstTime = (key: string) => boolean;

/** Returns a function that is true for the first call with a key. */
export function createFirstTime(): FirstTime {
  const keys = new BoundedMap<true>({ maxKeys: MAX_KEYS });
  return (key) => {
    const isFirst = keys.get(key) === undefined;
    keys.set(key, true);
    return isFirst;
  };
}
