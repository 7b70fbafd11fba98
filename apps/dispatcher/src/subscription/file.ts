// DISPATCHER_CONFIG: subscriptions defined by a file, which owns them. The file is watched and its definitions are copied
// to Redis, where all dispatchers read them.
import { readFileSync } from 'node:fs';
import { checkDefinitions, type GivenDefinition } from '@fleetbridge/delivery';
import { ConfigError, type FileWatcher, type Logger, type Mistake, unreadable, watchFiles } from '@fleetbridge/service';
import type { StoredSubscription, SubscriptionStore } from '@fleetbridge/store';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';

/** All mistakes, for the list printed at a start with an invalid configuration. */
export function mistakesInSubscriptionFile(path: string, extraTopics: readonly string[] = []): Mistake[] {
  try {
    parseSubscriptionFile(contentOf(path), path, extraTopics);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [...error.mistakes];
    throw error;
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw mistakenFile(path, [`expected the path of a file that can be read (${unreadable(cause)})`]);
  }
}

/** Throws ConfigError with every mistake. */
export function parseSubscriptionFile(
  text: string,
  path: string,
  extraTopics: readonly string[] = [],
): GivenDefinition[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    throw mistakenFile(
      path,
      // the first line has the mistake and its position, the others show the source
      document.errors.map(({ message }) => message.split('\n')[0]!.replace(/:$/, '')),
    );
  }
  const checked = checkDefinitions(document.toJS(), { extraTopics });
  if ('value' in checked) return checked.value;
  throw mistakenFile(
    path,
    checked.mistakes.map((mistake) => `${mistake.path}: ${mistake.problem}${lineOf(mistake.path, document, lines)}`),
  );
}

/** ` (line 4)` of the setting, or of what it is missing in. */
function lineOf(path: string, document: Document, lines: LineCounter): string {
  const keys = [...path.matchAll(/[^.[\]]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));
  for (; keys.length > 0; keys.pop()) {
    const node = document.getIn(keys, true);
    if (isNode(node) && node.range) return ` (line ${lines.linePos(node.range[0]).line})`;
  }
  return '';
}

function mistakenFile(path: string, problems: string[]): ConfigError {
  return new ConfigError(problems.map((problem) => ({ variable: 'DISPATCHER_CONFIG', problem, source: path })));
}

type Store = Pick<SubscriptionStore, 'list' | 'create' | 'redefine' | 'setPaused'>;

/** Applies the file to the stored subscriptions. Subscriptions removed from the file are paused, not deleted. */
export async function applySubscriptionFile(
  store: Store,
  definitions: readonly GivenDefinition[],
  { nowMs }: { nowMs: number },
): Promise<{ created: string[]; changed: string[]; resumed: string[]; paused: string[] }> {
  const done = { created: [] as string[], changed: [] as string[], resumed: [] as string[], paused: [] as string[] };
  const stored = new Map((await store.list()).map((subscription) => [subscription.name, subscription]));
  for (const { definition, given } of definitions) {
    const { name, from } = definition;
    const existing = stored.get(name);
    if (existing === undefined) {
      if (await store.create({ name, origin: 'file', definition: given }, { from, nowMs })) done.created.push(name);
      continue;
    }
    if (existing.origin !== 'file' || !isSame(existing, given)) {
      await store.redefine(existing, given, 'file');
      done.changed.push(name);
    }
    if (existing.paused === 'not_in_file') {
      await store.setPaused(name, undefined);
      done.resumed.push(name);
    }
  }
  const named = new Set(definitions.map(({ definition }) => definition.name));
  for (const { name, origin, paused } of stored.values()) {
    if (origin !== 'file' || named.has(name) || paused !== undefined) continue;
    await store.setPaused(name, 'not_in_file');
    done.paused.push(name);
  }
  return done;
}

function isSame(existing: StoredSubscription, given: unknown): boolean {
  return JSON.stringify(existing.definition) === JSON.stringify(given);
}

const POLL_MS = 1_000;

export interface SubscriptionFileOptions {
  path: string;
  /** EXTRA_TOPICS. */
  extraTopics?: readonly string[];
  store: Store;
  /** Of the log (logIdentity). */
  identity: () => Promise<string>;
  log: Logger;
  now: () => number;
  pollMs?: number;
}

/** A file in use. */
export interface SubscriptionFile extends FileWatcher {
  /** Creates the subscriptions that Redis has lost. In a new log they begin with its first record. */
  restore(): Promise<void>;
}

/**
 * Applies the file now and whenever its content changes, and restores what is missing in Redis at each poll. A file with
 * mistakes changes nothing; they are logged.
 */
export function watchSubscriptionFile({
  path,
  extraTopics = [],
  store,
  identity,
  log,
  now,
  pollMs = POLL_MS,
}: SubscriptionFileOptions): SubscriptionFile {
  const logMistakes = ({ mistakes }: ConfigError) =>
    log.error({ path, mistakes: mistakes.map(({ problem }) => problem) }, 'subscriptions_file_rejected');
  let inUse: { definitions: readonly GivenDefinition[]; identity: string } | undefined;
  const restore = async () => {
    if (inUse === undefined) return;
    const before = inUse.identity;
    const isNewLog = async () => (await identity()) !== before;
    const created = await createMissing(store, inUse.definitions, { isNewLog, nowMs: now() });
    if (created.length > 0) log.warn({ path, created }, 'subscriptions_restored');
  };
  const watcher = watchFiles<string>({
    load: async () => {
      // after a failure the next poll tries again
      await restore().catch((err) => log.debug({ err }, 'subscriptions_file_apply_failed'));
      return contentOf(path);
    },
    keyOf: (text) => text,
    apply: async (text) => {
      try {
        const definitions = parseSubscriptionFile(text, path, extraTopics);
        const appliedTo = inUse?.identity ?? (await identity());
        const done = await applySubscriptionFile(store, definitions, { nowMs: now() });
        inUse = { definitions, identity: appliedTo };
        log.info({ path, ...done }, 'subscriptions_file_applied');
        return 'applied';
      } catch (error) {
        if (error instanceof ConfigError) {
          logMistakes(error);
          return 'rejected';
        }
        log.debug({ err: error }, 'subscriptions_file_apply_failed');
        return 'retry';
      }
    },
    onError: (error) => logMistakes(error as ConfigError),
    errorPolls: 1,
    intervalMs: pollMs,
    firstPollMs: 0,
  });
  return { stop: () => watcher.stop(), restore };
}

/**
 * Only what is missing: another dispatcher may already have a newer file. A subscription of the file can't be deleted, so
 * one that is missing was lost. Everything in a new log came after that.
 */
async function createMissing(
  store: Store,
  definitions: readonly GivenDefinition[],
  { isNewLog, nowMs }: { isNewLog: () => Promise<boolean>; nowMs: number },
): Promise<string[]> {
  const stored = new Set((await store.list()).map(({ name }) => name));
  const missing = definitions.filter(({ definition }) => !stored.has(definition.name));
  if (missing.length === 0) return [];
  // only now: Redis may have been emptied just before the list was read
  const isNew = await isNewLog();
  const created: string[] = [];
  for (const { definition, given } of missing) {
    const { name } = definition;
    const from = isNew ? 'earliest' : definition.from;
    if (await store.create({ name, origin: 'file', definition: given }, { from, nowMs })) created.push(name);
  }
  return created;
}
