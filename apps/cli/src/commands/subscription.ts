// `fleetbridge subscription`: creates and lists subscriptions, shows their lag, pauses and moves them. Definitions are
// validated here and by the dispatcher, which also checks secrets and key files; its verdict is shown.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  checkDefinition,
  type DeliveryKind,
  deliveryKindOf,
  deliveryKinds,
  isSubscriptionName,
} from '@fleetbridge/delivery';
import { loadConfig, printable } from '@fleetbridge/service';
import {
  awayText,
  recordsText,
  type StoredSubscription,
  type SubscriptionControl,
  type SubscriptionLag,
  SubscriptionStore,
  stateText,
} from '@fleetbridge/store';
import { topicsConfig } from '../config.js';
import { columns, RECORD_HEADING, recordJsonLine, recordLine } from '../output/index.js';
import { ageMs, type Command, type Invocation, numberOption, UsageError, unknownAction } from './command.js';
import { openLog } from './log-access.js';

const actions = {
  list: listAll,
  create,
  delete: remove,
  pause,
  resume,
  seek,
  lag,
  peek,
  'dead-letters': deadLetters,
  redeliver,
} satisfies Record<string, Action>;

const [firstKind, ...otherKinds] = deliveryKinds as [DeliveryKind, ...DeliveryKind[]];

