// Tesla's endpoints for commands, in front of stand-in vehicles. Answers requests without a socket, so that any server can
// mount it.
import { Domain, routableMessage } from '@fleetbridge/vehicle-command';
import type { Fault } from './faults.js';
import type { CommandVehicle } from './vehicle.js';

export interface FleetAnswer {
  kind: 'answer';
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Before the answer. */
  delayMs?: number;
  /** Between the halves of the body. */
  pauseMs?: number;
  /** Only the first half is sent. */
  isCut?: boolean;
}

/** `cut`: close the connection without an answer. `never`: leave it open without an answer. */
export type FleetReply = FleetAnswer | { kind: 'cut' } | { kind: 'never' };

export interface FleetCall {
  kind: 'handshake' | 'command' | 'wake_up' | 'fleet_status' | 'rest_command';
  vin: string;
  domain?: number;
}

export interface CommandFleet {
  /** Every request that arrived, in order: what Tesla bills. */
  readonly calls: FleetCall[];
  /** Undefined for a path that is not one of these endpoints. */
  handleFleetRequest(
    method: string,
    path: string,
    headers: Record<string, string | string[] | undefined>,
    body: string,
  ): Promise<FleetReply | undefined>;
}

export interface CommandFleetOptions {
  vehicles: readonly CommandVehicle[];
  /** Public key of the account's application: whether vehicles are paired with it in fleet_status. */
  clientKey: Uint8Array;
}

