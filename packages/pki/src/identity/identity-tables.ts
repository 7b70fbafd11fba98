// Who issues certificates to Tesla's devices and what the certificates' object identifiers mean: data only.
// Source: vehicle-protocol, section 2. Maps and sets, because a plain object would know an issuer "constructor".

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

/** Issuers whose every certificate is a vehicle's, whatever its extended key usages say. */
export const simpleIssuers: ReadonlySet<string> = new Set([
  'TeslaMotors',
  'Tesla Issuing CA',
  'Tesla Motors Products CA',
]);

/** The one exception among them: this issuer with this as the subject's first OU is a board inside a vehicle. */
export const boardIssuer = 'Tesla Motors Products CA';
export const boardOrganizationalUnit = 'Tesla Motors SN';

/** Issuers that serve several kinds of device; the extended key usage tells which. */
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

/** Certificates for the Wi-Fi of Tesla's own sites: they prove a device, but not for telemetry. */
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

/** A subject OU that says more than the object identifier does. */
export const clientTypeByOrganizationalUnit: ReadonlyMap<string, ClientType> = new Map([
  ['Solar Inverter', 'solar_inverter_device'],
  ['Gen3 Wall Connector', 'wall_connector_device'],
]);
