// `fleetbridge forget <VIN>`: deletes what is stored of a vehicle. One that may still connect would only be stored anew,
// so that comes first. Two rounds: who had something of it in memory may have written it again after the first.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { loadConfig } from '@fleetbridge/service';
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

/** Ingest looks at the lists every second or two, and stores what the vehicle had sent before its connection ends. */
const LEAVING_MS = 15_000;
/** The streaming server looks every second, lets its clients end in a quiet moment, and revokes tokens within five. */
const SETTLING_MS = 6_000;

export const forget: Command = {
  summary: 'delete everything that is stored of a vehicle',
  usage: '<VIN> [--deny | --force] [--yes]',
  help: [
    'Deletes its records, snapshot, resume positions, dead letters and quarantined messages, and revokes the tokens that',
    'are good for this vehicle only. It asks first, on a terminal; elsewhere --yes is needed.',
    '',
    'A vehicle that may still connect would be stored anew. Take it out of ALLOWED_VINS (the command reads ALLOWED_VINS',
    'and ALLOWED_VINS_FILE as ingest does, if they are set here too), or say',
    '  --deny    keeps it out from now on, as fleetbridge vehicle deny does. This word is the one thing that stays',
    '  --force   deletes what there is now; the vehicle connects anew and is stored from then on',
    '',
    'It can be repeated, and must be when it was interrupted. What it can not reach: backups, what subscriptions have',
    "delivered (an MQTT broker's retained topics), TeslaMate's and Prometheus' data, lines of logs, certificates in",
    'DATA_DIR/pki/vehicles. See docs/security.md.',
  ],
  options: { deny: { type: 'boolean' }, force: { type: 'boolean' }, yes: { type: 'boolean' } },
  async run({ positionals: [vin, ...rest], values, env, print }) {
    if (vin === undefined || rest.length > 0) throw new UsageError('expected: one VIN');
    if (!isVin(vin)) throw new UsageError(`expected a VIN, got "${vin}"`);
    if (values.deny && values.force) throw new UsageError('--deny and --force exclude each other');
    if (!values.yes && !process.stdin.isTTY) throw new UsageError("it can't be undone: --yes is needed here");
    const isListed = listingOf(env, vin);
    const log = await openLog(env, 'fleetbridge-forget');
    try {
      const plan = planOf(vin, { isListed, verdict: await verdictOn(log, vin), values });
      if (plan.kind === 'refuse') {
        print(plan.why);
        return 1;
      }
      if (!values.yes && !(await isMeant(vin))) {
        print('nothing was deleted');
        return 1;
      }
      await forgetWhole(log, { vin, plan: plan.kind, print });
      return 0;
    } finally {
      log.close();
    }
  },
};

/** What becomes of the word that `fleetbridge vehicle` has on it. */
type Plan = 'deny' | 'withdraw' | 'leave';

/** `isListed` undefined: nothing is known here of ALLOWED_VINS. */
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
      ? `${vin} was allowed by fleetbridge vehicle allow`
      : isListed
        ? `ALLOWED_VINS or ALLOWED_VINS_FILE admits ${vin}`
        : `${vin} may still be admitted (ALLOWED_VINS is not set here, so what ingest has is not known)`;
  const lines = [
    `${reason}: it would be stored anew. Nothing was deleted.`,
    '  --deny    keeps it out from now on, and deletes',
    '  --force   deletes what there is now; it goes on',
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

async function isMeant(vin: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Delete everything that is stored of ${vin}? It can't be undone. The VIN: `);
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

export async function forgetWhole(log: Store, { vin, plan, print, settlingMs = SETTLING_MS }: ForgetOrder) {
  // keys bear a VIN as the certificate spells it, which is in capitals; people type what they like
  const spellings = [...new Set([normalizeVin(vin), vin])];
  const admission = new AdmissionStore(log);
  if (plan === 'deny') await admission.set([vin], 'deny');
  if (plan === 'withdraw') await admission.withdraw(vin);
  if (plan !== 'leave') await untilGone(log, spellings);

  const revoked = await revokeTokens(log, spellings);
  const subscriptions = await new SubscriptionStore(log).list();
  const names = subscriptions.map(({ name }) => name);
  const round = async () =>
    sumOf(await Promise.all(spellings.map((vin) => forgetVehicle(log, { vin, subscriptions: names }))));
  const first = await round();
  await delay(settlingMs);
  const second = await round();

  const { records, deadLetters, quarantined, others } = sumOf([first, second]);
  print(`forgot ${normalizeVin(vin)}`);
  print(`  ${records} records, ${deadLetters} dead letters, ${quarantined} quarantined messages, ${revoked} tokens`);
  print(`  ${first.others === 0 ? 'no snapshot or position' : `${others} other entries: snapshot, marks, positions`}`);
  for (const line of leftovers({ spellings, plan, subscriptions })) print(`left: ${line}`);
  if (second.others > 0 && plan !== 'leave')
    print('left: a client that goes on asking for it (TeslaMate?) has a place in Redis for as long as it does');
  print(await rewriteFiles(log));
}

/** Ends early when the vehicle is not connected (any more). One that nobody ends is ended with its presence, later. */
async function untilGone(log: Store, spellings: readonly string[]): Promise<void> {
  const presence = new Presence(log);
  const deadline = Date.now() + LEAVING_MS;
  while (Date.now() < deadline) {
    const connections = await Promise.all(spellings.map((vin) => presence.of(vin)));
    if (connections.every((connection) => connection === undefined)) return;
    await delay(100);
  }
}

async function revokeTokens(log: Store, spellings: readonly string[]): Promise<number> {
  const tokens = new TokenStore(log);
  const own = (await tokens.list()).filter(({ vin }) => spellings.includes(vin));
  for (const { id } of own) await tokens.revoke(id);
  return own.length;
}

function sumOf(all: readonly ForgetResult[]): ForgetResult {
  const sum: ForgetResult = { records: 0, deadLetters: 0, quarantined: 0, others: 0 };
  for (const one of all) for (const name of Object.keys(sum) as (keyof ForgetResult)[]) sum[name] += one[name];
  return sum;
}

interface Left {
  spellings: readonly string[];
  plan: Plan;
  subscriptions: readonly { name: string; definition: unknown }[];
}

function leftovers({ spellings, plan, subscriptions }: Left): string[] {
  const lines: string[] = [];
  if (plan === 'deny') lines.push('the word that keeps it out (fleetbridge vehicle list)');
  if (plan === 'leave') lines.push('its admission: it connects and is stored again, if it may');
  for (const { name, definition } of subscriptions) {
    const { vins } = Object(definition) as { vins?: unknown };
    if (Array.isArray(vins) && vins.some((vin) => spellings.includes(String(vin))))
      lines.push(`subscription ${name} names it in its filter`);
  }
  return lines;
}

async function rewriteFiles({ redis }: Store): Promise<string> {
  try {
    if ((await rewriteAppendOnlyFiles(redis)) === 'disabled') return 'Redis keeps no append-only file';
    return 'Redis writes its files anew; last bytes may stay in them for RETENTION_HOURS (docs/security.md)';
  } catch (error) {
    return `Redis' files keep traces until they are written anew (BGREWRITEAOF: ${(error as Error).message})`;
  }
}
