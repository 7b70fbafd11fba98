// All signed commands against the stand-in vehicle, with two faults per command out of all that it can play: executed once
// at most, and an outcome that is certain is true.
import {
  type CommandRow,
  commandKeyFromScalar,
  commandSchema,
  commandTable,
  Domain,
  executeCommand,
  memorySessionStore,
  routableMessage,
  type SignerParts,
  signedCommandBody,
  type TransportResult,
} from '@fleetbridge/vehicle-command';
import { expect, it } from 'vitest';
import { createCommandFleet, createCommandVehicle, type Fault, httpFaults, payloads } from './index.js';

const VIN = '5YJ30123456789ABC';
const isLong = process.env.TEST_LONG !== undefined;
const PAIRS_PER_COMMAND = isLong ? 40 : 2;
const key = commandKeyFromScalar(Buffer.alloc(32, 3));
const rows = [...commandTable.values()].filter((row) => row.via === 'signed');

const faults: Fault[] = [
  ...Array.from({ length: 30 }, (_, n) => [true, false].map((withSessionInfo) => messageFault(n + 1, withSessionInfo))),
  { kind: 'wait' },
  ...[true, false].map((both): Fault => ({ kind: 'reboot', both })),
  { kind: 'replaced' },
  ...[3600, -500, 20].map((seconds): Fault => ({ kind: 'clock_shifted', seconds })),
  ...[1, 40].map((count): Fault => ({ kind: 'counters_used', count })),
  { kind: 'counter_set', counter: 0xffff_fffe },
  ...(
    ['wrong_tag', 'no_tag', 'wrong_challenge', 'stale_clock', 'compressed_key', 'invalid_key', 'not_paired'] as const
  ).map((flaw): Fault => ({ kind: 'session_info', flaw })),
  payloads.notProtobuf,
  ...(
    [
      ...(['plain', 'tampered_ciphertext', 'tampered_fault', 'foreign_routing_address', 'unknown_fields'] as const),
      ...(['foreign_request_uuid', 'previous_answer', 'other_request'] as const),
    ] as const
  ).map((flaw): Fault => ({ kind: 'answer', flaw })),
  ...Object.values(httpFaults)
    .map((fault) => (typeof fault === 'function' ? fault('7' as never) : fault))
    .flatMap((fault): Fault[] => (fault.kind === 'http' ? mayFollowExecution(fault) : [fault])),
  ...(['before', 'after'] as const).map((when): Fault => ({ kind: 'never', when })),
  { kind: 'late', delayMs: 60_000 },
  { kind: 'slow_body', pauseMs: 1, cut: true },
  { kind: 'delivered_twice' },
].flat() as Fault[];

const answersOf = {
  [Domain.INFOTAINMENT]: [payloads.refused('is_charging'), payloads.refused()],
  [Domain.VEHICLE_SECURITY]: [
    payloads.nominalError(2),
    ...(['OK', 'WAIT', 'ERROR'] as const).map((status) => payloads.commandStatus(status)),
  ],
};

it(`executes no command twice, with any two of ${faults.length} faults`, { timeout: 600_000 }, async () => {
  expect(rows.length).toBeGreaterThanOrEqual(68);
  const draw = drawnNumbers();
  const outcomes = new Set<string>();
  for (const row of rows) {
    for (let pair = 0; pair < PAIRS_PER_COMMAND; pair++) {
      const { vehicle, messages, run } = start();
      if (pair % 2 === 1) await run(row);
      const before = vehicle.executions.length;
      const all = [...faults, ...answersOf[row.domain]];
      const [first, second] = [all[draw(all.length)]!, all[draw(all.length)]!];
      vehicle.play({ fault: first, nth: 1 });
      vehicle.play({ fault: second, nth: 2 });
      const outcome = await run(row);
      const executed = vehicle.executions.length - before;
      const what = JSON.stringify([row.name, pair, first, second, outcome]).replace(/A{20,}/, 'AAA…');
      outcomes.add(outcome);
      expect(executed, what).toBeLessThanOrEqual(1);
      if (outcome !== 'unknown') expect(executed, what).toBe(outcome === 'done' ? 1 : 0);
      for (const [name, bytes] of messages) expect(bytes.size, `${what} ${name}`).toBe(1);
    }
  }
  expect(outcomes).toContain('done');
  expect(outcomes).toContain('unknown');
});

