// The recorded answers of tesla-http-proxy: ours are the same with COMMAND_STATUS_CODES=proxy, or the reason is listed.
import { describe, expect, it } from 'vitest';
import {
  commandKeyFromScalar,
  commandResponse,
  Domain,
  executeCommand,
  type MessageFault,
  memorySessionStore,
  type RoutableMessage,
  readBody,
  type SessionStore,
  type TransportResult,
} from '../src/index.js';
import { type Call, countingBytes, fakeClock, type ModelCar, modelCar, type Play, VIN } from './model-car.js';
import { hex, type ProxyBehaviour, proxyBehaviours, vectors } from './vectors.js';

/** Answered before a command is read, or not about signed commands: tested where the gateway's routes are. */
const routes = [
  /\/health$/,
  /^no Authorization|^Authorization not|^token /,
  /^VIN of 16|^GET on a command|^trailing slash/,
  /^pass-through|^fleet_telemetry_config/,
  /^421 with the right base URL/,
  /^command\/wake_up/,
  /^8 commands at once/,
];

/** Why our answer is another one. */
const differences = new Map<string, string>([
  ['command not implemented', 'remote_boombox is signed'],
  ['value that only the library checks (volume 11)', 'Tesla documents 0 to 11; the vehicle decides'],
  ['session: infotainment computer replaced (new vehicle key)', 'one fresh handshake recovers the session'],
  ['session: and again', 'follows the one before'],
  ["car's answer is not a protobuf", "the text of Go's library is left out"],
  ['VCSEC commandStatus WAIT once, then success', 'the proxy signs again, and the vehicle executes twice'],
  ['operation status WAIT, no fault, once', 'the proxy signs again, and the vehicle executes twice'],
  ['VCSEC commandStatus OK', 'is a success; the proxy waits for another answer'],
  ['VCSEC commandStatus ERROR with signedMessageStatus', 'the reason is reported; the proxy waits until its limit'],
  ['fault 20 MESSAGEFAULT_ERROR_TIME_TO_LIVE_TOO_LONG always', 'tried once with a shorter lifetime, then reported'],
  ['fault 26 MESSAGEFAULT_ERROR_REPEATED_COUNTER always', 'is treated as fault 6, after one fresh handshake'],
  ['only infotainment is away (408 offline), command for VCSEC', 'only the domain of the command is greeted'],
  ['Fleet API answers the handshake with 200 not json', "the text of Go's library is left out"],
  [
    'handshake good, the command is answered with 422 {"error":"vehicle does not support"}',
    'the command goes to the REST API with its body',
  ],
  ['command executed, then the connection breaks (once)', 'the proxy signs again, and the vehicle executes twice'],
  ['command that needs the REST API (navigation_request)', 'goes to the REST API with its body'],
  ['car without the protocol (422), first command', 'goes to the REST API with its body'],
  ['car without the protocol (422), second command', 'the gateway remembers these vehicles'],
]);

const isRoute = ({ scenario }: ProxyBehaviour) => routes.some((pattern) => pattern.test(scenario));
const played = proxyBehaviours.filter((behaviour) => !isRoute(behaviour));

