// `fleetbridge tail`: prints the records of the log as they arrive, decoded, with signal names and units.
import { BEGINNING } from '@fleetbridge/protocol';
import { type LogEntry, LogTail } from '@fleetbridge/store';
import { recordJsonLine, recordLine } from '../output/index.js';
import { type Command, numberOption, UsageError } from './command.js';
import { openLog } from './log-access.js';

export const tail: Command = {
  summary: 'print the records of the log, decoded, as they arrive',
  usage: '[--since <minutes> | --all] [--vin <VIN>] [--topic <topic>] [--count <n>] [--json]',
  help: [
    '  --since <minutes>  start this many minutes ago; default: now',
    '  --all              start with the oldest record in the log',
    '  --vin <VIN>        only this vehicle; can be repeated',
    '  --topic <topic>    only V, alerts, errors or connectivity; can be repeated',
    '  --count <n>        exit after this number of records',
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
  },
  async run({ values, positionals, env, print }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    if (values.all && values.since !== undefined) throw new UsageError('--all and --since are mutually exclusive');
    const sinceMinutes = numberOption(values, 'since', { min: 0 }) ?? 0;
    const wanted = {
      vins: listOption(values.vin),
      topics: listOption(values.topic),
      count: numberOption(values, 'count', { min: 1, isWhole: true }),
    };
    const from = values.all ? BEGINNING : `${Math.max(0, Date.now() - Math.round(sinceMinutes * 60_000))}-0`;
    const log = await openLog(env, 'fleetbridge-tail');
    log.close();

    let shown = 0;
    const tails: LogTail[] = [];
    const done = new Promise<void>((resolve) => {
      const show = (entry: LogEntry) => {
        if (wanted.count !== undefined && shown >= wanted.count) return;
        if (wanted.vins && !wanted.vins.includes(entry.vin)) return;
        if (wanted.topics && !wanted.topics.includes(entry.topic)) return;
        print(values.json ? recordJsonLine(entry) : recordLine(entry));
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
              process.stderr.write(`skipped record ${entry.id}: ${(error as Error).message}\n`),
          }),
        );
      }
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      // a reader such as head closes the pipe
      process.stdout.once('error', () => resolve());
    });
    for (const logTail of tails) logTail.start();
    await done;
    await Promise.all(tails.map((logTail) => logTail.stop()));
    return 0;
  },
};

function listOption(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}
