import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CommandResult,
  commandKeyFromScalar,
  commandTable,
  Domain,
  executeCommand,
  MAX_COUNTER,
  memorySessionStore,
  newAddressing,
  prepareCommand,
  routableMessage,
  type SignedCommandMessage,
  type SignerParts,
  sessionInfoTag,
  sessionOf,
  sharedKeys,
  signCommand,
  type TransportResult,
} from '../src/index.js';
import { type Call, countingBytes, fakeClock, type ModelCar, modelCar, type Play, VIN } from './model-car.js';
import { hex, vectors } from './vectors.js';

describe('calls to Tesla', () => {
  it('2 for the first command, 1 on a kept session, 2 after a restart of the vehicle', async () => {
    const { car, run } = newSetup();
    expect(await run('charge_start')).toMatchObject(done(1, 1));
    expect(await run('charge_stop')).toMatchObject(done(0, 1));
    car.restart(Domain.INFOTAINMENT);
    expect(await run('charge_start')).toMatchObject(done(0, 2));
    expect(await run('door_lock')).toMatchObject(done(1, 1));
    expect(car.executed.map(({ counter }) => counter)).toEqual([7, 8, 10, 41]);
  });

  it('2 after another signer has used counters or the clock has jumped', async () => {
    const { car, run } = newSetup();
    await run('door_lock');
    car.computers[Domain.VEHICLE_SECURITY].counter += 5;
    expect(await run('door_unlock')).toMatchObject(done(0, 2));
    car.computers[Domain.VEHICLE_SECURITY].clockZeroMs -= 3_600_000;
    expect(await run('door_lock')).toMatchObject(done(0, 2));
  });

  it('2 after the clock of this machine was set forward or back', async () => {
    for (const milliseconds of [3_600_000, -1_000_000]) {
      const { car, clock, parts, run } = newSetup();
      await run('charge_start');
      parts.clock = { ...clock, nowMs: () => clock.nowMs() + milliseconds };
      // too far ahead, which the model does not check
      if (milliseconds > 0) car.play = { fault: ({ number }) => (number === 2 ? tooLate : undefined) };
      expect(await run('charge_stop')).toMatchObject(done(0, 2));
      expect(await run('charge_start')).toMatchObject(done(0, 1));
    }
  });

  it('3 after the computer was replaced', async () => {
    const { car, run } = newSetup();
    await run('charge_start');
    car.replace(Domain.INFOTAINMENT);
    expect(await run('charge_stop')).toMatchObject({ ...done(1, 2), isVehicleKeyReplaced: true });
    expect(await run('charge_start')).toMatchObject({ ...done(0, 1), isVehicleKeyReplaced: false });
  });

  it('0 for what is not sent', async () => {
    const { run } = newSetup();
    const outcomes = [await run('wake_up'), await run('no_such'), await run('set_charge_limit', { percent: 'x' })];
    expect(outcomes.map(({ calls, outcome }) => [outcome.kind, calls.handshakes + calls.commands])).toEqual([
      ['needs_rest', 0],
      ['unknown_command', 0],
      ['parameter_error', 0],
    ]);
  });

  it('3 commands at most, whatever the vehicle answers', async () => {
    const { car, run } = newSetup();
    car.play = { fault: () => ({ number: 1, withSessionInfo: false }) };
    expect(await run('charge_start', {}, 60_000)).toMatchObject({
      outcome: { kind: 'gave_up', fault: { name: 'MESSAGEFAULT_ERROR_BUSY' } },
      calls: { handshakes: 1, commands: 3 },
    });
    car.play = { instead: () => ({ kind: 'broken', cause: 'reset' }) };
    expect((await run('door_lock', {}, 60_000)).calls).toEqual({ handshakes: 3, commands: 0 });
  });
});