export const subscription: Command = {
  usage: 'list | create <name> … | delete|pause|resume|seek|lag|peek|dead-letters|redeliver <name> …',
  help: [
    '  list                              all subscriptions: what waits, mistakes, endpoints that are away and why',
    `  create <name> ${firstKind.flags.usage.padEnd(20)}by HTTP POST; also ${otherKinds.map(({ flags }) => flags.usage).join(', ')}`,
    '         [--topic <topic>] [--vin <VIN>] [--signal <signal>] [--payload protobuf|protojson|json] [--from now|earliest]',
    '         [--any]                    accepts a --vin that is no VIN, such as that of a simulated vehicle',
    "         [--definition <file>]      JSON as in DISPATCHER_CONFIG, for all other settings; '-' reads stdin",
    '  delete <name>                     with its position and dead letters',
    '  pause <name>, resume <name>       records wait meanwhile, at most RETENTION_HOURS',
    '  seek <name> <to>                  earliest, now, a time (2026-07-14T03:33:20Z) or an age (30m, 12h, 2d):',
    '                                    redelivers records since then, or skips records before it',
    '  lag <name>                        per partition: records that wait, age of the oldest, owner, losses, endpoint',
    '  peek <name> [--count <n>]         the next records, without delivering them; * is being delivered',
    '  dead-letters <name> [--count <n>] records that were given up, with the last error',
    '  redeliver <name> <id> … | --all   delivers dead letters again',
    '',
    '  --json                            one JSON object per line, for list, lag, peek and dead-letters',
    '',
    'Subscriptions of DISPATCHER_CONFIG can be paused, moved and redelivered here, but not deleted.',
  ],
  actions: Object.keys(actions),
  options: {
    ...Object.assign({}, ...deliveryKinds.map(({ flags }) => flags.options)),
    topic: { type: 'string', multiple: true },
    vin: { type: 'string', multiple: true },
    signal: { type: 'string', multiple: true },
    payload: { type: 'string' },
    from: { type: 'string' },
    definition: { type: 'string' },
    count: { type: 'string' },
    all: { type: 'boolean' },
    any: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run({ positionals: [name, ...args], values, env, print }) {
    if (name === undefined || !Object.hasOwn(actions, name)) {
      const known = Object.keys(actions);
      throw unknownAction(name, known, `one of ${known.join(', ')}`);
    }
    const action: Action = actions[name as keyof typeof actions];
    const prepared = action({ args, values, env, print });
    if (typeof prepared === 'number') return prepared;
    const log = await openLog(env, 'fleetbridge-subscription');
    try {
      return await prepared(new SubscriptionStore(log));
    } finally {
      log.close();
    }
  },
};

interface Request {
  args: readonly string[];
  values: Invocation['values'];
  env: Invocation['env'];
  print: Invocation['print'];
}

/** Checks the arguments first, so that mistakes are reported without Redis. A number is the exit code. */
type Action = (request: Request) => number | ((store: SubscriptionStore) => Promise<number>);

function listAll({ args, values, print }: Request) {
  if (args.length > 0) throw new UsageError(`unexpected argument "${args[0]}"`);
  return async (store: SubscriptionStore) => {
    const all = await store.list();
    if (all.length === 0 && !values.json) print('no subscriptions; see fleetbridge subscription --help');
    const rows: string[][] = [];
    const problems: string[] = [];
    for (const stored of all) {
      const { name, origin, definition } = stored;
      const mistakes = (await store.verdict(name)) ?? [];
      const lags = await store.control(name).lag();
      if (values.json) {
        const records = lags.reduce((sum, lag) => sum + lag.records, 0);
        const away = lags.flatMap(({ partition, suspension }) => (suspension ? [{ partition, ...suspension }] : []));
        const shown = { ...stored, paused: stored.paused ?? null, mistakes, records, away };
        print(JSON.stringify(shown, hideSecrets));
        continue;
      }
      const state = stateText({ stored, mistakes, lags, nowMs: Date.now() });
      rows.push([name, deliveryKindOf(definition)?.name ?? '?', origin, recordsText(lags), state]);
      problems.push(...mistakes.map((mistake) => `${name} is unusable: ${mistake}`));
    }
    if (rows.length > 0) for (const line of columns(['name', 'kind', 'from', 'waiting', 'state'], rows)) print(line);
    for (const problem of problems) print(problem);
    return 0;
  };
}

/** Hides passwords, tokens and values of headers, but not references to variables and files. */
function hideSecrets(key: string, value: unknown): unknown {
  const isSecret = key === 'password' || key === 'token';
  if (isSecret && typeof value === 'string' && !/^(env|file):/.test(value)) return '***';
  if (typeof value === 'string') return value.replace(/\/\/[^/@]*@/, '//***@');
  if (key !== 'headers' || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.keys(value).map((name) => [name, '***']));
}

function create({ args, values, env, print }: Request) {
  const name = onlyName(args);
  if (!isSubscriptionName(name)) throw new UsageError(`"${name}": expected a name of letters, digits, _ . -`);
  const definition = definitionOf(name, values);
  const { from } = definition;
  if (from !== 'now' && from !== 'earliest') throw new UsageError(`--from: expected now or earliest, got "${from}"`);
  const { EXTRA_TOPICS: extraTopics } = loadConfig(topicsConfig, { env }).config;
  const checked = checkDefinition(definition, name, { extraTopics, anyVin: values.any === true });
  if ('mistakes' in checked) {
    return notCreated(
      checked.mistakes.map(({ path, problem }) => `${path}: ${problem}`),
      print,
    );
  }
  return async (store: SubscriptionStore) => {
    if (!(await store.create({ name, origin: 'cli', definition }, { from, nowMs: Date.now() }))) {
      print(`subscription ${name} already exists`);
      return 1;
    }
    const mistakes = await verdictOf(store, name);
    if (mistakes === undefined) {
      print(`created ${name}; no dispatcher is running to deliver it`);
      return 0;
    }
    if (mistakes.length === 0) {
      print(`created ${name}`);
      return 0;
    }
    await store.delete(name);
    return notCreated(mistakes, print);
  };
}

function notCreated(mistakes: readonly string[], print: Invocation['print']): number {
  print(`not created, the definition has ${mistakes.length === 1 ? 'a mistake' : 'mistakes'}:`);
  for (const mistake of mistakes) print(`  ${mistake}`);
  return 2;
}

function definitionOf(name: string, values: Invocation['values']): Record<string, unknown> & { from: unknown } {
  const list = (value: unknown) => (Array.isArray(value) ? value.map(String) : undefined);
  const given: Record<string, unknown> = {
    topics: list(values.topic),
    vins: list(values.vin),
    signals: list(values.signal),
    payload: values.payload,
    ...Object.fromEntries(deliveryKinds.map((kind) => [kind.name, kind.flags.settings(values)])),
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const fromFile = typeof values.definition === 'string' ? definitionFile(values.definition) : {};
  const definition = { ...fromFile, ...options, name };
  const names = deliveryKinds.map((kind) => kind.name);
  if (names.filter((kind) => Object.hasOwn(definition, kind)).length !== 1) {
    throw new UsageError(`expected exactly one of ${names.map((kind) => `--${kind}`).join(', ')}`);
  }
  return { ...definition, from: values.from ?? fromFile.from ?? 'now' };
}

function definitionFile(path: string): Record<string, unknown> {
  try {
    const definition: unknown = JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8').replace(/^\uFEFF/, ''));
    if (typeof definition === 'object' && definition !== null && !Array.isArray(definition)) {
      return definition as Record<string, unknown>;
    }
  } catch (cause) {
    throw new UsageError(`--definition: ${(cause as Error).message}`, { cause });
  }
  throw new UsageError('--definition: expected a JSON object');
}

const VERDICT_WAIT_MS = 3_000;

/** A dispatcher checks every half second. Undefined: no dispatcher is running. */
async function verdictOf(store: SubscriptionStore, name: string): Promise<string[] | undefined> {
  const deadline = performance.now() + VERDICT_WAIT_MS;
  for (;;) {
    const mistakes = await store.verdict(name);
    if (mistakes !== undefined || performance.now() > deadline) return mistakes;
    await delay(100);
  }
}

function remove({ args, print }: Request) {
  return withSubscription(onlyName(args), print, async ({ store, stored: { name, origin } }) => {
    if (origin === 'file' && (await store.get(name))?.paused !== 'not_in_file') {
      print(`${name} is defined by DISPATCHER_CONFIG; remove it from that file first, then delete it here`);
      return 1;
    }
    await store.delete(name);
    print(`deleted ${name}`);
    return 0;
  });
}

function pause({ args, print }: Request) {
  return withSubscription(onlyName(args), print, async ({ store, stored: { name } }) => {
    await store.setPaused(name, 'operator');
    print(`paused ${name}; new records wait until fleetbridge subscription resume ${name}`);
    return 0;
  });
}

function resume({ args, print }: Request) {
  return withSubscription(onlyName(args), print, async ({ store, stored: { name, paused } }) => {
    if (paused === 'not_in_file') {
      print(`${name} was removed from DISPATCHER_CONFIG; add it there again, or delete it`);
      return 1;
    }
    await store.setPaused(name, undefined);
    print(`resumed ${name}`);
    return 0;
  });
}

function seek({ args, print }: Request) {
  const [name, to, ...rest] = args;
  if (name === undefined || to === undefined || rest.length > 0) {
    throw new UsageError('expected: seek <name> <to>, where <to> is earliest, now, a time, or 30m, 12h, 2d ago');
  }
  const nowMs = Date.now();
  const after = cursorOf(to, nowMs);
  return withSubscription(name, print, async ({ control }) => {
    await control.seek(after);
    print(`${name} will ${effectOf(to, nowMs)}`);
    return 0;
  });
}

/** The id before the first entry to deliver. An entry's id starts with the time at which it was appended. */
export function cursorOf(to: string, nowMs: number): string {
  if (to === 'earliest') return '0-0';
  if (to === 'now') return '$';
  const ms = agoMs(to, nowMs) ?? Date.parse(to);
  // Date.parse accepts much more; a time must start with the date
  if (!Number.isFinite(ms) || (agoMs(to, nowMs) === undefined && !/^\d{4}-\d\d-\d\d/.test(to))) {
    throw new UsageError(`expected earliest, now, a time (2026-07-14T03:33:20Z) or 30m, 12h, 2d ago, got "${to}"`);
  }
  return ms < 1 ? '0-0' : `${Math.floor(ms) - 1}-18446744073709551615`;
}

/** `2h` as epoch milliseconds; undefined if `to` is not an age. */
function agoMs(to: string, nowMs: number): number | undefined {
  const age = ageMs(to);
  return age === undefined ? undefined : nowMs - age;
}

function effectOf(to: string, nowMs: number): string {
  if (to === 'now') return 'skip all records so far';
  if (to === 'earliest') return 'redeliver everything in the log';
  const ms = agoMs(to, nowMs);
  return `redeliver everything since ${ms === undefined ? to : `${new Date(ms).toISOString().slice(0, 19)}Z (${to} ago)`}`;
}

function lag({ args, values, print }: Request) {
  return withSubscription(onlyName(args), print, async ({ control }) => {
    const lags = await control.lag();
    const nowMs = Date.now();
    if (values.json) for (const lag of lags) print(JSON.stringify(lag));
    else
      for (const line of columns(
        LAG_HEADINGS,
        lags.map((lag) => lagCells(lag, nowMs)),
      ))
        print(line);
    return 0;
  });
}

const LAG_HEADINGS = ['partition', 'waiting', 'oldest', 'delivered by', 'dead letters', 'state'];

function lagCells(lag: SubscriptionLag, nowMs: number): string[] {
  const { partition, ageMs, holder, deadLetters, suspension, lostUpTo } = lag;
  const state = [
    suspension === undefined ? '' : `away (${awayText(suspension, nowMs)})`,
    lostUpTo === undefined ? '' : `LOST to retention up to ${timeOf(lostUpTo)}`,
  ];
  return [
    String(partition),
    recordsText([lag]),
    ageMs === undefined ? '-' : `${(ageMs / 1000).toFixed(1)} s`,
    holder ?? '-',
    String(deadLetters),
    state.filter(Boolean).join('; ') || (holder === undefined ? 'no dispatcher' : 'delivering'),
  ];
}

function peek({ args, values, print }: Request) {
  const count = numberOption(values, 'count', { min: 1, isWhole: true }) ?? 10;
  return withSubscription(onlyName(args), print, async ({ control }) => {
    const entries = (await control.peek(count)).slice(0, count);
    if (!values.json) print(entries.length === 0 ? 'nothing waiting' : `  ${RECORD_HEADING}`);
    for (const entry of entries) {
      print(values.json ? recordJsonLine(entry) : `${entry.isPending ? '*' : ' '} ${recordLine(entry)}`);
    }
    return 0;
  });
}

function deadLetters({ args, values, print }: Request) {
  const count = numberOption(values, 'count', { min: 1, isWhole: true }) ?? 100;
  return withSubscription(onlyName(args), print, async ({ control }) => {
    const letters = await control.deadLetters(count);
    if (values.json) {
      for (const { id, partition, rejections, error, diedMs, entry } of letters) {
        const { vin, topic, txid } = entry;
        const died = new Date(diedMs).toISOString();
        print(JSON.stringify({ id: `${partition}/${id}`, entry: entry.id, vin, topic, txid, rejections, error, died }));
      }
      return 0;
    }
    if (letters.length === 0) print('no dead letters');
    const rows = letters.map(({ id, partition, rejections, error, diedMs, entry }) => {
      const died = `${new Date(diedMs).toISOString().slice(0, 19)}Z`;
      return [`${partition}/${id}`, entry.vin, entry.topic, String(rejections), died, error].map(printable);
    });
    const [heading = '', ...lines] = columns(DEAD_LETTER_HEADINGS, rows);
    if (lines.length > 0) print(heading);
    for (const [index, line] of lines.entries()) print(`${line}\n    ${recordLine(letters[index]!.entry)}`);
    return 0;
  });
}

const DEAD_LETTER_HEADINGS = ['id', 'vin', 'topic', 'rejected', 'given up at', 'last error'];

function redeliver({ args, values, print }: Request) {
  const [name, ...ids] = args;
  if (name === undefined || ids.length > 0 === (values.all === true)) {
    throw new UsageError('expected: redeliver <name> with ids from dead-letters, or --all');
  }
  const requested = ids.map((id) => {
    const match = /^(\d+)\/(\d+-\d+)$/.exec(id);
    if (match === null) throw new UsageError(`"${id}": expected the id of a dead letter, such as 0/1784000000000-0`);
    return { partition: Number(match[1]), id: match[2]! };
  });
  return withSubscription(name, print, async ({ control, stored }) => {
    const letters = values.all ? await control.deadLetters(100_000) : requested;
    let count = 0;
    for (const [partition, ids] of idsByPartition(letters)) {
      if (partition < stored.start.length) count += await control.redeliver(partition, ids);
    }
    print(`${count} of ${letters.length} will be redelivered`);
    return count === letters.length ? 0 : 1;
  });
}

function idsByPartition(letters: readonly { partition: number; id: string }[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const { partition, id } of letters) {
    const ids = groups.get(partition);
    if (ids === undefined) groups.set(partition, [id]);
    else ids.push(id);
  }
  return groups;
}

function withSubscription(
  name: string,
  print: Invocation['print'],
  run: (found: {
    store: SubscriptionStore;
    control: SubscriptionControl;
    stored: StoredSubscription;
  }) => Promise<number>,
) {
  return async (store: SubscriptionStore): Promise<number> => {
    const stored = await store.get(name);
    if (stored !== undefined) return await run({ store, stored, control: store.control(name) });
    print(`unknown subscription ${name}; see fleetbridge subscription list`);
    return 1;
  };
}

function onlyName([name, ...rest]: readonly string[]): string {
  if (name === undefined) throw new UsageError('expected the name of a subscription');
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  return name;
}

function timeOf(entryId: string): string {
  return new Date(Number(entryId.split('-')[0])).toISOString();
}
