// `fleetbridge snapshot recompute`: rebuilds the latest values of every vehicle from the log.
import { compareEntryIds } from '@fleetbridge/protocol';
import { type PartitionKeys, SnapshotStore, type Store } from '@fleetbridge/store';
import { type Command, unknownAction } from './command.js';
import { openLog } from './log-access.js';
import { pollUntil } from './poll-until.js';

const RECOMPUTE_LIMIT_MS = 60_000;

export const snapshot: Command = {
  usage: 'recompute',
  help: [
    'Deletes the snapshots. The dispatcher then reads the log from its first record and writes them again. Values from',
    'records that have been deleted from the log (RETENTION_HOURS) are lost until the vehicle sends them again.',
    '',
    'Waits up to 60 s until the end of the log is reached.',
  ],
  actions: ['recompute'],
  options: {},
  async run({ positionals: [action, ...rest], env, print }) {
    if (action !== 'recompute' || rest.length > 0) throw unknownAction(action, ['recompute'], 'recompute');
    const log = await openLog(env, 'fleetbridge-snapshot');
    try {
      const store = new SnapshotStore(log);
      const lastIds = await log.eachPartition((keys) => lastEntry(log, keys));
      await log.eachPartition(({ partition }) => store.clear(partition));
      const isDone = await pollUntil(() => isPast(store, lastIds), RECOMPUTE_LIMIT_MS);
      const vehicles = (await store.vins()).length;
      if (isDone) print(`done: snapshots of ${vehicles} vehicle${vehicles === 1 ? '' : 's'}`);
      else
        print(
          `not finished after ${RECOMPUTE_LIMIT_MS / 1000} s (${vehicles} so far). A running dispatcher continues in the background; check that one is running.`,
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

async function isPast(store: SnapshotStore, ids: readonly (string | undefined)[]): Promise<boolean> {
  const cursors = await Promise.all(ids.map((_, partition) => store.cursor(partition)));
  return ids.every((id, partition) => id === undefined || compareEntryIds(cursors[partition]!, id) >= 0);
}