describe('expiry', () => {
  it('is 10 seconds ahead of the vehicle, or the time that is left', async () => {
    const { car, run } = newSetup();
    const expiries: number[] = [];
    const send = car.transport.send;
    car.transport.send = (vin, message, limit) => {
      const signature = routableMessage.decode(message)!.signatureData?.HMAC_PersonalizedData;
      if (signature) expiries.push(signature.expiresAt! - 2650);
      return send(vin, message, limit);
    };
    await run('charge_start', {}, 60_000);
    await run('charge_stop', {}, 3500);
    await run('charge_stop', {}, 400);
    expect(expiries).toEqual([10, 3, 1]);
  });

  it('is shorter once after a vehicle has rejected it', async () => {
    const { car, run } = newSetup();
    car.play = { fault: ({ number }) => (number === 1 ? { number: 20, withSessionInfo: true } : undefined) };
    expect(await run('charge_start')).toMatchObject(done(1, 2));
  });
});

describe('an unknown outcome', () => {
  const broken: TransportResult = { kind: 'broken', cause: 'reset' };

  it('the same bytes are sent once more, and executed if the first copy was lost', async () => {
    const { car, run } = newSetup();
    car.play = { instead: (call) => (isCommand(call) && call.number === 1 ? broken : undefined) };
    expect(await run('actuate_trunk', { which_trunk: 'rear' })).toMatchObject(done(1, 2));
    expect(car.executed).toHaveLength(1);
  });

  it('is reported if the first copy has arrived; nothing is signed again', async () => {
    const { car, run } = newSetup();
    car.play = { afterwards: (call) => (isCommand(call) && call.number === 1 ? broken : undefined) };
    expect(await run('actuate_trunk', { which_trunk: 'rear' })).toMatchObject({
      outcome: { kind: 'unknown', isReceived: true, repeat: 'toggle' },
      calls: { commands: 2 },
    });
    expect(car.executed).toHaveLength(1);
    expect(await run('door_lock')).toMatchObject(done(0, 1));
  });

  it('a message that the network doubles is not signed again', async () => {
    const { car, run } = newSetup();
    car.play = { isDoubled: true };
    expect(await run('charge_start')).toMatchObject({ outcome: { kind: 'unknown' }, calls: { commands: 1 } });
    expect(car.executed).toHaveLength(1);
  });

  it('is also an answer that was too large for the vehicle to send', async () => {
    const { car, run } = newSetup();
    car.play = { fault: () => ({ number: 25, withSessionInfo: false }) };
    const { outcome, calls } = await run('actuate_trunk', { which_trunk: 'rear' });
    expect({ outcome, calls }).toMatchObject({
      outcome: { kind: 'unknown', isReceived: true },
      calls: { commands: 1 },
    });
  });

  it('without time left, nothing is repeated', async () => {
    const { car, run } = newSetup();
    await run('charge_start');
    car.play = { instead: () => ({ kind: 'timed_out' }) };
    expect(await run('charge_stop')).toMatchObject({
      outcome: { kind: 'unknown', cause: { kind: 'timed_out' }, isReceived: false },
      calls: { commands: 1 },
    });
  });

  it('nothing is repeated after it has expired', async () => {
    const { car, clock, run } = newSetup();
    car.play = {
      afterwards: (call) => {
        if (isCommand(call)) clock.advance(9500);
        return isCommand(call) ? broken : undefined;
      },
    };
    expect(await run('charge_start', {}, 60_000)).toMatchObject({
      outcome: { kind: 'unknown' },
      calls: { commands: 1 },
    });
  });
});

