// `fleetbridge forget <VIN>`: deletes all data of a vehicle. A vehicle that may still connect would be stored again, so its
// admission is withdrawn first. Deletes twice, because a process can write data that it had in memory after the first pass.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { loadConfig, printable } from '@fleetbridge/service';
import {
  AdmissionStore,
  type ForgetResult,
  forgetVehicle,
  Presence,
  rewriteAppendOnlyFiles,
  type Store,
  SubscriptionStore,
  TokenStore,
  type Verdict,
} from '@fleetbridge/store';
import { admissionConfig } from '../config.js';
import { type Command, type Invocation, UsageError } from './command.js';
import { openLog } from './log-access.js';
import { pollUntil } from './poll-until.js';

/** Ingest reads the lists every one to two seconds and stores what the vehicle has sent before it closes the connection. */
const DISCONNECT_LIMIT_MS = 15_000;
/** The streaming server polls every second, closes its clients between frames, and revokes tokens within 5 s. */
const SETTLING_MS = 6_000;

export const forget: Command = {
  usage: '<VIN> [--deny | --force] [--yes]',
  help: [
    'Deletes the records, snapshot, resume positions, dead letters and quarantined messages of the vehicle, and revokes',
    'the tokens that are valid for this vehicle only. Asks for confirmation on a terminal; elsewhere --yes is required.',
    '',
    'The data of a vehicle that may still connect would be stored again. Remove the VIN from ALLOWED_VINS first (the',
    'command reads ALLOWED_VINS and ALLOWED_VINS_FILE if they are set in its environment), or use one of:',
    '  --deny    deny the vehicle from now on, like "fleetbridge vehicle deny"; this entry remains stored',
    '  --force   delete the current data only; the vehicle may reconnect and is then stored again',
    '',
    '  --yes     do not ask for confirmation',
    '',
    'If the command is interrupted, run it again. It does not delete: backups, data that subscriptions have delivered',
    '(such as retained MQTT topics), data in TeslaMate and Prometheus, log lines, and certificates in',
    'DATA_DIR/pki/vehicles. See docs/security.md.',
  ],
  options: { deny: { type: 'boolean' }, force: { type: 'boolean' }, yes: { type: 'boolean' } },
  async run({ positionals: [vin, ...rest], values, env, print }) {
    if (vin === undefined || rest.length > 0) throw new UsageError('expected: one VIN');
    if (!isVin(vin)) throw new UsageError(`expected a VIN, got "${vin}"`);
    if (values.deny && values.force) throw new UsageError('--deny and --force are mutually exclusive');
    if (!values.yes && !process.stdin.isTTY)
      throw new UsageError('this cannot be undone: --yes is required when stdin is not a terminal');
    const isListed = listingOf(env, vin);
    const log = await openLog(env, 'fleetbridge-forget');
    try {
      const plan = planOf(vin, { isListed, verdict: await verdictOn(log, vin), values });
      if (plan.kind === 'refuse') {
        print(plan.why);
        return 1;
      }
      if (!values.yes && !(await isConfirmed(vin))) {
        print('nothing was deleted');
        return 1;
      }
      await forgetEverywhere(log, { vin, plan: plan.kind, print });
      return 0;
    } finally {
      log.close();
    }
  },
};

/** What to do with the entry of `fleetbridge vehicle allow` or `deny`. */
type Plan = 'deny' | 'withdraw' | 'leave';

/** `isListed` is undefined when ALLOWED_VINS is not set in the environment of this command. */
export function planOf(
  vin: string,
  facts: {
    isListed: boolean | undefined;
    verdict: Verdict | undefined;
    values: { deny?: unknown; force?: unknown };
  },
): { kind: Plan } | { kind: 'refuse'; why: string } {
  const { isListed, verdict, values } = facts;
  if (values.force) return { kind: 'leave' };
  if (isListed === false) return { kind: values.deny ? 'deny' : 'withdraw' };
  if (values.deny || verdict === 'deny') return { kind: 'deny' };
  const reason =
    verdict === 'allow'
      ? `${vin} was allowed with "fleetbridge vehicle allow"`
      : isListed
        ? `ALLOWED_VINS or ALLOWED_VINS_FILE allows ${vin}`
        : `${vin} may connect again unless it is denied (this command does not know the ALLOWED_VINS of the running ingest)`;
  const lines = [
    `${reason}: its data would be stored again. Nothing was deleted.`,
    '  --deny    deny the vehicle from now on, and delete its data',
    '  --force   delete the current data only; the vehicle may reconnect',
  ];
  return { kind: 'refuse', why: lines.join('\n') };
}

