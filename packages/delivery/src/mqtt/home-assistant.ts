// Home Assistant's MQTT discovery: one retained configuration per entity, all entities of a vehicle with the same device.
// Units are the signals' own; Home Assistant converts them.
import { type Flat, signalUnit } from '@fleetbridge/protocol';

export interface HomeAssistantOptions {
  /** Discovery prefix. */
  prefix: string;
  /** Prefix of every state topic. */
  base: string;
  /** Where the delivery publishes `online` and `offline`. */
  statusTopic: string;
  /** Whether connectivity records are delivered, so that the vehicle's presence is known. */
  hasConnectivity: boolean;
}

export interface DiscoveryMessage {
  topic: string;
  payload: string;
}

/** The configurations for a signal of a vehicle: one, or one per door. */
export function discoveryMessages(
  vin: string,
  signal: { name: string; value: Flat },
  options: HomeAssistantOptions,
): DiscoveryMessage[] {
  const { name, value } = signal;
  const entity = entityOf(name, value);
  if (entity === 'doors') {
    return Object.keys(value as object).map((door) =>
      configuration(vin, `${name}_${door}`, options, {
        component: 'binary_sensor',
        name: /Trunk/.test(door) ? words(door) : `${words(door)} door`,
        device_class: 'door',
        state_topic: stateTopic(vin, name, options),
        value_template: `{{ 'ON' if value_json.${door} else 'OFF' }}`,
      }),
    );
  }
  if (entity.component === 'device_tracker') {
    const settings = { name: words(name), source_type: 'gps', json_attributes_topic: stateTopic(vin, name, options) };
    return [configuration(vin, name, options, { ...entity, ...settings })];
  }
  const settings = { name: words(name), state_topic: stateTopic(vin, name, options) };
  return [configuration(vin, name, options, { ...settings, ...entity })];
}

interface Entity {
  component: 'sensor' | 'binary_sensor' | 'device_tracker';
  [setting: string]: unknown;
}

function entityOf(name: string, value: Flat): Entity | 'doors' {
  if (typeof value === 'object' && value !== null) {
    if ('latitude' in value) return { component: 'device_tracker' };
    if ('DriverFront' in value) return 'doors';
    return { component: 'sensor', value_template: '{{ value_json | tojson }}' };
  }
  const isOn = `value_json | string | lower == 'true'`;
  if (value === true || value === false || value === 'true' || value === 'false') {
    // Home Assistant's device class `lock`: on means unlocked
    const [on, off] = name === 'Locked' ? ['OFF', 'ON'] : ['ON', 'OFF'];
    return {
      component: 'binary_sensor',
      value_template: `{{ 'None' if value_json == '<invalid>' else ('${on}' if ${isOn} else '${off}') }}`,
      ...optional('device_class', BINARY_CLASSES[name]),
    };
  }
  const unit = signalUnit(name);
  return {
    component: 'sensor',
    value_template: `{{ 'None' if value_json == '<invalid>' else value_json }}`,
    ...(unit === undefined ? {} : { ...measureOf(name, unit), unit_of_measurement: unit }),
  };
}

const BINARY_CLASSES: Record<string, string> = {
  Locked: 'lock',
  ChargePortDoorOpen: 'door',
  DriverSeatOccupied: 'occupancy',
  LocatedAtHome: 'presence',
  LocatedAtWork: 'presence',
  LocatedAtFavorite: 'presence',
  FastChargerPresent: 'plug',
  BatteryHeaterOn: 'heat',
};

/** Device class and state class. Home Assistant accepts energy as a total only. */
function measureOf(name: string, unit: string): Record<string, string> {
  const measured = (deviceClass?: string) => ({ state_class: 'measurement', ...optional('device_class', deviceClass) });
  switch (unit) {
    case '%':
      return measured(name === 'Soc' || name === 'BatteryLevel' ? 'battery' : undefined);
    case 'mi':
      return { ...measured('distance'), ...(name === 'Odometer' ? { state_class: 'total_increasing' } : {}) };
    case 'kWh':
      if (name === 'EnergyRemaining') return measured('energy_storage');
      return {
        device_class: 'energy',
        state_class: /^(AC|DC)ChargingEnergyIn$|Regen$/.test(name) ? 'total_increasing' : 'total',
      };
    default:
      return measured(CLASS_OF_UNIT[unit]);
  }
}

const CLASS_OF_UNIT: Record<string, string> = {
  mph: 'speed',
  V: 'voltage',
  A: 'current',
  kW: 'power',
  h: 'duration',
  min: 'duration',
  '°C': 'temperature',
  bar: 'pressure',
};

function configuration(
  vin: string,
  id: string,
  { prefix, base, statusTopic, hasConnectivity }: HomeAssistantOptions,
  { component, ...settings }: Entity,
): DiscoveryMessage {
  const presence = {
    topic: `${base}/${vin}/connectivity`,
    value_template: "{{ 'online' if value_json.Status == 'CONNECTED' else 'offline' }}",
  };
  const payload = {
    ...settings,
    unique_id: `fleetbridge_${vin}_${id}`,
    availability: [{ topic: statusTopic }, ...(hasConnectivity ? [presence] : [])],
    availability_mode: 'all',
    device: {
      identifiers: [`fleetbridge_${vin}`],
      manufacturer: 'Tesla',
      name: `Tesla ${vin.slice(-6)}`,
      serial_number: vin,
      ...optional('model', MODELS[vin[3] ?? '']),
    },
    origin: { name: 'fleetbridge' },
  };
  return { topic: `${prefix}/${component}/fleetbridge_${vin}/${id}/config`, payload: JSON.stringify(payload) };
}

const MODELS: Record<string, string> = {
  S: 'Model S',
  '3': 'Model 3',
  X: 'Model X',
  Y: 'Model Y',
  C: 'Cybertruck',
  R: 'Roadster',
  T: 'Semi',
};

function stateTopic(vin: string, name: string, { base }: HomeAssistantOptions): string {
  return `${base}/${vin}/v/${name}`;
}

/** `ACChargingPower` → `AC charging power`. */
function words(name: string): string {
  const split = name.replaceAll('_', ' ').replace(/([a-z\d])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4');
  return split
    .split(' ')
    .map((word, index) => (index === 0 || word === word.toUpperCase() ? word : word.toLowerCase()))
    .join(' ');
}

function optional<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}