describe('session recovery', () => {
  it('session info with a wrong tag, and a fault without any, lead to one fresh handshake', async () => {
    for (const withSessionInfo of [true, false]) {
      const { car, run } = newSetup();
      await run('charge_start');
      car.play = {
        fault: ({ number }) => (number === 2 ? { number: 5, withSessionInfo } : undefined),
        answer: (message, call) =>
          isCommand(call) && message.sessionInfo
            ? { ...message, signatureData: { sessionInfoTag: { tag: Buffer.alloc(32) } } }
            : message,
      };
      expect(await run('charge_stop')).toMatchObject(done(1, 2));
    }
  });

  it('a session that stays out of step is dropped', async () => {
    const { car, run } = newSetup();
    car.play = { fault: () => ({ number: 5, withSessionInfo: true }) };
    expect(await run('charge_start')).toMatchObject({ outcome: { kind: 'gave_up' }, calls: { commands: 3 } });
    car.play = {};
    expect(await run('charge_start')).toMatchObject(done(1, 1));
  });

  it('a store that fails does not hide an outcome, and nothing is sent without a stored counter', async () => {
    const { car, parts, run } = newSetup();
    const fail = () => Promise.reject(new Error('Redis is away'));
    Object.assign(parts.sessions, { save: fail, drop: fail });
    car.play = { fault: ({ number }) => (number === 1 ? { number: 5, withSessionInfo: false } : undefined) };
    expect(await run('charge_start')).toMatchObject(done(2, 2));
    Object.assign(parts.sessions, { allocateCounter: fail });
    await expect(run('charge_start')).rejects.toThrow('Redis is away');
    expect(car.executed).toHaveLength(1);
  });

  it('a transport that fails counts as a broken connection', async () => {
    const { car, parts, run } = newSetup();
    await run('charge_start');
    parts.transport = { send: () => Promise.reject(new Error('unexpected')) };
    expect(await run('charge_stop')).toMatchObject({ outcome: { kind: 'unknown', cause: { kind: 'broken' } } });
    expect(car.executed).toHaveLength(1);
  });

  it('handshakes and commands survive malformed answers', async () => {
    const ok = (text: string) => ({ instead: () => ({ kind: 'http', status: 200, body: text }) as const });
    const malformed: [string, Play][] = [
      ['not base64', ok('{"response":"%%% no base64 %%%"}')],
      ['a number', ok('{"response":7}')],
      ['a list', ok('[]')],
      ['truncated', ok('{"response":"MhISEAEBAQEBAQEB"}')],
      ['wrong domain', { answer: (message) => ({ ...message, fromDestination: { domain: Domain.VEHICLE_SECURITY } }) }],
      ['no domain', { answer: ({ fromDestination: _, ...message }) => message }],
      ['foreign', { answer: (message) => ({ ...message, toDestination: { routingAddress: Buffer.alloc(16) } }) }],
    ];
    for (const [what, play] of malformed) {
      const { car, run } = newSetup();
      car.play = play;
      expect([what, await run('charge_start')]).toMatchObject([what, { outcome: { kind: 'gave_up' } }]);
      car.play = {};
      expect(await run('charge_start')).toMatchObject(done(1, 1));
      car.play = play;
      expect([what, await run('charge_stop')]).toMatchObject([what, { outcome: { kind: 'unknown' } }]);
      expect(car.executed.length).toBeLessThanOrEqual(2);
    }
  });

  it('session info of another vehicle begins no session', async () => {
    const { car, parts, run } = newSetup();
    const keys = sharedKeys(car.computers[Domain.INFOTAINMENT].key, parts.key.publicKey)!;
    car.play = {
      answer: (message) => {
        const facts = { vin: '5YJ30123456789ABD', challenge: message.requestUuid! };
        const tag = message.sessionInfo && sessionInfoTag(keys, facts, message.sessionInfo);
        return tag ? { ...message, signatureData: { sessionInfoTag: { tag } } } : message;
      },
    };
    expect(await run('charge_start')).toMatchObject({ outcome: { kind: 'gave_up' }, calls: { commands: 0 } });
  });

  it('a counter at its end needs a new epoch', async () => {
    const { car, run } = newSetup();
    car.computers[Domain.INFOTAINMENT].counter = MAX_COUNTER;
    expect(await run('charge_start')).toMatchObject({ outcome: { kind: 'failed' }, calls: { commands: 0 } });
    car.restart(Domain.INFOTAINMENT);
    expect(await run('charge_start')).toMatchObject(done(1, 1));
  });

  it('a key that is not paired is reported after one call', async () => {
    const { car, run } = newSetup();
    car.isPaired = false;
    expect(await run('charge_start')).toMatchObject({
      outcome: { kind: 'not_paired' },
      calls: { handshakes: 1, commands: 0 },
    });
  });
});