function messageFault(fault: number, withSessionInfo: boolean): Fault {
  return { kind: 'message_fault', fault, withSessionInfo };
}

/** Of these statuses it is unknown whether the vehicle has executed the command. */
function mayFollowExecution(fault: Fault & { kind: 'http' }): Fault[] {
  return fault.status >= 500 ? [fault, { ...fault, when: 'after' }] : [fault];
}

/** A paired vehicle, and its clock, which moves only when somebody waits. */
function start() {
  let elapsedMs = 0;
  let drawn = 0;
  const nowMs = () => 1_790_000_000_000 + elapsedMs;
  const randomBytes = (count: number) => {
    const bytes = Buffer.alloc(count, 1);
    bytes.writeUInt32BE(++drawn, count - 4);
    return bytes;
  };
  const vehicle = createCommandVehicle({ vin: VIN, nowMs, randomBytes });
  vehicle.pair(key.publicKey);
  const fleet = createCommandFleet({ vehicles: [vehicle], clientKey: key.publicKey });
  /** Domain, epoch and counter → the bytes that were signed with it. */
  const messages = new Map<string, Set<string>>();
  const send = async (message: Uint8Array, timeoutMs: number): Promise<TransportResult> => {
    record(messages, message);
    const path = `/api/1/vehicles/${VIN}/signed_command`;
    const reply = await fleet.handleFleetRequest(
      'POST',
      path,
      { authorization: 'Bearer x' },
      signedCommandBody(message),
    );
    if (reply?.kind === 'answer' && (reply.delayMs ?? 0) <= timeoutMs) {
      return reply.isCut ? { kind: 'broken', cause: 'cut' } : { kind: 'http', status: reply.status, body: reply.body };
    }
    if (reply?.kind === 'cut') return { kind: 'broken', cause: 'cut' };
    elapsedMs += timeoutMs;
    return { kind: 'timed_out' };
  };
  const parts: SignerParts = {
    key,
    sessions: memorySessionStore(),
    randomBytes,
    clock: {
      nowMs,
      monotonicMs: () => elapsedMs,
      sleep: (milliseconds) => {
        elapsedMs += milliseconds;
        return Promise.resolve();
      },
    },
    transport: { send: (_vin, message, { timeoutMs }) => send(message, timeoutMs) },
  };
  const run = async (row: CommandRow) => {
    const parameters = exampleOf(row);
    return (await executeCommand({ vin: VIN, name: row.name, parameters, timeoutMs: 10_000 }, parts)).outcome.kind;
  };
  return { vehicle, messages, run };
}

function record(messages: Map<string, Set<string>>, bytes: Uint8Array): void {
  const message = routableMessage.decode(bytes);
  const signature = message?.signatureData?.HMAC_PersonalizedData;
  if (signature === undefined || signature === null) return;
  const epoch = Buffer.from(signature.epoch ?? []).toString('hex');
  const name = `${message!.toDestination!.domain} ${epoch} ${signature.counter}`;
  messages.set(name, (messages.get(name) ?? new Set()).add(Buffer.from(bytes).toString('hex')));
}

function exampleOf(row: CommandRow): Record<string, unknown> {
  const values: Record<string, unknown> = { number: 1, integer: 1, boolean: true, string: '1234' };
  const texts: Record<string, unknown> = { which_trunk: 'rear' };
  const { properties } = commandSchema(row);
  return Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, texts[name] ?? values[type]]));
}

/** The same in every run. */
function drawnNumbers(): (below: number) => number {
  let state = 11;
  return (below) => {
    state = (state * 48_271 + 11) % 2_147_483_647;
    return state % below;
  };
}
