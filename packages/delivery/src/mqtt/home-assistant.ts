// Home Assistant's MQTT discovery: one retained configuration per entity, all entities of a vehicle with the same device.
// The kind of an entity follows from its signal, never from a value. Units are the signals' own; Home Assistant converts
// them.
import { signalUnit } from '@fleetbridge/protocol';
import { VERSION } from '@fleetbridge/service';
import { entityFacts, ordinaryName } from './entity-facts.js';
import { presenceTopic, signalTopic } from './mqtt-messages.js';
import { signalKind, tyrePlaces } from './signal-kinds.js';
import {
  doorTemplate,
  enumTemplate,
  flagTemplate,
  fullTextTemplate,
  numberTemplate,
  optionOf,
  placeTemplate,
  presenceTemplate,
  textTemplate,
  timeTemplate,
  tyreTemplate,
} from './value-templates.js';

export interface HomeAssistantOptions {
  /** Discovery prefix. */
  prefix: string;
  supportUrl?: string | undefined;
  /** Prefix of every state topic. */
  base: string;
  /** Where the delivery publishes `online` and `offline`; undefined: the broker refuses it. */
  statusTopic: string | undefined;
}

export interface DiscoveryMessage {
  topic: string;
  payload: string;
}

/** What the device of a vehicle shows besides its VIN. */
export interface DeviceFacts {
  /** VehicleName */
  name?: string | undefined;
  /** Version */
  version?: string | undefined;
}

export function discoveryMessages(
  vin: string,
  signal: string,
  device: DeviceFacts,
  options: HomeAssistantOptions,
): DiscoveryMessage[] {
  return entitiesOf(vin, signal, options.base).map((entity) => configuration(vin, entity, device, options));
}

/** The entity of the vehicle's connection. */
export function presenceDiscovery(vin: string, device: DeviceFacts, options: HomeAssistantOptions): DiscoveryMessage {
  return configuration(vin, presenceEntity(vin, options.base), device, options);
}

/** The topic filter of all configurations of a vehicle. */
export function discoveryFilter(vin: string, prefix: string): string {
  return `${prefix}/+/${nodeOf(vin)}/+/config`;
}

/** Whether a topic of `discoveryFilter` has an entity of another kind than its signal now has. */
export function isOutdatedDiscovery(vin: string, topic: string, prefix: string): boolean {
  if (!topic.startsWith(`${prefix}/`)) return false;
  const [component, node, id, last] = topic.slice(prefix.length + 1).split('/');
  if (node !== nodeOf(vin) || id === undefined || last !== 'config') return false;
  const entities = entitiesOfId(vin, id);
  return entities.length > 0 && !entities.some((entity) => entity.id === id && entity.component === component);
}

interface Entity {
  id: string;
  component: 'sensor' | 'binary_sensor' | 'device_tracker';
  settings: Record<string, unknown>;
}

/** Of the signal that an entity's id names: `DoorState_TrunkRear` and `DoorState` name DoorState. */
function entitiesOfId(vin: string, id: string): Entity[] {
  if (id === PRESENCE) return [presenceEntity(vin, '')];
  return entitiesOf(vin, id.replace(/_[A-Za-z]\w*$/, ''), '');
}

const PRESENCE = 'connectivity';

function presenceEntity(vin: string, base: string): Entity {
  return {
    id: PRESENCE,
    component: 'binary_sensor',
    settings: {
      name: 'Connectivity',
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      state_topic: presenceTopic(base, vin),
      value_template: presenceTemplate,
    },
  };
}

const DOORS = ['DriverFront', 'DriverRear', 'PassengerFront', 'PassengerRear', 'TrunkFront', 'TrunkRear'];

function entitiesOf(vin: string, signal: string, base: string): Entity[] {
  const kind = signalKind(signal);
  const { name, icon, isDiagnostic, isEnabled } = entityFacts(signal);
  const topic = signalTopic(base, vin, signal);
  const common = {
    ...(isDiagnostic ? { entity_category: 'diagnostic' } : {}),
    ...(isEnabled ? {} : { enabled_by_default: false }),
  };
  const one = (component: Entity['component'], settings: Record<string, unknown>): Entity[] => {
    const shown = settings.device_class === undefined ? { icon } : {};
    return [{ id: signal, component, settings: { name, ...shown, ...common, state_topic: topic, ...settings } }];
  };
  switch (kind.kind) {
    case 'doors':
      return DOORS.map((door) => ({
        id: `${signal}_${door}`,
        component: 'binary_sensor',
        settings: {
          name: doorName(door),
          device_class: 'door',
          ...common,
          state_topic: topic,
          value_template: doorTemplate(door),
        },
      }));
    case 'tyres':
      return tyresOf(vin).map((place) => ({
        id: `${signal}_${place}`,
        component: 'binary_sensor',
        settings: {
          name: `${signal === 'TpmsHardWarnings' ? 'Tyre pressure very low' : 'Tyre pressure low'} ${place.replaceAll('_', ' ')}`,
          device_class: 'problem',
          ...common,
          state_topic: topic,
          value_template: tyreTemplate(place),
        },
      }));
    case 'place': {
      const { state_topic, ...settings } = one('device_tracker', {})[0]!.settings;
      const attributes = { json_attributes_topic: state_topic, json_attributes_template: placeTemplate(signal) };
      return [
        { id: signal, component: 'device_tracker', settings: { ...settings, source_type: 'gps', ...attributes } },
      ];
    }
    case 'boolean':
      return one('binary_sensor', {
        ...optional('device_class', binaryClasses[signal]),
        value_template: flagTemplate(invertedFlags.has(signal)),
      });
    case 'timestamp':
      return one('sensor', { device_class: 'timestamp', value_template: timeTemplate });
    case 'enum':
      return one('sensor', {
        device_class: 'enum',
        options: kind.options.map(optionOf),
        value_template: enumTemplate(kind),
        icon,
      });
    case 'number':
      return one('sensor', { ...measureOf(signal), value_template: numberTemplate(signal) });
    case 'text':
      return one('sensor', {
        value_template: textTemplate(signal),
        json_attributes_topic: topic,
        json_attributes_template: fullTextTemplate,
      });
  }
}