describe('never twice', () => {
  const bodies = new Map([...vectors.actions, ...vectors.actionsBeyond].map(({ name, params }) => [name, params])).set(
    'actuate_trunk',
    { which_trunk: 'rear' },
  );
  const commands = [...commandTable.values()].filter((row) => row.via === 'signed');
  const result = (status: number, body = ''): TransportResult => ({ kind: 'http', status, body });
  const plays: [string, Play][] = [
    ['nothing', {}],
    ['connection breaks afterwards', { afterwards: forCommands({ kind: 'broken', cause: 'reset' }) }],
    ['no answer', { afterwards: forCommands({ kind: 'timed_out' }) }],
    ...[408, 500, 502, 503, 504].map((status): [string, Play] => [
      `executed, then ${status}`,
      { afterwards: forCommands(result(status, 'x')) },
    ]),
    ['200 with null', { afterwards: forCommands(result(200, '{"response":null}')) }],
    ['200 with text', { afterwards: forCommands(result(200, 'x')) }],
    ['WAIT of VCSEC', { payload: () => hex('22020801') }],
    ['WAIT in the envelope', { status: () => ({ operationStatus: 1 }) }],
    ['not a protobuf', { payload: () => hex('ffff') }],
    [
      'foreign answer',
      { answer: (message, call) => (isCommand(call) ? { ...message, toDestination: null } : message) },
    ],
    ['doubled', { isDoubled: true }],
    ['every second fault', { fault: (call) => (call.number % 2 ? { number: 11, withSessionInfo: false } : undefined) }],
  ];

  it('all commands under all faults: executed once at most, each counter used once', { timeout: 120_000 }, async () => {
    expect(commands).toHaveLength(80);
    for (const [what, play] of plays) {
      const { car, run } = newSetup();
      for (const row of commands) {
        car.play = play;
        const before = car.executed.length;
        const { outcome } = await run(row.name, bodies.get(row.name) ?? {});
        const executed = car.executed.length - before;
        expect([what, row.name, executed]).toEqual([what, row.name, 1]);
        expect(['done', 'unknown', 'gave_up']).toContain(outcome.kind);
      }
      for (const domain of [Domain.INFOTAINMENT, Domain.VEHICLE_SECURITY]) {
        const counters = car.executed.filter((entry) => entry.domain === domain).map(({ counter }) => counter);
        expect(new Set(counters).size).toBe(counters.length);
      }
    }
  });

  it('any sequence of events: an outcome that is certain is true', { timeout: 60_000 }, async () => {
    const events: Record<string, Play> = {
      fine: {},
      plain: { isPlain: true },
      doubled: { isDoubled: true },
      lost: { instead: () => ({ kind: 'broken', cause: 'reset' }) },
      brokenAfterwards: { afterwards: () => ({ kind: 'broken', cause: 'reset' }) },
      slow: { afterwards: () => ({ kind: 'timed_out' }) },
      offline: { instead: () => result(408, 'vehicle is offline') },
      timeout: { afterwards: () => result(408, 'timeout') },
      unavailable: { instead: () => result(503) },
      unavailableAfterwards: { afterwards: () => result(503) },
      limited: { instead: () => result(429, 'Retry in 5 seconds') },
      empty: { afterwards: () => result(200, '{}') },
      noise: { afterwards: () => result(200, '{"response":"AAAA"}') },
      busy: { fault: () => ({ number: 1, withSessionInfo: false }) },
      outOfStep: { fault: () => ({ number: 5, withSessionInfo: true }) },
      expired: { fault: () => ({ number: 17, withSessionInfo: false }) },
      tooLong: { fault: () => ({ number: 20, withSessionInfo: true }) },
      forbidden: { fault: () => ({ number: 7, withSessionInfo: false }) },
      wait: { payload: () => hex('22020801') },
      unsigned: { answer: (message) => ({ ...message, signatureData: null }) },
    };
    const names = Object.keys(events);
    const commandNames = ['door_unlock', 'actuate_trunk', 'charge_start'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names), { maxLength: 8 }),
        fc.constantFrom(...commandNames),
        async (sequence, name) => {
          const { car, run } = newSetup();
          const eventOf = () => events[sequence[car.calls.length - 1] ?? 'fine']!;
          car.play = {
            instead: (call) => eventOf().instead?.(call),
            afterwards: (call) => eventOf().afterwards?.(call),
            fault: (call) => eventOf().fault?.(call),
            payload: (call) => (call.domain === Domain.VEHICLE_SECURITY ? eventOf().payload?.(call) : undefined),
            answer: (message, call) => eventOf().answer?.(message, call) ?? message,
            get isPlain() {
              return eventOf().isPlain ?? false;
            },
            get isDoubled() {
              return eventOf().isDoubled ?? false;
            },
          };
          const { outcome } = await run(name, bodies.get(name)!);
          const executed = car.executed.length;
          expect(executed).toBeLessThanOrEqual(1);
          if (outcome.kind === 'done') expect(executed).toBe(1);
          else if (outcome.kind !== 'unknown') expect([outcome.kind, executed]).toEqual([outcome.kind, 0]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('any bytes as an answer give a typed outcome', async () => {
    const kinds = ['done', 'refused', 'failed', 'fault', 'gave_up', 'unknown', 'not_paired', 'unavailable'];
    const passed = ['http_error', 'needs_rest', 'invalid_server_answer'];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.string(), fc.nat(600), async (bytes, text, status) => {
        const { car, run } = newSetup();
        await run('charge_start');
        const response = Buffer.from(bytes).toString('base64');
        car.play = {
          instead: ({ number }) => (number % 2 ? result(200, JSON.stringify({ response })) : result(status, text)),
        };
        expect([...kinds, ...passed]).toContain((await run('charge_stop')).outcome.kind);
      }),
      { numRuns: 100 },
    );
  });

  it('any order and doubling of 32 messages executes each once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(31), { maxLength: 32 }), fc.nat(), async (doubled, seed) => {
        const { car, messages } = signedMessages(32);
        const order = shuffled([...messages.keys(), ...doubled], seed);
        for (const index of order) await car.transport.send(VIN, messages[index]!.bytes, { timeoutMs: 1000 });
        const counters = car.executed.map(({ counter }) => counter).sort((left, right) => left - right);
        expect(counters).toEqual(messages.map(({ counter }) => counter));
      }),
      { numRuns: 20 },
    );
  });
});