function listingOf(env: NodeJS.ProcessEnv, vin: string): boolean | undefined {
  const { ALLOWED_VINS, ALLOWED_VINS_FILE } = loadConfig(admissionConfig, { env }).config;
  if (ALLOWED_VINS === undefined && ALLOWED_VINS_FILE === undefined) return undefined;
  const lines = ALLOWED_VINS_FILE === undefined ? [] : readFileSync(ALLOWED_VINS_FILE, 'utf8').split('\n');
  const fromFile = lines.map((line) => line.replace(/#.*/, '').trim());
  const listed = [...(ALLOWED_VINS ?? []), ...fromFile].map(normalizeVin);
  return listed.includes('*') || listed.includes(normalizeVin(vin));
}

async function verdictOn(log: Store, vin: string): Promise<Verdict | undefined> {
  return (await new AdmissionStore(log).read()).verdicts.get(normalizeVin(vin));
}

async function isConfirmed(vin: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `Delete all data of ${printable(vin)}? This cannot be undone. Type the VIN to confirm: `,
    );
    return normalizeVin(answer.trim()) === normalizeVin(vin);
  } finally {
    terminal.close();
  }
}

export interface ForgetOrder {
  vin: string;
  plan: Plan;
  print: Invocation['print'];
  settlingMs?: number;
}

export async function forgetEverywhere(log: Store, { vin, plan, print, settlingMs = SETTLING_MS }: ForgetOrder) {
  // keys contain the VIN as the certificate spells it, in upper case; a user may type lower case
  const spellings = [...new Set([normalizeVin(vin), vin])];
  const admission = new AdmissionStore(log);
  if (plan === 'deny') await admission.set([vin], 'deny');
  if (plan === 'withdraw') await admission.withdraw(vin);
  if (plan !== 'leave') await untilDisconnected(log, spellings);

  const revoked = await revokeTokens(log, spellings);
  const subscriptions = await new SubscriptionStore(log).list();
  const names = subscriptions.map(({ name }) => name);
  const deleteOnce = async () =>
    sumOf(await Promise.all(spellings.map((vin) => forgetVehicle(log, { vin, subscriptions: names }))));
  const first = await deleteOnce();
  await delay(settlingMs);
  const second = await deleteOnce();

  const { records, deadLetters, quarantined, others } = sumOf([first, second]);
  print(`deleted the data of ${normalizeVin(vin)}`);
  print(`  ${records} records, ${deadLetters} dead letters, ${quarantined} quarantined messages, ${revoked} tokens`);
  print(
    `  ${first.others === 0 ? 'no other entries' : `${others} other entries (snapshot, duplicate marks, positions)`}`,
  );
  for (const line of remainders({ spellings, plan, subscriptions })) print(`remaining: ${line}`);
  if (second.others > 0 && plan !== 'leave')
    print('remaining: the resume position of a client (TeslaMate?) that is still subscribed to this vehicle');
  print(await rewriteFiles(log));
}

/** Waits until the vehicle is disconnected. A presence that remains is deleted with the other data. */
async function untilDisconnected(log: Store, spellings: readonly string[]): Promise<void> {
  const presence = new Presence(log);
  await pollUntil(async () => {
    const connections = await Promise.all(spellings.map((vin) => presence.of(vin)));
    return connections.every((connection) => connection === undefined);
  }, DISCONNECT_LIMIT_MS);
}

async function revokeTokens(log: Store, spellings: readonly string[]): Promise<number> {
  const tokens = new TokenStore(log);
  const own = (await tokens.list()).filter(({ vin }) => spellings.includes(vin));
  for (const { id } of own) await tokens.revoke(id);
  return own.length;
}

function sumOf(all: readonly ForgetResult[]): ForgetResult {
  const sum: ForgetResult = { records: 0, deadLetters: 0, quarantined: 0, others: 0 };
  for (const result of all) for (const name of Object.keys(sum) as (keyof ForgetResult)[]) sum[name] += result[name];
  return sum;
}

interface ForgetOutcome {
  spellings: readonly string[];
  plan: Plan;
  subscriptions: readonly { name: string; definition: unknown }[];
}

function remainders({ spellings, plan, subscriptions }: ForgetOutcome): string[] {
  const lines: string[] = [];
  if (plan === 'deny') lines.push('the entry that denies the vehicle (fleetbridge vehicle list)');
  if (plan === 'leave') lines.push('its admission: if it is allowed to connect, its data is stored again');
  for (const { name, definition } of subscriptions) {
    const { vins } = Object(definition) as { vins?: unknown };
    if (Array.isArray(vins) && vins.some((vin) => spellings.includes(String(vin))))
      lines.push(`subscription ${name} has the VIN in its filter`);
  }
  return lines;
}

async function rewriteFiles({ redis }: Store): Promise<string> {
  try {
    if ((await rewriteAppendOnlyFiles(redis)) === 'disabled') return 'Redis has no append-only file';
    return 'Redis is rewriting its append-only file; remains can stay in it for RETENTION_HOURS (docs/security.md)';
  } catch (error) {
    return `remains stay in Redis' append-only file until its next rewrite (BGREWRITEAOF: ${(error as Error).message})`;
  }
}
