import { signalNames } from '@fleetbridge/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type DeviceFacts,
  discoveryFilter,
  discoveryMessages,
  isOutdatedDiscovery,
  presenceDiscovery,
} from './home-assistant.js';

const VIN = '5YJ3E1EA7KF000001';
const SEMI = '7G2TE1EA7KF000001';
const options = { prefix: 'homeassistant', base: 'tesla', statusTopic: 'tesla_bridge/home/0' };

describe('discoveryMessages', () => {
  it("passes Home Assistant's schemas for every signal of the schema and for one that it lacks", () => {
    for (const vin of [VIN, SEMI]) {
      const ids = new Set<string>();
      for (const signal of [...signalNames.values(), 'Field_300']) {
        const messages = discoveryMessages(vin, signal, { name: 'Car', version: '2026.20.1' }, options);
        expect(messages, signal).not.toEqual([]);
        for (const { topic, payload } of [...messages, presenceDiscovery(vin, {}, options)]) {
          const [, component, node, id] = topic.split('/');
          const config = schemas[component!]!.parse(JSON.parse(payload));
          expect(config.unique_id).toBe(`${node}_${id}`);
          ids.add(id!);
        }
      }
      expect(ids.size).toBeGreaterThan(signalNames.size);
    }
  });

  it('has the kind of the signal, with classes, units and decimals', () => {
    expect(one('Locked')).toMatchObject({ component: 'binary_sensor', device_class: 'lock', name: 'Locked' });
    expect(one('Location')).toMatchObject({ component: 'device_tracker', source_type: 'gps', icon: 'mdi:car' });
    expect(one('Soc')).toMatchObject({
      component: 'sensor',
      name: 'State of charge',
      device_class: 'battery',
      state_class: 'measurement',
      unit_of_measurement: '%',
      suggested_display_precision: 0,
    });
    expect(one('TpmsPressureFl')).toMatchObject({ name: 'Tyre pressure front left', suggested_display_precision: 2 });
    expect(one('Odometer')).toMatchObject({ state_class: 'total_increasing', suggested_display_precision: 1 });
    expect(one('SeatHeaterLeft')).toMatchObject({ icon: 'mdi:car-seat-heater', state_class: 'measurement' });
    expect(one('NumBrickVoltageMax')).not.toHaveProperty('state_class');
  });

  it('has times as timestamps with their zone', () => {
    for (const signal of ['ScheduledChargingStartTime', 'TpmsLastSeenPressureTimeFl']) {
      expect(one(signal)).toMatchObject({ device_class: 'timestamp' });
      expect(one(signal).value_template).toContain('as_datetime(v | float).isoformat()');
    }
  });

  it('has the members of an enum as options, without its name and without those that mean unknown', () => {
    expect(one('Gear')).toMatchObject({ device_class: 'enum', options: ['P', 'R', 'N', 'D'], name: 'Shift state' });
    expect(one('Gear').value_template).toContain("replace('ShiftState', '', 1)");
    expect(one('FdWindow').options).toEqual(['Closed', 'PartiallyOpen', 'Opened']);
    // `None` would make the state unknown
    expect(one('SpeedLimitWarning').value_template).toContain("'None' if v is not string else 'none' if t == 'None'");
    expect(one('SpeedLimitWarning').options).toEqual(['none', 'Display', 'Chime']);
  });

  it('has a binary sensor per door and per tyre', () => {
    const ids = (vin: string, signal: string) =>
      discoveryMessages(vin, signal, {}, options).map(({ topic }) => topic.split('/').slice(1).join('/'));
    expect(ids(VIN, 'DoorState')).toContain(`binary_sensor/fleetbridge_${VIN}/DoorState_TrunkRear/config`);
    expect(ids(VIN, 'DoorState')).toHaveLength(6);
    expect(ids(VIN, 'TpmsSoftWarnings')).toHaveLength(4);
    expect(ids(SEMI, 'TpmsSoftWarnings')).toHaveLength(10);
  });

  it('disables what is rarely used, and marks technical entities as diagnostic', () => {
    for (const signal of ['Experimental_7', 'Deprecated_1', 'Unknown', 'DiStatorTempR', 'Field_300'])
      expect(one(signal)).toMatchObject({ enabled_by_default: false, entity_category: 'diagnostic' });
    expect(one('Soc')).not.toHaveProperty('entity_category');
    expect(one('Soc')).not.toHaveProperty('enabled_by_default');
    expect(one('Version')).toMatchObject({ entity_category: 'diagnostic' });
    expect(one('Version')).not.toHaveProperty('enabled_by_default');
  });

  it('names the device after the vehicle, and is available while the delivery is connected', () => {
    expect(one('Soc', { name: 'Überwagen', version: '2026.20.1' })).toMatchObject({
      device: { name: 'Überwagen', sw_version: '2026.20.1', model: 'Model 3', serial_number: VIN },
      availability: [{ topic: 'tesla_bridge/home/0' }],
      origin: { name: 'fleetbridge', sw_version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
    expect(one('Soc').device).not.toHaveProperty('sw_version');
    const supportUrl = 'https://example.com/fleetbridge';
    const [message] = discoveryMessages(VIN, 'Soc', {}, { ...options, statusTopic: undefined, supportUrl });
    expect(JSON.parse(message!.payload).origin).toHaveProperty('support_url', supportUrl);
    expect(JSON.parse(message!.payload)).not.toHaveProperty('availability');
  });

  it('corrects known faults of values in the templates', () => {
    expect(one('RatedRange').value_template).toContain('v | float == 999');
    expect(one('Odometer').value_template).not.toContain('999');
    expect(one('Location').json_attributes_template).toContain(
      '(value_json.latitude != 0 or value_json.longitude != 0) and -90 <= value_json.latitude <= 90',
    );
    for (const signal of ['Gear', 'Odometer', 'Locked', 'VehicleName'])
      expect(one(signal).value_template).toContain("v[:1] == '\"'");
    expect(one('RouteLine').value_template).toContain('t | length <= 255');
    expect(one('RouteLine')).toMatchObject({ json_attributes_topic: `tesla/${VIN}/v/RouteLine` });
  });
});

describe('isOutdatedDiscovery', () => {
  it('is true for configurations of a kind that the signal does not have', () => {
    const isOutdated = (component: string, id: string) =>
      isOutdatedDiscovery(VIN, `homeassistant/${component}/fleetbridge_${VIN}/${id}/config`, 'homeassistant');
    expect(discoveryFilter(VIN, 'homeassistant')).toBe(`homeassistant/+/fleetbridge_${VIN}/+/config`);
    expect(isOutdated('sensor', 'Locked')).toBe(true);
    expect(isOutdated('binary_sensor', 'Locked')).toBe(false);
    expect(isOutdated('sensor', 'Location')).toBe(true);
    expect(isOutdated('sensor', 'DoorState')).toBe(true);
    expect(isOutdated('binary_sensor', 'DoorState_TrunkRear')).toBe(false);
    expect(isOutdated('sensor', 'TpmsSoftWarnings')).toBe(true);
    expect(isOutdated('sensor', 'Experimental_1')).toBe(false);
    expect(isOutdated('binary_sensor', 'connectivity')).toBe(false);
    expect(isOutdatedDiscovery(VIN, 'homeassistant/sensor/another/Locked/config', 'homeassistant')).toBe(false);
  });
});

function one(signal: string, device: DeviceFacts = {}): Record<string, unknown> & { value_template: string } {
  const [message] = discoveryMessages(VIN, signal, device, options);
  return { component: message!.topic.split('/')[1], ...JSON.parse(message!.payload) };
}

// Written from the discovery schemas of Home Assistant 2026.11: components/mqtt/{schemas,sensor,binary_sensor,
// device_tracker}.py, and the classes and units of components/sensor/const.py. Unknown keys, which it ignores, fail here.
const topic = z.string().regex(/^[^#+\0]+$/);
const template = z.string().min(1);
const common = {
  name: z.string().min(1),
  unique_id: z.string().min(1),
  icon: z
    .string()
    .regex(/^mdi:[a-z\d-]+$/)
    .optional(),
  entity_category: z.literal('diagnostic').optional(),
  enabled_by_default: z.boolean().optional(),
  json_attributes_topic: topic.optional(),
  json_attributes_template: template.optional(),
  availability: z.array(z.strictObject({ topic })),
  device: z.strictObject({
    identifiers: z.array(z.string()).min(1),
    manufacturer: z.string(),
    model: z.string(),
    name: z.string(),
    serial_number: z.string(),
    sw_version: z.string().optional(),
  }),
  origin: z.strictObject({ name: z.string(), sw_version: z.string(), support_url: z.url().optional() }),
};

/** By device class: units, and state classes. */
const sensorClasses: Record<string, [units: (string | undefined)[], states: (string | undefined)[]]> = {
  battery: [['%'], ['measurement']],
  current: [['A'], ['measurement']],
  distance: [
    ['mi', 'm', 'km'],
    ['measurement', 'total', 'total_increasing'],
  ],
  duration: [
    ['h', 'min', 's', 'ms'],
    ['measurement', 'total', 'total_increasing'],
  ],
  energy: [['kWh'], ['total', 'total_increasing']],
  energy_storage: [['kWh'], ['measurement']],
  enum: [[undefined], [undefined]],
  power: [['kW'], ['measurement']],
  pressure: [['bar'], ['measurement']],
  speed: [['mph'], ['measurement']],
  temperature: [['°C'], ['measurement']],
  timestamp: [[undefined], [undefined]],
  voltage: [['V'], ['measurement']],
};

const binaryClasses = `battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light lock
  moisture motion moving occupancy opening plug power presence problem running safety smoke sound tamper update vibration
  window`.split(/\s+/);

const schemas: Record<string, z.ZodType<{ unique_id: string }>> = {
  sensor: z
    .strictObject({
      ...common,
      state_topic: topic,
      value_template: template,
      device_class: z.enum(Object.keys(sensorClasses)).optional(),
      state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
      unit_of_measurement: z.string().min(1).optional(),
      suggested_display_precision: z.int().min(0).optional(),
      options: z.array(z.string().min(1)).min(1).optional(),
    })
    .refine(({ device_class, icon }) => device_class !== undefined || icon !== undefined, 'an icon without a class')
    .refine(({ device_class, options: given }) => (given !== undefined) === (device_class === 'enum'), 'options')
    .refine(({ options: given = [] }) => new Set(given).size === given.length && !given.includes('None'), 'options')
    .refine(({ device_class, unit_of_measurement, state_class }) => {
      const [units, states] = sensorClasses[device_class ?? ''] ?? [[unit_of_measurement], [state_class]];
      return units.includes(unit_of_measurement) && states.includes(state_class);
    }, 'unit or state class of the device class'),
  binary_sensor: z
    .strictObject({
      ...common,
      state_topic: topic,
      value_template: template,
      device_class: z.enum(binaryClasses).optional(),
    })
    .refine(({ device_class, icon }) => device_class !== undefined || icon !== undefined, 'an icon without a class'),
  device_tracker: z.strictObject({ ...common, json_attributes_topic: topic, source_type: z.literal('gps') }),
};
