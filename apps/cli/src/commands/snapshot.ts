// `fleetbridge snapshot recompute`: the latest readings of every vehicle, made anew from the log.
import { compareEntryIds } from '@fleetbridge/protocol';
import { type PartitionKeys, SnapshotStore, type Store } from '@fleetbridge/store';
import { type Command, UsageError } from './command.js';
import { openLog } from './log-access.js';

const PATIENCE_MS = 60_000;

export const snapshot: Command = {
  summary: 'make the snapshots of all vehicles anew from the log',
  usage: 'recompute',
  help: [
    'Forgets the snapshots; the dispatcher reads the log from its first record and writes them again. What only records',
    'said that the log does not keep any more (RETENTION_HOURS) is unknown afterwards, until the vehicle says it again.',
    '',
    'Waits until the present is reached.',
  ],
  options: {},
  async run({ positionals: [action, ...rest], env, print }) {
    if (action !== 'recompute' || rest.length > 0) throw new UsageError('expected: recompute');
    const log = await openLog(env, 'fleetbridge-snapshot');
    try {
      const store = new SnapshotStore(log);
      const goals = await log.eachPartition((keys) => lastEntry(log, keys));
      await log.eachPartition(({ partition }) => store.clear(partition));
      const isDone = await reached(store, goals);
      const vehicles = (await store.vins()).length;
      if (isDone) print(`done: snapshots of ${vehicles} vehicle${vehicles === 1 ? '' : 's'}`);
      else
        print(
          `not done after ${PATIENCE_MS / 1000} s (${vehicles} so far): is a dispatcher running? It goes on by itself.`,
        );
      return isDone ? 0 : 1;
    } finally {
      log.close();
    }
  },
};

async function lastEntry({ redis }: Store, { records }: PartitionKeys): Promise<string | undefined> {
  const [last] = await redis.xrevrange(records, '+', '-', 'COUNT', 1);
  return last?.[0];
}

async function reached(store: SnapshotStore, goals: readonly (string | undefined)[]): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const cursors = await Promise.all(goals.map((_, partition) => store.cursor(partition)));
    if (goals.every((goal, partition) => goal === undefined || compareEntryIds(cursors[partition]!, goal) >= 0))
      return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
