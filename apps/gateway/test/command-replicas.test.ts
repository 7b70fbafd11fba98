// Two gateway processes share the commands of some vehicles, with faults of the vehicles and of the network, and kill -9.
// Every request is executed at most once, and every counter is signed for one message only.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Fault, httpFaults } from '@fleetbridge/simulator';
import { type Store, TokenStore } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import {
  type CommandRow,
  commandSchema,
  commandTable,
  prepareCommand,
  routableMessage,
} from '@fleetbridge/vehicle-command';
import { expect } from 'vitest';
import { type CommandFleetRig, SCALAR, startFleet } from './command-rig.js';

const isLong = process.env.TEST_LONG !== undefined;
if (!isLong) console.log('25 commands through two replicas; 125 and a suspended replica with npm run test:long');
const VINS = Array.from({ length: 5 }, (_, n) => `5YJ3E1EA7KF0002${String(n).padStart(2, '0')}`);
const ROUNDS = isLong ? 5 : 1;
/** Per round and vehicle; with repeats and handshakes below the limit per minute. */
const REQUESTS = 5;

/** All of them within the rounds of the long test. */
const rows = [...commandTable.values()].filter(({ via }) => via === 'signed');

const faults: Fault[] = [
  httpFaults.cutAfter,
  httpFaults.cutBefore,
  httpFaults.notAvailableAfterExecution,
  httpFaults.serverError,
  httpFaults.bodyText,
  { kind: 'message_fault', fault: 1, withSessionInfo: false },
  { kind: 'reboot' },
  { kind: 'replaced' },
  { kind: 'delivered_twice' },
  { kind: 'counters_used', count: 40 },
  { kind: 'late', delayMs: 300 },
  { kind: 'answer', flaw: 'tampered_ciphertext' },
];