export function createCommandFleet({ vehicles, clientKey }: CommandFleetOptions): CommandFleet {
  const byVin = new Map(vehicles.map((vehicle) => [vehicle.vin, vehicle]));
  const calls: FleetCall[] = [];
  /** A message that was held back, by VIN: delivered after the next one. */
  const held = new Map<string, () => void>();

  return {
    calls,
    async handleFleetRequest(method, path, headers, body) {
      const [, vin, rest] = /^\/api\/1\/vehicles\/(?:([^/?]+)\/)?([^?]+)/.exec(path) ?? [];
      const isOurs = rest !== undefined && /^(signed_command|wake_up|fleet_status|command\/[^/]+)$/.test(rest);
      if (!isOurs || (vin === undefined) !== (rest === 'fleet_status')) return undefined;
      if (method !== 'POST') return failure(405, 'method not allowed');
      if (!/^Bearer ./.test(String(headers.authorization ?? ''))) return failure(401, 'missing token');
      if (rest === 'fleet_status') return fleetStatus(body);
      const vehicle = byVin.get(vin!);
      if (vehicle === undefined) return failure(404, 'not_found');
      if (rest === 'wake_up') return wakeUp(vehicle);
      return rest === 'signed_command' ? await signedCommand(vehicle, body) : restCommand(vehicle, rest.slice(8), body);
    },
  };

  function fleetStatus(body: string): FleetReply {
    calls.push({ kind: 'fleet_status', vin: '' });
    const { vins } = parsed(body) as { vins?: unknown };
    if (!Array.isArray(vins)) return failure(400, 'vins is required');
    const known = vins.flatMap((vin) => byVin.get(String(vin)) ?? []);
    const namesOf = (list: CommandVehicle[]) => list.map(({ vin }) => vin);
    const infoOf = (vehicle: CommandVehicle) => ({
      firmware_version: '2026.20.1',
      vehicle_command_protocol_required: vehicle.protocol === 'signed',
      fleet_telemetry_version: '1.2.0',
      total_number_of_keys: vehicle.computer(Domain.VEHICLE_SECURITY).paired.size,
      discounted_device_data: false,
      safety_screen_streaming_toggle_enabled: true,
    });
    return success({
      key_paired_vins: namesOf(known.filter((vehicle) => vehicle.isPaired(clientKey))),
      unpaired_vins: namesOf(known.filter((vehicle) => !vehicle.isPaired(clientKey))),
      vehicle_info: Object.fromEntries(known.map((vehicle) => [vehicle.vin, infoOf(vehicle)])),
    });
  }

  function wakeUp(vehicle: CommandVehicle): FleetReply {
    calls.push({ kind: 'wake_up', vin: vehicle.vin });
    return success({ vin: vehicle.vin, state: vehicle.wakeUp() });
  }

  function restCommand(vehicle: CommandVehicle, name: string, body: string): FleetReply {
    calls.push({ kind: 'rest_command', vin: vehicle.vin });
    if (vehicle.isAsleep()) return failure(408, 'vehicle unavailable: vehicle is offline or asleep');
    const isRestOnly = /^(navigation_request|set_managed_)/.test(name);
    if (vehicle.protocol === 'signed' && !isRestOnly) {
      return vehicle.restRefusal === 'forbidden'
        ? failure(403, 'Tesla Vehicle Command Protocol required, please refer to the documentation')
        : success({ result: false, reason: 'unsigned_cmds_hardlocked' });
    }
    vehicle.restExecutions.push({ name, body });
    return success({ result: true, reason: '' });
  }

  async function signedCommand(vehicle: CommandVehicle, body: string): Promise<FleetReply> {
    const { routable_message: encoded } = parsed(body) as { routable_message?: unknown };
    const message = typeof encoded === 'string' ? routableMessage.decode(Buffer.from(encoded, 'base64')) : undefined;
    if (!message?.toDestination) return failure(400, 'invalid routable_message');
    const domain = message.toDestination.domain ?? 0;
    const isHandshake = Boolean(message.sessionInfoRequest);
    calls.push({ kind: isHandshake ? 'handshake' : 'command', vin: vehicle.vin, domain });
    if (vehicle.protocol === 'rest') {
      return failure(422, 'vehicle does not support the Tesla Vehicle Command Protocol, use the REST API');
    }
    if (vehicle.isAsleep()) return failure(408, 'vehicle is offline');
    const faults = vehicle.faults.next({ domain, isHandshake });
    const before = faults.map((fault) => replyInstead(fault, 'before')).find((reply) => reply !== undefined);
    if (before) return before;
    const deliver = (played: Fault[]) => vehicle.deliver(message, played);
    const hold = faults.some(({ kind }) => kind === 'swapped') && !held.has(vehicle.vin);
    if (hold) await new Promise<void>((resolve) => held.set(vehicle.vin, resolve));
    let delivered = deliver(faults);
    if (faults.some(({ kind }) => kind === 'delivered_twice')) delivered = deliver([]);
    if (!hold) {
      held.get(vehicle.vin)?.();
      held.delete(vehicle.vin);
    }
    if (delivered.kind === 'undecodable') return failure(400, 'invalid domain');
    const after = faults.map((fault) => replyInstead(fault, 'after')).find((reply) => reply !== undefined);
    if (after) return after;
    return inTime(faults, success(Buffer.from(delivered.answer).toString('base64')));
  }
}

function replyInstead(fault: Fault, when: 'before' | 'after'): FleetReply | undefined {
  if (fault.kind === 'body') {
    return when === 'after' ? { kind: 'answer', status: 200, headers: json, body: fault.body } : undefined;
  }
  if (!('when' in fault) || fault.when !== when) return undefined;
  if (fault.kind !== 'http') return { kind: fault.kind };
  const { status, body, headers } = fault;
  return { kind: 'answer', status, headers: { ...json, ...headers }, body };
}

function inTime(faults: readonly Fault[], answer: FleetAnswer): FleetReply {
  const late = faults.find((fault) => fault.kind === 'late');
  const slow = faults.find((fault) => fault.kind === 'slow_body');
  return {
    ...answer,
    ...(late && { delayMs: late.delayMs }),
    ...(slow && { pauseMs: slow.pauseMs, isCut: slow.cut ?? false }),
  };
}

const json = { 'content-type': 'application/json; charset=utf-8' };

function success(response: unknown): FleetAnswer {
  return { kind: 'answer', status: 200, headers: json, body: JSON.stringify({ response }) };
}

function failure(status: number, error: string): FleetAnswer {
  return {
    kind: 'answer',
    status,
    headers: json,
    body: JSON.stringify({ response: null, error, error_description: '' }),
  };
}

function parsed(body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
