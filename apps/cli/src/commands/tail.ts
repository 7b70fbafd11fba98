// `fleetbridge tail`: prints the records of the log as they arrive, decoded, with signal names and units.
import { BEGINNING, normalizeVin, topics } from '@fleetbridge/protocol';
import { loadConfig, printable } from '@fleetbridge/service';
import { type LogEntry, LogTail, type Store } from '@fleetbridge/store';
import { topicsConfig } from '../config.js';
import { fitted, recordJsonLine, recordLine } from '../output/index.js';
import { printError } from '../print.js';
import { ageMs, type Command, type Invocation, numberOption, UsageError } from './command.js';
import { openLog } from './log-access.js';

export const tail: Command = {
  usage: '[--since <30m | 2h | 1d> | --all] [--vin <VIN>] [--topic <topic>] [--count <n>] [--wide] [--json]',
  help: [
    '  --since <age>      start this long ago: 30m, 2h, 1d, or a number of minutes; default: now',
    '  --all              start with the oldest record in the log',
    '  --vin <VIN>        only this vehicle; can be repeated',
    '  --topic <topic>    only V, alerts, errors or connectivity; can be repeated',
    '  --count <n>        exit after this number of records',
    '  --wide             whole records on a terminal too, where long lines are cut otherwise',
    '  --json             print one JSON object per record',
    '',
    'Reads from REDIS_URL, or from the Redis that "npm start" runs in DATA_DIR.',
  ],
  options: {
    since: { type: 'string' },
    all: { type: 'boolean' },
    vin: { type: 'string', multiple: true },
    topic: { type: 'string', multiple: true },
    count: { type: 'string' },
    json: { type: 'boolean' },
    wide: { type: 'boolean' },
  },
  async run({ values, positionals, env, print }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    if (values.all && values.since !== undefined) throw new UsageError('--all and --since are mutually exclusive');
    const since = sinceMs(values);
    const wanted = {
      vins: listOption(values.vin)?.map(normalizeVin),
      topics: listOption(values.topic),
      count: numberOption(values, 'count', { min: 1, isWhole: true }),
    };
    const from = values.all ? BEGINNING : `${Math.max(0, Date.now() - Math.round(since))}-0`;
    const log = await openLog(env, 'fleetbridge-tail');
    await noteUnknown(log, wanted, env).finally(() => log.close());

    const width = values.wide === true ? undefined : process.stdout.columns;
    let shown = 0;
    const tails: LogTail[] = [];
    const done = new Promise<void>((resolve) => {
      const show = (entry: LogEntry) => {
        if (wanted.count !== undefined && shown >= wanted.count) return;
        if (wanted.vins && !wanted.vins.includes(normalizeVin(entry.vin))) return;
        if (wanted.topics && !wanted.topics.includes(entry.topic)) return;
        print(values.json ? recordJsonLine(entry) : fitted(recordLine(entry), width));
        if (++shown === wanted.count) resolve();
      };
      for (let partition = 0; partition < log.partitions; partition++) {
        tails.push(
          new LogTail({
            store: log,
            partition,
            from,
            name: 'fleetbridge-tail',
            onEntry: show,
            onSkipped: ({ entry, error }) =>
              printError(`skipped record ${entry.id}: ${printable((error as Error).message)}`),
          }),
        );
      }
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      // A reader such as head closes the pipe. Records that are read until the tails stop fail too.
      process.stdout.on('error', () => resolve());
    });
    for (const logTail of tails) logTail.start();
    await done;
    await Promise.all(tails.map((logTail) => logTail.stop()));
    return 0;
  },
};

function sinceMs(values: Invocation['values']): number {
  const { since } = values;
  const age = typeof since === 'string' ? ageMs(since) : 0;
  if (age !== undefined) return age;
  const minutes = typeof since === 'string' && since.trim() !== '' ? Number(since) : Number.NaN;
  if (minutes >= 0 && Number.isFinite(minutes)) return minutes * 60_000;
  throw new UsageError(
    `--since: expected an age such as 30m, 2h or 1d, or a number of at least 0 (minutes), got "${since}"`,
  );
}

/** Without a note, a mistyped VIN or topic would look like a vehicle that sends nothing. */
async function noteUnknown(
  log: Store,
  { vins = [], topics: wanted = [] }: { vins?: string[] | undefined; topics?: string[] | undefined },
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const note = (text: string) => printError(`${printable(text)}; waiting (Ctrl-C ends)`);
  for (const vin of vins) {
    const isKnown = (await log.redis.hexists(log.keysOf(vin).newest, vin)) === 1;
    if (!isKnown) note(`no record of ${vin} in the log yet`);
  }
  const known: string[] = [...topics, ...loadConfig(topicsConfig, { env }).config.EXTRA_TOPICS];
  for (const topic of wanted) if (!known.includes(topic)) note(`${topic} is not one of the topics ${known.join(', ')}`);
}

function listOption(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}
