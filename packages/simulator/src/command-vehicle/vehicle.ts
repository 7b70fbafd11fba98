// A vehicle that executes signed commands: two computers, a sleep state, and faults to play. Clock and random source are
// passed in.
import { Domain, KeyRole, OperationStatus, type RoutableMessage, routableMessage } from '@fleetbridge/vehicle-command';
import { vehicleKeyOf } from './authentication.js';
import { usedUpTo, windowFrom } from './counter-window.js';
import { type Computer, commandReply, type Execution, faultAnswer, hexOf, type Moment, receive } from './domain.js';
import { type Fault, type Faults, faultList, type PlayedFault } from './faults.js';
import { withAnswerFlaw, withSessionInfoFlaw } from './flawed-answers.js';

export interface CommandVehicleOptions {
  vin: string;
  nowMs: () => number;
  randomBytes: (count: number) => Uint8Array;
  onExecution?: (execution: Execution) => void;
}

/** `rest`: an older vehicle without the protocol. `signed`: takes signed commands only. `both`: as some report. */
export type Protocol = 'signed' | 'rest' | 'both';

export interface Sleep {
  /** How many times wake_up is asked until the vehicle is online; Infinity: never. */
  wakesAfterCalls?: number;
  /** How long after the first wake_up it is online. */
  wakesAfterMs?: number;
}

export type Delivered = { kind: 'answered'; answer: Uint8Array } | { kind: 'undecodable' };

export interface CommandVehicle {
  readonly vin: string;
  protocol: Protocol;
  /** What signed-only vehicles answer to REST: 403, or 200 with the reason `unsigned_cmds_hardlocked`. */
  restRefusal: 'forbidden' | 'hardlocked';
  /** Each executed signed command, in order. */
  readonly executions: Execution[];
  /** Each command that came over REST and was executed. */
  readonly restExecutions: { name: string; body: string }[];
  readonly faults: Faults;
  play(played: PlayedFault | Fault): void;
  pair(clientKey: Uint8Array, role?: number): void;
  unpair(clientKey: Uint8Array): void;
  isPaired(clientKey: Uint8Array): boolean;
  computer(domain: Domain): Readonly<Computer>;
  change(domain: Domain, change: Partial<Computer>): void;
  /** Seconds of a computer's clock. */
  clock(domain: Domain): number;
  setClock(domain: Domain, seconds: number): void;
  /** New epoch, clock 0, counter 0. */
  reboot(domain: Domain): void;
  /** A new computer: another key, epoch, clock and counter. The paired keys are on the list of the new one. */
  replace(domain: Domain): void;
  sleep(how?: Sleep): void;
  isAsleep(): boolean;
  wakeUp(): 'online' | 'asleep';
  /** Delivers one message with the faults that concern the vehicle itself. */
  deliver(message: RoutableMessage, faults: readonly Fault[]): Delivered;
}

const domains = [Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT];