function doorName(door: string): string {
  if (door === 'TrunkFront') return 'Front trunk';
  return door === 'TrunkRear' ? 'Trunk' : `${ordinaryName(door)} door`;
}

/** The first tyres of a Semi's middle axle are reported as the rear ones. */
function tyresOf(vin: string): string[] {
  return [...tyrePlaces.values()].filter((place) => vin[3] === 'T' || !place.startsWith('semi'));
}

/** Home Assistant's device class `lock`: on means unlocked. */
const invertedFlags = new Set(['Locked']);

const binaryClasses: Record<string, string> = {
  Locked: 'lock',
  ChargePortDoorOpen: 'door',
  DriverSeatOccupied: 'occupancy',
  DriverSeatBelt: 'safety',
  LocatedAtHome: 'presence',
  LocatedAtWork: 'presence',
  LocatedAtFavorite: 'presence',
  FastChargerPresent: 'plug',
  NotEnoughPowerToHeat: 'problem',
  SoftwareUpdateAvailable: 'update',
  SoftwareUpdateInProgress: 'running',
  LightsHighBeams: 'light',
};

/** Decimals shown, by unit. */
const precisions: Record<string, number> = {
  mph: 0,
  mi: 1,
  m: 1,
  '%': 0,
  V: 1,
  A: 1,
  kW: 1,
  kWh: 1,
  h: 1,
  min: 0,
  '°': 0,
  '°C': 1,
  bar: 2,
  Nm: 0,
  rpm: 0,
};

const classOfUnit: Record<string, string> = {
  mph: 'speed',
  mi: 'distance',
  m: 'distance',
  V: 'voltage',
  A: 'current',
  kW: 'power',
  h: 'duration',
  min: 'duration',
  '°C': 'temperature',
  bar: 'pressure',
};

/** Numbers of something: an average has no meaning. */
const ordinals = /^Num|Count$|Qty$/;

/** Device class, state class, unit and decimals. Home Assistant accepts energy as a total only. */
function measureOf(signal: string): Record<string, unknown> {
  const unit = signalUnit(signal);
  if (unit === undefined) return ordinals.test(signal) ? {} : { state_class: 'measurement' };
  const decimals = signal.startsWith('BrickVoltage') ? 3 : precisions[unit];
  const shown = { unit_of_measurement: unit, ...optional('suggested_display_precision', decimals) };
  if (unit === '°') return shown;
  if (unit === 'kWh') return { ...shown, ...energyClasses(signal) };
  const isBattery = signal === 'Soc' || signal === 'BatteryLevel';
  return {
    ...shown,
    ...optional('device_class', isBattery ? 'battery' : classOfUnit[unit]),
    state_class: signal === 'Odometer' ? 'total_increasing' : 'measurement',
  };
}

function energyClasses(signal: string): Record<string, string> {
  const isStored = signal === 'EnergyRemaining' || signal === 'NominalFullPackEnergyKwh';
  return isStored
    ? { device_class: 'energy_storage', state_class: 'measurement' }
    : { device_class: 'energy', state_class: 'total_increasing' };
}

function configuration(
  vin: string,
  { id, component, settings }: Entity,
  device: DeviceFacts,
  { prefix, statusTopic, supportUrl }: HomeAssistantOptions,
): DiscoveryMessage {
  const payload = {
    ...settings,
    unique_id: `fleetbridge_${vin}_${id}`,
    ...(statusTopic === undefined ? {} : { availability: [{ topic: statusTopic }] }),
    device: {
      identifiers: [nodeOf(vin)],
      manufacturer: 'Tesla',
      name: device.name ?? `Tesla ${vin.slice(-6)}`,
      serial_number: vin,
      ...optional('model', models[vin[3] ?? '']),
      ...optional('sw_version', device.version),
    },
    origin: { name: 'fleetbridge', sw_version: VERSION, ...optional('support_url', supportUrl) },
  };
  return { topic: `${prefix}/${component}/${nodeOf(vin)}/${id}/config`, payload: JSON.stringify(payload) };
}

const models: Record<string, string> = {
  S: 'Model S',
  '3': 'Model 3',
  X: 'Model X',
  Y: 'Model Y',
  C: 'Cybertruck',
  R: 'Roadster',
  T: 'Semi',
};

function nodeOf(vin: string): string {
  return `fleetbridge_${vin}`;
}

function optional<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}
