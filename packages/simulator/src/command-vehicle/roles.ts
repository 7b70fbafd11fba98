// What a paired key may do, by its role in the vehicle.
import { carAction, Domain, KeyRole, RemoteKeyAction, securityAction } from '@fleetbridge/vehicle-command';

export interface DecodedAction {
  /** Name of the field of the action, such as `hvacAutoAction` or `RKE_ACTION_LOCK`. */
  name: string;
}

/** `undecodable`: not the message of this domain. `unknown`: a message without an action that this vehicle knows. */
export function decodeAction(domain: number, payload: Uint8Array): DecodedAction | 'undecodable' | 'unknown' {
  if (domain === Domain.INFOTAINMENT) {
    const action = carAction.decode(payload);
    if (action === undefined) return 'undecodable';
    const name = action.vehicleAction ? nameIn(action.vehicleAction) : undefined;
    return name === undefined ? 'unknown' : { name };
  }
  const action = securityAction.decode(payload);
  if (action === undefined) return 'undecodable';
  const field = nameIn(action);
  if (field === undefined) return 'unknown';
  const remote = field === 'RKEAction' ? RemoteKeyAction[action.RKEAction ?? 0] : field;
  return remote === undefined ? 'unknown' : { name: remote };
}

const CHARGING = /charg/i;
const KEYS_AND_PINS = /pin|valet|eraseUserData/i;
const READING = /^(ping|getVehicleData)$/;

const allowed: Record<number, (name: string) => boolean> = {
  [KeyRole.ROLE_SERVICE]: () => true,
  [KeyRole.ROLE_OWNER]: () => true,
  [KeyRole.ROLE_DRIVER]: (name) => !KEYS_AND_PINS.test(name),
  // cloud keys of the Fleet API: everything but the management of keys, which this vehicle doesn't have
  [KeyRole.ROLE_FM]: () => true,
  [KeyRole.ROLE_VEHICLE_MONITOR]: (name) => READING.test(name),
  [KeyRole.ROLE_CHARGING_MANAGER]: (name) => READING.test(name) || CHARGING.test(name),
  [KeyRole.ROLE_GUEST]: (name) => !KEYS_AND_PINS.test(name),
};

/** Without an action: whether the role may do anything at all. */
export function mayDo(role: number, action: DecodedAction | undefined): boolean {
  const rule = allowed[role];
  return rule !== undefined && (action === undefined || rule(action.name));
}

/** The member of the oneof that is present. Decoded messages have only fields that were on the wire. */
function nameIn(message: object): string | undefined {
  return Object.keys(message).find((key) => !key.startsWith('$'));
}