export function createCommandVehicle(options: CommandVehicleOptions): CommandVehicle {
  const { vin, nowMs, randomBytes } = options;
  const zeroMs = new Map<number, number>();
  const computers = new Map<number, Computer>();
  const previous = new Map<number, Uint8Array>();
  const faults = faultList();
  let sleeping: (Sleep & { calls: number; sinceMs: number | undefined }) | undefined;

  const vehicle: CommandVehicle = {
    vin,
    protocol: 'signed',
    restRefusal: 'forbidden',
    executions: [],
    restExecutions: [],
    faults,
    play: (played) => faults.add('kind' in played ? { fault: played } : played),
    pair(clientKey, role = KeyRole.ROLE_FM) {
      for (const domain of domains) {
        const { paired } = vehicle.computer(domain);
        vehicle.change(domain, { paired: new Map([...paired, [hexOf(clientKey), role]]) });
      }
    },
    unpair(clientKey) {
      for (const domain of domains) {
        const paired = new Map(vehicle.computer(domain).paired);
        paired.delete(hexOf(clientKey));
        vehicle.change(domain, { paired });
      }
    },
    isPaired: (clientKey) => vehicle.computer(Domain.VEHICLE_SECURITY).paired.has(hexOf(clientKey)),
    computer: (domain) => computers.get(domain)!,
    change(domain, change) {
      computers.set(domain, { ...vehicle.computer(domain), ...change });
    },
    clock: (domain) => Math.floor((nowMs() - zeroMs.get(domain)!) / 1000),
    setClock(domain, seconds) {
      zeroMs.set(domain, nowMs() - seconds * 1000);
    },
    reboot(domain) {
      vehicle.change(domain, { epoch: randomBytes(16), counters: windowFrom(0) });
      vehicle.setClock(domain, 0);
    },
    replace(domain) {
      vehicle.change(domain, { key: newKey(randomBytes) });
      vehicle.reboot(domain);
    },
    sleep(how = {}) {
      sleeping = { ...how, calls: 0, sinceMs: undefined };
    },
    isAsleep() {
      const { sinceMs, wakesAfterMs } = sleeping ?? {};
      if (sinceMs !== undefined && wakesAfterMs !== undefined && nowMs() >= sinceMs + wakesAfterMs)
        sleeping = undefined;
      return sleeping !== undefined;
    },
    wakeUp() {
      if (!vehicle.isAsleep() || sleeping === undefined) return 'online';
      sleeping.calls += 1;
      sleeping.sinceMs ??= nowMs();
      const byCalls = sleeping.wakesAfterCalls ?? (sleeping.wakesAfterMs === undefined ? 1 : Number.POSITIVE_INFINITY);
      if (sleeping.calls >= byCalls) sleeping = undefined;
      return vehicle.isAsleep() ? 'asleep' : 'online';
    },
    deliver,
  };
  for (const domain of domains) {
    computers.set(domain, {
      domain,
      vin,
      key: newKey(randomBytes),
      epoch: randomBytes(16),
      counters: windowFrom(0),
      isOrdered: domain === Domain.VEHICLE_SECURITY,
      paired: new Map(),
    });
    vehicle.setClock(domain, 1000);
  }
  return vehicle;

  function deliver(message: RoutableMessage, played: readonly Fault[]): Delivered {
    const domain = message.toDestination?.domain as Domain;
    if (!computers.has(domain)) return { kind: 'undecodable' };
    for (const fault of played) change(domain, fault);
    const moment: Moment = { clock: vehicle.clock(domain), randomBytes };
    let answer = react(domain, message, played, moment);
    const exchange = () => ({ computer: vehicle.computer(domain), request: message, answer, moment });
    for (const fault of played) {
      if (fault.kind === 'session_info') answer = withSessionInfoFlaw(exchange(), fault.flaw);
    }
    const flaw = played.find((fault) => fault.kind === 'answer');
    const bytes = flaw ? withAnswerFlaw(exchange(), flaw.flaw, previous.get(domain)) : routableMessage.encode(answer);
    previous.set(domain, bytes);
    return { kind: 'answered', answer: bytes };
  }

  function react(domain: Domain, message: RoutableMessage, played: readonly Fault[], moment: Moment): RoutableMessage {
    const computer = vehicle.computer(domain);
    for (const fault of played) {
      if (fault.kind === 'message_fault') return faultAnswer(computer, message, moment, fault);
      if (fault.kind === 'wait') {
        const signedMessageStatus = { operationStatus: OperationStatus.OPERATIONSTATUS_WAIT };
        return { ...commandReply(computer, message), signedMessageStatus };
      }
    }
    const other = played.find((fault) => fault.kind === 'payload');
    const reaction = receive(computer, message, moment, () => other?.payload);
    computers.set(domain, reaction.computer);
    if (reaction.execution && other?.isExecuted !== false) {
      vehicle.executions.push(reaction.execution);
      options.onExecution?.(reaction.execution);
    }
    return reaction.answer;
  }

  function change(domain: Domain, fault: Fault): void {
    const { counters } = vehicle.computer(domain);
    if (fault.kind === 'reboot') for (const each of fault.both ? domains : [domain]) vehicle.reboot(each);
    if (fault.kind === 'replaced') vehicle.replace(domain);
    if (fault.kind === 'clock_shifted') vehicle.setClock(domain, vehicle.clock(domain) + fault.seconds);
    if (fault.kind === 'counters_used')
      vehicle.change(domain, { counters: usedUpTo(counters, counters.highest + fault.count) });
    if (fault.kind === 'counter_set') vehicle.change(domain, { counters: usedUpTo(counters, fault.counter) });
  }
}

function newKey(randomBytes: (count: number) => Uint8Array) {
  for (;;) {
    try {
      return vehicleKeyOf(randomBytes(32));
    } catch {
      // not below the order of the curve
    }
  }
}
