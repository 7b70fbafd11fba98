// The identity that a client certificate proves: the type of the device and its id. TLS has already verified the chain.
// Runs once per handshake on untrusted bytes: any bytes give an identity or a refusal. Rules:
// docs/protocol/vehicle.md#identity. Stricter than Tesla's server in three points, each marked below.

import { type CertificateFields, readCertificateFields } from '../certificate/index.js';
import {
  boardIssuer,
  boardOrganizationalUnit,
  type ClientType,
  clientTypeByOid,
  clientTypeByOrganizationalUnit,
  excludedOids,
  oidIssuers,
  simpleIssuers,
} from './identity-tables.js';

export interface Identity {
  readonly clientType: ClientType;
  /** The subject's CN with `.` replaced by `-`; for a vehicle its VIN. 1 to 64 characters of A-Z, a-z, 0-9 and `-`. */
  readonly deviceId: string;
  /** `<clientType>.<deviceId>`, the sender in the vehicle's records. */
  readonly senderId: string;
}

export type IdentityRefusalReason =
  | 'unknown_issuer'
  | 'excluded_oid'
  | 'no_known_oid'
  | 'no_common_name'
  | 'bad_common_name'
  | 'unreadable_certificate';

export interface IdentityRefusal {
  readonly refused: IdentityRefusalReason;
  /** For the log: names from the certificate are quoted, escaped and truncated. */
  readonly detail: string;
}

/** Never throws. */
export function identityFromCertificate(der: Uint8Array): Identity | IdentityRefusal {
  const fields = readCertificateFields(der);
  if ('problem' in fields) return refuse('unreadable_certificate', `${fields.problem}, byte ${fields.offset}`);

  const clientType = clientTypeOf(fields);
  if (typeof clientType !== 'string') return clientType;

  const [commonName, ...others] = fields.subjectCommonNames;
  if (commonName === undefined || commonName === '') return refuse('no_common_name', 'the subject has no CN');
  // Stricter: Tesla's server uses the last of several. No vehicle has two, so the intended one would be a guess.
  if (others.length > 0) return refuse('bad_common_name', `the subject has ${others.length + 1} CNs`);
  const deviceId = commonName.replaceAll('.', '-');
  if (!isDeviceId(deviceId)) return refuse('bad_common_name', quote(commonName));

  return { clientType, deviceId, senderId: `${clientType}.${deviceId}` };
}

/** Stricter than Tesla's server, which accepts any text: the id becomes part of Redis keys and of file names. */
export function isDeviceId(text: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(text);
}

function clientTypeOf(fields: CertificateFields): ClientType | IdentityRefusal {
  const [issuer, ...others] = fields.issuerCommonNames;
  if (issuer === undefined || others.length > 0) {
    return refuse('unknown_issuer', `the issuer has ${fields.issuerCommonNames.length} CNs`);
  }
  if (oidIssuers.has(issuer)) return clientTypeFromOids(fields);
  if (!simpleIssuers.has(issuer)) return refuse('unknown_issuer', quote(issuer));

  const isBoard = issuer === boardIssuer && fields.subjectOrganizationalUnits[0] === boardOrganizationalUnit;
  return isBoard ? 'vehicle_board_device' : 'vehicle_device';
}

function clientTypeFromOids(fields: CertificateFields): ClientType | IdentityRefusal {
  // Stricter: Tesla's server stops at the first known OID and ignores an excluded one after it.
  const excluded = fields.extendedKeyUsages.find((oid) => excludedOids.has(oid));
  if (excluded !== undefined) return refuse('excluded_oid', excluded);

  const known = firstKnown(fields.extendedKeyUsages, clientTypeByOid);
  if (known === undefined) return refuse('no_known_oid', clip(fields.extendedKeyUsages.join(' ')));
  return firstKnown(fields.subjectOrganizationalUnits, clientTypeByOrganizationalUnit) ?? known;
}

function firstKnown(names: readonly string[], table: ReadonlyMap<string, ClientType>): ClientType | undefined {
  for (const name of names) {
    const clientType = table.get(name);
    if (clientType !== undefined) return clientType;
  }
  return undefined;
}

function refuse(refused: IdentityRefusalReason, detail: string): IdentityRefusal {
  return { refused, detail };
}

function quote(text: string): string {
  return JSON.stringify(clip(text));
}

function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