function signedMessages(count: number): { car: ModelCar; messages: SignedCommandMessage[] } {
  const { car, parts } = newSetup();
  const { key, epoch, counter } = car.computers[Domain.INFOTAINMENT];
  const info = { vehicleKey: key.publicKey, epoch, counter, clockTime: 2650 };
  const command = prepareCommand('charge_start', {}, 0);
  if (command.kind !== 'prepared') throw new Error(command.kind);
  const messages = Array.from({ length: count }, (_, index) =>
    signCommand({
      key: parts.key,
      vin: VIN,
      session: sessionOf(info, parts.clock.nowMs()),
      addressing: newAddressing(Domain.INFOTAINMENT, parts.randomBytes),
      counter: counter + 1 + index,
      payload: command.payload,
      lifetimeSeconds: 10,
      nowMs: parts.clock.nowMs(),
    }),
  );
  return { car, messages };
}

/** The same order for the same seed. */
function shuffled<T>(items: T[], seed: number): T[] {
  const rank = (index: number) => Math.sin(seed + index * 97) * 1e4;
  const ranked = items.map((item, index) => ({ item, rank: rank(index) - Math.floor(rank(index)) }));
  return ranked.sort((left, right) => left.rank - right.rank).map(({ item }) => item);
}

function newSetup() {
  const clock = fakeClock();
  const car = modelCar(clock);
  const key = commandKeyFromScalar(hex(vectors.keys[0]!.client_private_scalar));
  const parts: SignerParts = {
    key,
    clock,
    sessions: memorySessionStore(),
    transport: car.transport,
    randomBytes: countingBytes(),
  };
  const run = (name: string, parameters: Record<string, unknown> = {}, timeoutMs = 10_000): Promise<CommandResult> =>
    executeCommand({ vin: VIN, name, parameters, timeoutMs }, parts);
  return { car, clock, parts, run };
}

function done(handshakes: number, commands: number) {
  return { outcome: { kind: 'done' }, calls: { handshakes, commands } };
}

const tooLate = { number: 20, withSessionInfo: true };

function isCommand({ kind }: Call): boolean {
  return kind === 'command';
}

function forCommands(result: TransportResult): (call: Call) => TransportResult | undefined {
  return (call) => (isCommand(call) ? result : undefined);
}