it('covers all 139 recorded behaviours', () => {
  expect([proxyBehaviours.length, played.length]).toEqual([139, 139 - proxyBehaviours.filter(isRoute).length]);
  const names = played.map(({ scenario }) => scenario);
  expect([...differences.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

describe('tesla-http-proxy', () => {
  const session = newSetup();

  it.each(played)('$scenario', async (behaviour) => {
    const { scenario } = behaviour;
    const setup = scenario.startsWith('session:') ? session : newSetup();
    const [executedBefore, callsBefore] = [setup.car.executed.length, setup.car.calls.length];
    const { name, body } = requestOf(scenario);
    setup.car.play = playOf(scenario);
    prepareSession(scenario, setup);
    const parameters = readBody(body);
    const outcome =
      parameters === undefined
        ? ({ kind: 'invalid_body' } as const)
        : (await executeCommand({ vin: VIN, name, parameters, timeoutMs: 2600 }, setup.parts)).outcome;
    const executed = setup.car.executed.length - executedBefore;
    const calls = setup.car.calls.length - callsBefore;
    expect(executed).toBeLessThanOrEqual(1);
    const response = outcome.kind === 'needs_rest' ? undefined : commandResponse(outcome, 'proxy');
    const isSame = response?.status === behaviour.status && response?.body.trim() === behaviour.body?.trim();
    const reason = differences.get(scenario);
    if (reason === undefined) {
      expect([response?.status, response?.body.trim()]).toEqual([behaviour.status, behaviour.body?.trim()]);
      if (behaviour.executed !== undefined) expect(executed).toBe(Math.min(behaviour.executed, 1));
      if (behaviour.fleet_api_calls) expect(calls).toBeLessThanOrEqual(behaviour.fleet_api_calls.length);
    } else {
      expect({ isSame, reason }).toEqual({ isSame: false, reason });
    }
  });
});

describe('what differs', () => {
  const outcomeOf = async (scenario: string, setup = newSetup()) => {
    const { name, body } = requestOf(scenario);
    setup.car.play = playOf(scenario);
    prepareSession(scenario, setup);
    const request = { vin: VIN, name, parameters: readBody(body)!, timeoutMs: 2600 };
    return { ...(await executeCommand(request, setup.parts)), executed: setup.car.executed.length };
  };

  it.each([
    ['command not implemented', { outcome: { kind: 'done' } }],
    ['VCSEC commandStatus OK', { outcome: { kind: 'done' } }],
    [
      'VCSEC commandStatus WAIT once, then success',
      { outcome: { kind: 'unknown', isReceived: true }, executed: 1, calls: { commands: 2 } },
    ],
    ['command executed, then the connection breaks (once)', { outcome: { kind: 'unknown' }, executed: 1 }],
    ['only infotainment is away (408 offline), command for VCSEC', { outcome: { kind: 'done' } }],
    [
      'command that needs the REST API (navigation_request)',
      { outcome: { kind: 'needs_rest', because: 'command' }, calls: { handshakes: 0 } },
    ],
    ['car without the protocol (422), first command', { outcome: { kind: 'needs_rest', because: 'vehicle' } }],
    [
      'VCSEC commandStatus ERROR with signedMessageStatus',
      { outcome: { kind: 'failed', text: 'SIGNEDMESSAGE_INFORMATION_FAULT_INVALID_TOKEN' } },
    ],
  ])('%s', async (scenario, expected) => {
    expect(await outcomeOf(scenario)).toMatchObject(expected);
  });

  it('a replaced computer costs one fresh handshake, and is reported', async () => {
    const setup = newSetup();
    await outcomeOf('session: first', setup);
    const result = await outcomeOf('session: infotainment computer replaced (new vehicle key)', setup);
    expect(result).toMatchObject({
      outcome: { kind: 'done' },
      calls: { handshakes: 1, commands: 2 },
      isVehicleKeyReplaced: true,
    });
  });
});

interface Setup {
  car: ModelCar;
  parts: Parameters<typeof executeCommand>[1];
  sessions: SessionStore;
}

function newSetup(): Setup {
  const clock = fakeClock();
  const car = modelCar(clock);
  const sessions = memorySessionStore();
  const key = commandKeyFromScalar(hex(vectors.keys[0]!.client_private_scalar));
  const parts = { key, clock, sessions, transport: car.transport, randomBytes: countingBytes() };
  return { car, sessions, parts };
}

function requestOf(scenario: string): { name: string; body: string } {
  const requests: [RegExp, string, string][] = [
    [/^unknown command/, 'no_such_command', ''],
    [/^command not implemented/, 'remote_boombox', ''],
    [/^body is not JSON/, 'honk_horn', 'percent=80'],
    [/^body is a JSON array/, 'honk_horn', '[]'],
    [/^body is JSON null/, 'honk_horn', 'null'],
    [/^body of 2000 bytes/, 'honk_horn', JSON.stringify({ x: 'x'.repeat(2000) })],
    [/^required parameter missing/, 'set_charge_limit', '{}'],
    [/^parameter of the wrong type/, 'set_charge_limit', '{"percent":"80"}'],
    [/volume 11/, 'adjust_volume', '{"volume":11}'],
    [/^seat position/, 'remote_seat_heater_request', '{"seat_position":9,"level":1}'],
    [/^unknown window/, 'window_control', '{"command":"open"}'],
    [/^unknown trunk/, 'actuate_trunk', '{"which_trunk":"middle"}'],
    [
      /^unknown day/,
      'add_charge_schedule',
      '{"lat":1,"lon":2,"start_enabled":true,"end_enabled":false,"days_of_week":"Funday","enabled":true}',
    ],
    [/^PIN not four/, 'set_valet_mode', '{"on":true,"password":"12"}'],
    [/^valet mode off/, 'set_valet_mode', '{"on":false}'],
    [/navigation_request/, 'navigation_request', '{}'],
    [/VCSEC|executed, but the Fleet API answers 503/, 'door_lock', ''],
  ];
  const [, name, body] = requests.find(([pattern]) => pattern.test(scenario)) ?? [/./, 'charge_start', ''];
  return { name, body };
}

function prepareSession(scenario: string, { car }: Setup): void {
  if (scenario.includes('infotainment rebooted')) car.restart(Domain.INFOTAINMENT);
  if (scenario.includes('VCSEC rebooted')) car.restart(Domain.VEHICLE_SECURITY);
  if (scenario.includes('computer replaced')) car.replace(Domain.INFOTAINMENT);
  if (scenario.includes('key not on whitelist')) car.isPaired = false;
  if (scenario.includes('used 20 counters')) {
    const computer = car.computers[Domain.INFOTAINMENT];
    for (let used = 1; used <= 20; used += 1) computer.seen.add(computer.counter + used);
    computer.counter += 20;
    computer.clockZeroMs -= 100_000;
  }
}

function playOf(scenario: string): Play {
  const answered = /^(Fleet API answers the handshake|handshake good, the command is answered) with (\d+) ?(.*)$/s.exec(
    scenario,
  );
  if (answered) {
    const kind = answered[1]!.startsWith('Fleet') ? 'handshake' : 'command';
    return { instead: onlyFor(kind, http(Number(answered[2]), answered[3]!)) };
  }
  const fault = /^fault (\d+) .*(always|once)$/.exec(scenario);
  if (fault) {
    const number = Number(fault[1]) as MessageFaultNumber;
    const withSessionInfo = [5, 6, 15, 17, 20].includes(number);
    return { fault: (call) => (fault[2] === 'always' || call.number === 1 ? { number, withSessionInfo } : undefined) };
  }
  const [, play] = plays.find(([pattern]) => pattern.test(scenario)) ?? [];
  return play ?? {};
}

type MessageFaultNumber = (typeof MessageFault)[keyof typeof MessageFault] | number;

const payload = (bytes: string): Play => ({ payload: () => hex(bytes) });
const changed = (change: (message: RoutableMessage) => RoutableMessage, isFor: (call: Call) => boolean): Play => ({
  answer: (message, call) => (isFor(call) ? change(message) : message),
});
const isHandshake = ({ kind }: Call) => kind === 'handshake';
const isCommand = ({ kind }: Call) => kind === 'command';
const wrongTag = (message: RoutableMessage): RoutableMessage => ({
  ...message,
  signatureData: { sessionInfoTag: { tag: Buffer.alloc(32) } },
});

const plays: [RegExp, Play][] = [
  [/^car answers ERROR with a reason/, payload('0a120801120e0a0c6e6f745f6368617267696e67')],
  [/^car answers ERROR without/, payload('0a020801')],
  [/^valet mode off/, payload(`0a15080112110a0f${Buffer.from('car already off').toString('hex')}`)],
  [/not a protobuf/, payload('ffff')],
  [/in plain text although/, { isPlain: true }],
  [/CLOSURES_OPEN/, payload('f202020802')],
  [/nominal error with code 0/, payload('f20200')],
  [/WAIT once, then success/, { payload: ({ number }) => (number === 1 ? hex('22020801') : undefined) }],
  [/WAIT always/, payload('22020801')],
  [/commandStatus ERROR, nothing more/, payload('22020802')],
  [/commandStatus OK/, payload('2200')],
  [/ERROR with signedMessageStatus/, payload('2206080212021004')],
  [/whitelist status error/, payload('220608021a020807')],
  [/operation status WAIT/, { status: ({ number }) => (number === 1 ? { operationStatus: 1 } : undefined) }],
  [
    /handshake: fault UNKNOWN_KEY_ID/,
    changed((message) => ({ ...message, signedMessageStatus: { signedMessageFault: 3 } }), isHandshake),
  ],
  [/handshake: tag wrong/, changed(wrongTag, isHandshake)],
  [/handshake: no tag/, changed((message) => ({ ...message, signatureData: null }), isHandshake)],
  [/first answer broken/, changed(wrongTag, (call) => isHandshake(call) && call.number === 1)],
  [
    /another routing address/,
    changed((message) => ({ ...message, toDestination: { routingAddress: Buffer.alloc(16) } }), isCommand),
  ],
  [/another request uuid/, changed((message) => ({ ...message, requestUuid: Buffer.alloc(16) }), isCommand)],
  [
    /answer tampered/,
    changed((message) => ({ ...message, protobufMessageAsBytes: Buffer.from('0000', 'hex') }), isCommand),
  ],
  [
    /^only infotainment is away/,
    { instead: ({ domain }) => (domain === Domain.INFOTAINMENT ? http(408, 'vehicle is offline') : undefined) },
  ],
  [
    /then the connection breaks \(once\)/,
    {
      afterwards: (call) =>
        isCommand(call) && call.number === 1 ? { kind: 'broken', cause: 'socket hang up' } : undefined,
    },
  ],
  [
    /executed, but the Fleet API answers 503/,
    { afterwards: onlyFor('command', http(503, 'vehicle is not available')) },
  ],
  [/^Fleet API does not answer/, { instead: () => ({ kind: 'timed_out' }) }],
  [/^car without the protocol/, { instead: () => http(422, 'vehicle does not support') }],
];

function http(status: number, body: string): TransportResult {
  return { kind: 'http', status, body };
}

function onlyFor(kind: Call['kind'], result: TransportResult): (call: Call) => TransportResult | undefined {
  return (call) => (call.kind === kind ? result : undefined);
}