it('executes each request once at most, with two replicas, faults and kill -9', async ({ store, cleanup }) => {
  const fleet = await startFleet(VINS);
  cleanup.push(() => fleet.stop());
  const messages = recordMessages(fleet);
  const { token } = await new TokenStore(store).create({ vin: '*', label: '', nowMs: 1, scopes: ['command'] });
  let replicas = await Promise.all([startReplica(store, fleet), startReplica(store, fleet)]);
  cleanup.push(() => {
    for (const { process: child } of replicas) child.kill('SIGKILL');
  });
  const requested: string[] = [];
  const answers: Record<string, number> = {};
  let requests = 0;
  let draws = 0;
  const draw = (count: number) => {
    draws = (draws * 48_271 + 11) % 2_147_483_647;
    return draws % count;
  };

  const run = async (vin: string) => {
    const row = rows[requests++ % rows.length]!;
    const body = exampleBody(row);
    const command = prepareCommand(row.name, body, 0);
    if (command.kind === 'prepared') requested.push(nameOf(vin, command.payload));
    const { port } = replicas[draw(2)]!;
    const answer = await fetch(`http://127.0.0.1:${port}/api/1/vehicles/${vin}/command/${row.name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    }).catch(() => undefined);
    await answer?.text().catch(() => '');
    const status = String(answer?.status ?? 'killed');
    answers[status] = (answers[status] ?? 0) + 1;
  };

  for (let round = 0; round < ROUNDS; round++) {
    for (const vehicle of fleet.vehicles) {
      for (let nth = 1; nth <= REQUESTS; nth += 2) {
        vehicle.play({ fault: faults[draw(faults.length)]!, messages: 'commands', nth });
      }
    }
    const running = VINS.flatMap((vin) => Array.from({ length: REQUESTS }, () => run(vin)));
    const before = messages.length;
    await until(() => messages.length > before + 3 + draw(6));
    const victim = draw(2);
    replicas[victim]!.process.kill('SIGKILL');
    // as if the turns of the killed process had expired, and also those of the other one
    await expireTurns(store);
    await Promise.all(running);
    const replacement = await startReplica(store, fleet);
    replicas = replicas.map((replica, n) => (n === victim ? replacement : replica)) as typeof replicas;
    await store.redis.del(...VINS.map((vin) => store.keysOf(vin).commandCallsPrefix + vin));
    for (const vehicle of fleet.vehicles) vehicle.faults.clear();
  }

  const executed = countsOf(
    fleet.vehicles.flatMap(({ vin, executions }) => executions.map(({ payload }) => nameOf(vin, payload))),
  );
  const allowed = countsOf(requested);
  for (const [name, count] of executed) expect([name, count > (allowed.get(name) ?? 0)]).toEqual([name, false]);
  expect(executed.size).toBeGreaterThan(REQUESTS * ROUNDS);
  expect(answers['200']).toBeGreaterThan(0);

  const bytesByCounter = new Map<string, Set<string>>();
  for (const { name, bytes } of messages) {
    bytesByCounter.set(name, (bytesByCounter.get(name) ?? new Set()).add(bytes));
  }
  expect(bytesByCounter.size).toBeGreaterThan(executed.size / 2);
  for (const [name, bytes] of bytesByCounter) expect([name, bytes.size]).toEqual([name, 1]);
}, 120_000);

it.runIf(isLong)(
  'executes nothing twice when a process is suspended in mid-command',
  async ({ store, cleanup }) => {
    const [beforeSigning = '', answered = '', cut = '', rebooted = '', rest = ''] = VINS;
    const fleet = await startFleet(VINS);
    cleanup.push(() => fleet.stop());
    const vehicleOf = (vin: string) => fleet.vehicles.find((vehicle) => vehicle.vin === vin)!;
    vehicleOf(rebooted).play({ fault: { kind: 'reboot' }, messages: 'commands' });
    vehicleOf(rest).protocol = 'rest';
    const messages = recordMessages(fleet);
    const { token } = await new TokenStore(store).create({ vin: '*', label: '', nowMs: 1, scopes: ['command'] });
    const [suspended, other] = await Promise.all([startReplica(store, fleet), startReplica(store, fleet)]);
    cleanup.push(() => {
      for (const { process: child } of [suspended, other]) child.kill('SIGKILL');
    });
    const send = async (port: number, vin: string, name: string, body: object) => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/1/vehicles/${vin}/command/${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
      await answer.text();
      return answer.status;
    };
    const heldKinds: Record<string, string> = { [beforeSigning]: 'handshake', [rest]: 'rest_command' };
    const held = holdAnswers(fleet, (vin, kind) => kind === (heldKinds[vin] ?? 'command'), {
      isCut: (vin) => vin === cut,
    });
    const first = VINS.map((vin) => send(suspended.port, vin, 'set_charging_amps', { charging_amps: 7 }));
    await until(() => held.vins.size === VINS.length);
    suspended.process.kill('SIGSTOP');
    // as if it were suspended for longer than a turn, while its own time limit has not passed
    await expireTurns(store);
    held.release();
    expect(await Promise.all(VINS.map((vin) => send(other.port, vin, 'charge_start', {})))).toEqual(
      VINS.map(() => 200),
    );
    suspended.process.kill('SIGCONT');

    const statuses = new Map(await Promise.all(first.map(async (status, n) => [VINS[n]!, await status] as const)));
    expect(statuses).toEqual(
      new Map([
        [beforeSigning, 503],
        [answered, 200],
        [cut, 504],
        [rebooted, 503],
        [rest, 200],
      ]),
    );
    const payloadOf = (name: string, body: object) => {
      const command = prepareCommand(name, body as Record<string, unknown>, 0);
      return command.kind === 'prepared' ? Buffer.from(command.payload).toString('hex') : '';
    };
    const [amps, start] = [payloadOf('set_charging_amps', { charging_amps: 7 }), payloadOf('charge_start', {})];
    const executed = (vin: string) => vehicleOf(vin).executions.map(({ payload }) => payload.toString('hex'));
    expect(executed(beforeSigning)).toEqual([start]);
    expect(executed(answered)).toEqual([amps, start]);
    expect(executed(cut)).toEqual([amps, start]);
    expect(executed(rebooted)).toEqual([start]);
    expect(vehicleOf(rest).restExecutions.map(({ name }) => name)).toEqual(['set_charging_amps', 'charge_start']);
    const bytesByCounter = new Map<string, string>();
    for (const { name, bytes } of messages) {
      expect([name, bytesByCounter.get(name) ?? bytes]).toEqual([name, bytes]);
      bytesByCounter.set(name, bytes);
    }
  },
  120_000,
);

/** The first answer of each vehicle for which `isHeld` waits until `release`, and is lost then if `isCut`. */
function holdAnswers(
  { fleet }: CommandFleetRig,
  isHeld: (vin: string, kind: string) => boolean,
  { isCut }: { isCut: (vin: string) => boolean },
) {
  const vins = new Set<string>();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handle = fleet.handleFleetRequest.bind(fleet);
  fleet.handleFleetRequest = async (method, path, headers, body) => {
    const calls = fleet.calls.length;
    const reply = await handle(method, path, headers, body);
    const { vin, kind } = fleet.calls[calls]!;
    if (vins.has(vin) || !isHeld(vin, kind)) return reply;
    vins.add(vin);
    await released;
    return isCut(vin) ? { kind: 'cut' } : reply;
  };
  return { vins, release };
}

function nameOf(vin: string, payload: Uint8Array): string {
  return `${vin} ${Buffer.from(payload).toString('hex')}`;
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** A value for every parameter; a few commands reject theirs, and are not sent then. */
function exampleBody(row: CommandRow): Record<string, unknown> {
  const values: Record<string, unknown> = { number: 1, integer: 1, boolean: true, string: '1234' };
  const { properties } = commandSchema(row);
  return Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, values[type]]));
}

/** Each signed message that arrives: VIN, domain, epoch and counter, and its bytes. */
function recordMessages({ fleet }: CommandFleetRig) {
  const messages: { name: string; bytes: string }[] = [];
  const handle = fleet.handleFleetRequest.bind(fleet);
  fleet.handleFleetRequest = (method, path, headers, body) => {
    const [, vin] = /\/vehicles\/([^/]+)\/signed_command$/.exec(path) ?? [];
    const encoded = vin === undefined ? '' : (JSON.parse(body) as { routable_message: string }).routable_message;
    const message = routableMessage.decode(Buffer.from(encoded, 'base64'));
    const signature = message?.signatureData?.HMAC_PersonalizedData;
    if (message && signature) {
      const epoch = Buffer.from(signature.epoch ?? []).toString('hex');
      const name = `${vin} ${message.toDestination?.domain} ${epoch} ${signature.counter}`;
      messages.push({ name, bytes: encoded });
    }
    return handle(method, path, headers, body);
  };
  return messages;
}

async function expireTurns(store: Store): Promise<void> {
  await store.redis.del(...VINS.map((vin) => store.keysOf(vin).commandTurnPrefix + vin));
}

async function startReplica(store: Store, fleet: CommandFleetRig): Promise<{ process: ChildProcess; port: number }> {
  const replica = spawn(process.execPath, [fileURLToPath(new URL('./command-replica.mjs', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      REDIS_URL: store.url,
      NAMESPACE: store.namespace,
      GATEWAY_PORT: '0',
      BRIDGE_TOKEN: 'bridge-token-of-the-test',
      ALLOWED_VINS: VINS.join(),
      COMMANDS: 'on',
      FLEET_URL: fleet.url,
      FLEET_CA: fleet.ca,
      KEY_SCALAR: SCALAR.toString('hex'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: replica.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(30_000) })) as [string];
  return { process: replica, port: Number(line.replace('port ', '')) };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}
