// The issuers of certificates of Tesla's devices and the meaning of the certificates' object identifiers: data only.
// Source: docs/protocol/vehicle.md#identity. Maps and sets, because a plain object has a key "constructor".

export type ClientType =
  | 'vehicle_device'
  | 'vehicle_board_device'
  | 'vehicle_service'
  | 'energy_device'
  | 'energy_service'
  | 'das_device'
  | 'das_service'
  | 'robotics_device'
  | 'solar_inverter_device'
  | 'wall_connector_device';

/** Issuers of vehicles only; the extended key usage does not matter. */
export const simpleIssuers: ReadonlySet<string> = new Set([
  'TeslaMotors',
  'Tesla Issuing CA',
  'Tesla Motors Products CA',
]);

/** The exception: this issuer with this text as the subject's first OU is a board inside a vehicle. */
export const boardIssuer = 'Tesla Motors Products CA';
export const boardOrganizationalUnit = 'Tesla Motors SN';

/** Issuers of several types of device; the extended key usage decides. */
export const oidIssuers: ReadonlySet<string> = new Set([
  'Tesla Motors Product Issuing CA',
  'Tesla Motors Product RSA Issuing CA',
  'Tesla Motors GF3 Product Issuing CA',
  'Tesla Motors GF3 Product RSA Issuing CA',
  'Tesla Energy Product Issuing CA',
  'Tesla Energy GF0 Product Issuing CA',
  'Tesla Motors GF0 Product Issuing CA',
  'Tesla Motors GF Austin Product Issuing CA',
  'Tesla Motors GF Berlin Product Issuing CA',
  'Tesla Product Access Issuing CA',
  'Tesla China Product Access Issuing CA',
  'Tesla GF0 Product Access Issuing CA',
  'Tesla GF3 Product Access Issuing CA',
  'Tesla GF Austin Product Access Issuing CA',
  'Tesla GF Berlin Product Access Issuing CA',
]);

/** Certificates for the Wi-Fi of Tesla's own sites; not valid for telemetry. */
export const excludedOids: ReadonlySet<string> = new Set(['1.3.6.1.4.1.49279.2.5.1.1']);

const TESLA_ENGINEERING = '1.3.6.1.4.1.49279.2.4';
const TESLA_PRODUCTION = '1.3.6.1.4.1.49279.2.5';

const clientTypeByNumber: readonly (readonly [number, ClientType])[] = [
  [1, 'vehicle_device'],
  [11, 'vehicle_board_device'],
  [2, 'energy_device'],
  [12, 'das_device'],
  [14, 'vehicle_service'],
  [15, 'das_service'],
  [16, 'energy_service'],
  [28, 'robotics_device'],
];

export const clientTypeByOid: ReadonlyMap<string, ClientType> = new Map(
  [TESLA_ENGINEERING, TESLA_PRODUCTION].flatMap((arc) =>
    clientTypeByNumber.map(([number, clientType]): [string, ClientType] => [`${arc}.${number}`, clientType]),
  ),
);

/** Subject OUs that are more specific than the object identifier. */
export const clientTypeByOrganizationalUnit: ReadonlyMap<string, ClientType> = new Map([
  ['Solar Inverter', 'solar_inverter_device'],
  ['Gen3 Wall Connector', 'wall_connector_device'],
]);
