// Reloads files when they change. Reads them every few seconds and compares the content. Not fs.watch: renewals swap
// symbolic links (certbot, Kubernetes) or happen on the other side of a Docker volume, where the watched inode never
// changes or no event arrives. Not the modification time: a copy can preserve it. Reading a few KB is cheap.
import { setTimeout as delay } from 'node:timers/promises';

/** `rejected`: the content is not used and not tried again until it changes. `retry`: the next poll tries again. */
export type ApplyOutcome = 'applied' | 'rejected' | 'retry';

export interface FileWatchOptions<T> {
  /** Reads and checks the files. Throws if they can't be used. */
  load: () => Promise<T>;
  /** Content with the key of the content in use is not applied again. */
  keyOf: (content: T) => string;
  /** The key of the content in use; default: no content yet. */
  currentKey?: string | undefined;
  /** Puts new content in use. */
  apply: (content: T) => ApplyOutcome | Promise<ApplyOutcome>;
  /** Called once per problem. The content in use stays in use. */
  onError: (error: Error) => void;
  /** A problem of content that can be used nevertheless. */
  problemOf?: (content: T) => Error | undefined;
  /** A problem that has been reported before the watch began. */
  knownProblem?: Error | undefined;
  /** Polls in a row that must find the same content: 2 where half a file can pass for a whole one. Default 1. */
  contentPolls?: number;
  /** Polls in a row that must find the same problem: between two writes of one renewal there often is one. Default 2. */
  errorPolls?: number;
  intervalMs: number;
  /** Default: `intervalMs`. */
  firstPollMs?: number;
  /** Default: a timer that does not keep the process alive. */
  pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

export interface FileWatcher {
  /** Resolves when no poll is under way. After the call no further content is applied and no problem reported. */
  stop(): Promise<void>;
}

/** Starts watching. */
export function watchFiles<T>(options: FileWatchOptions<T>): FileWatcher {
  const { load, keyOf, apply, onError, problemOf = () => undefined } = options;
  const { contentPolls = 1, errorPolls = 2, intervalMs, firstPollMs = intervalMs, pause = unreferencedDelay } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let inUse = options.currentKey;
  let rejected: string | undefined;
  let found = nothing;
  let problems = options.knownProblem ? { key: options.knownProblem.message, polls: errorPolls } : nothing;

  async function run(): Promise<void> {
    for (let ms = firstPollMs; ; ms = intervalMs) {
      await pause(ms, signal).catch(() => {});
      if (signal.aborted) return;
      await poll();
    }
  }

  async function poll(): Promise<void> {
    const loaded = await load().then(
      (content) => ({ content, problem: problemOf(content) }),
      (problem: Error) => ({ problem }),
    );
    if (signal.aborted) return;
    if ('content' in loaded) {
      await applyIfNew(loaded.content);
    } else {
      found = nothing;
      rejected = undefined;
    }
    const { problem } = loaded;
    problems = next(problems, problem?.message);
    if (problem !== undefined && problems.polls === errorPolls && !signal.aborted) onError(problem);
  }

  async function applyIfNew(content: T): Promise<void> {
    const key = keyOf(content);
    if (key === inUse) {
      found = nothing;
      rejected = undefined;
      return;
    }
    found = next(found, key);
    if (key === rejected || found.polls < contentPolls) return;
    const outcome = await apply(content);
    rejected = outcome === 'rejected' ? key : undefined;
    if (outcome === 'applied') inUse = key;
  }

  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** What the last polls in a row have found, and how many they are. */
interface Streak {
  key: string | undefined;
  polls: number;
}

const nothing: Streak = { key: undefined, polls: 0 };

function next(streak: Streak, key: string | undefined): Streak {
  return { key, polls: streak.key === key ? streak.polls + 1 : 1 };
}

function unreferencedDelay(ms: number, signal: AbortSignal): Promise<unknown> {
  return delay(ms, undefined, { signal, ref: false });
}
