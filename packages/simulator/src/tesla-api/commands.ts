// Vehicle commands of the stand-in: each vehicle checks and executes signed commands with the keys that are paired with it,
// and its telemetry shows what they changed.
import { randomBytes } from 'node:crypto';
import { carAction, Domain } from '@fleetbridge/vehicle-command';
import {
  type CommandFleet,
  type CommandVehicle,
  createCommandFleet,
  createCommandVehicle,
  type Execution,
} from '../command-vehicle/index.js';
import type { VehicleControls } from '../model/index.js';
import type { Clock } from '../vehicle/index.js';
import type { StandInVehicle } from './account.js';
import { type Answer, readBody } from './answer.js';

export interface VehicleCommands {
  signed(vehicle: StandInVehicle, body: string): Promise<Answer>;
  /** Over REST, which only vehicles without the protocol of signed commands execute. */
  rest(vehicle: StandInVehicle, command: string, body: string): Promise<Answer>;
}

export function createVehicleCommands(vehicles: ReadonlyMap<string, StandInVehicle>, clock: Clock): VehicleCommands {
  const byVin = new Map<string, { receiver: CommandVehicle; fleet: CommandFleet }>();
  for (const { vin, car, executions } of vehicles.values()) {
    const receiver = createCommandVehicle({
      vin,
      nowMs: () => clock.now(),
      randomBytes,
      onExecution(execution) {
        executions.push(execution.action);
        car.control(controlsOf(execution));
      },
    });
    byVin.set(vin, { receiver, fleet: createCommandFleet({ vehicles: [receiver], clientKey: new Uint8Array() }) });
  }
  return {
    signed: (vehicle, body) => pass(vehicle, 'signed_command', body),
    async rest(vehicle, command, body) {
      const { receiver } = byVin.get(vehicle.vin)!;
      const before = receiver.restExecutions.length;
      const answer = await pass(vehicle, `command/${command}`, body);
      if (receiver.restExecutions.length > before) {
        vehicle.executions.push(command);
        vehicle.car.control(restControls[command]?.(readBody(body) ?? {}) ?? {});
      }
      return answer;
    },
  };

  async function pass(vehicle: StandInVehicle, path: string, body: string): Promise<Answer> {
    const { receiver, fleet } = byVin.get(vehicle.vin)!;
    follow(receiver, vehicle);
    const headers = { authorization: 'Bearer checked' };
    const reply = await fleet.handleFleetRequest('POST', `/api/1/vehicles/${vehicle.vin}/${path}`, headers, body);
    // only faults of the receiver, which are not played here, end without an answer
    if (reply?.kind !== 'answer') throw new Error(`no answer to ${path}`);
    return { status: reply.status, body: reply.body, headers: reply.headers };
  }
}

/** Makes the receiver's keys, sleep and protocol those of the vehicle. */
function follow(receiver: CommandVehicle, { state, pairedKeys }: StandInVehicle): void {
  for (const known of receiver.computer(Domain.VEHICLE_SECURITY).paired.keys()) {
    if (!pairedKeys.has(known)) receiver.unpair(Buffer.from(known, 'hex'));
  }
  for (const key of pairedKeys) receiver.pair(Buffer.from(key, 'hex'));
  if (state.isAwake && receiver.isAsleep()) receiver.wakeUp();
  if (!state.isAwake) receiver.sleep();
  receiver.protocol = state.isCommandProtocolRequired ? 'signed' : 'both';
}

function controlsOf({ domain, action, payload }: Execution): VehicleControls {
  if (domain === Domain.VEHICLE_SECURITY) return securityControls[action] ?? {};
  const { chargingSetLimitAction, chargingStartStopAction, hvacAutoAction } =
    carAction.decode(payload)?.vehicleAction ?? {};
  return {
    ...(chargingSetLimitAction ? { chargeLimitSoc: chargingSetLimitAction.percent ?? 0 } : {}),
    ...(chargingStartStopAction ? { isChargingStopped: Boolean(chargingStartStopAction.stop) } : {}),
    ...(hvacAutoAction ? { isClimateOn: hvacAutoAction.powerOn ?? false } : {}),
  };
}

const securityControls: Readonly<Record<string, VehicleControls>> = {
  RKE_ACTION_LOCK: { isLocked: true },
  RKE_ACTION_UNLOCK: { isLocked: false },
};

const restControls: Readonly<Record<string, (body: Record<string, unknown>) => VehicleControls>> = {
  door_lock: () => ({ isLocked: true }),
  door_unlock: () => ({ isLocked: false }),
  charge_start: () => ({ isChargingStopped: false }),
  charge_stop: () => ({ isChargingStopped: true }),
  set_charge_limit: ({ percent }) => (Number.isFinite(percent) ? { chargeLimitSoc: Number(percent) } : {}),
  auto_conditioning_start: () => ({ isClimateOn: true }),
  auto_conditioning_stop: () => ({ isClimateOn: false }),
};
