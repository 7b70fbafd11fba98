import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Asn1, oid, sequence, utf8String } from '../asn1/asn1.js';
import { createAuthority } from '../certificate/authority.js';
import {
  attribute,
  type CertificateAndKey,
  extension,
  issueCertificate,
  keyIdOf,
  nameOf,
  newPrivateKey,
  signCertificate,
} from '../certificate/certificate.js';
import { identityFromCertificate, isDeviceId } from './identity.js';

const VIN = '5YJ3E1EA7KF000001';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ENGINEERING = '1.3.6.1.4.1.49279.2.4';
const PRODUCTION = '1.3.6.1.4.1.49279.2.5';
const EXCLUDED = '1.3.6.1.4.1.49279.2.5.1.1';
const OID_ISSUER = 'Tesla Motors Product Issuing CA';

const authorities = new Map<string, CertificateAndKey>();

/** The identity that a certificate of this issuer, subject and list of usages proves. */
function identify(given: { issuer: string; commonName?: string; units?: string[]; oids?: string[] }) {
  const authority = authorities.get(given.issuer) ?? createAuthority({ commonName: given.issuer, days: 10 });
  authorities.set(given.issuer, authority);
  const { certificatePem } = issueCertificate({
    authority,
    subject: { commonName: given.commonName ?? VIN, organizationalUnits: given.units ?? [] },
    extendedKeyUsage: given.oids ?? [CLIENT_AUTH],
    days: 10,
  });
  return identityFromCertificate(new X509Certificate(certificatePem).raw);
}

/** The same with names that issueCertificate can't write. */
function identifyNames(names: { issuer?: Asn1; subject?: Asn1 }) {
  const key = newPrivateKey();
  const { certificatePem } = signCertificate({
    issuer: names.issuer ?? nameOf({ commonName: 'TeslaMotors' }),
    issuerKeyId: keyIdOf(key),
    issuerKey: createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })),
    subject: names.subject ?? nameOf({ commonName: VIN }),
    key,
    days: 10,
    now: new Date(),
    extensions: [extension('2.5.29.37', sequence(oid(CLIENT_AUTH)))],
  });
  return identityFromCertificate(new X509Certificate(certificatePem).raw);
}

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

describe('identityFromCertificate', () => {
  it('builds the sender id from client type and device id', () => {
    expect(identify({ issuer: 'TeslaMotors' })).toEqual({
      clientType: 'vehicle_device',
      deviceId: VIN,
      senderId: `vehicle_device.${VIN}`,
    });
  });

  it.each(['TeslaMotors', 'Tesla Issuing CA', 'Tesla Motors Products CA'])(
    'accepts %s as an issuer of vehicles',
    (issuer) => {
      expect(identify({ issuer })).toMatchObject({ clientType: 'vehicle_device', deviceId: VIN });
    },
  );

  it.each([
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
  ])('decides by OID when the issuer is %s', (issuer) => {
    expect(identify({ issuer, oids: [CLIENT_AUTH, `${PRODUCTION}.1`] })).toMatchObject({
      clientType: 'vehicle_device',
    });
    expect(identify({ issuer })).toMatchObject({ refused: 'no_known_oid' });
  });

  const numbers: [number, string][] = [
    [1, 'vehicle_device'],
    [11, 'vehicle_board_device'],
    [2, 'energy_device'],
    [12, 'das_device'],
    [14, 'vehicle_service'],
    [15, 'das_service'],
    [16, 'energy_service'],
    [28, 'robotics_device'],
  ];
  it.each(
    numbers.flatMap(([n, clientType]) => [
      [`${ENGINEERING}.${n}`, clientType],
      [`${PRODUCTION}.${n}`, clientType],
    ]),
  )('reads %s as %s', (known, clientType) => {
    expect(identify({ issuer: OID_ISSUER, oids: [CLIENT_AUTH, known] })).toEqual({
      clientType,
      deviceId: VIN,
      senderId: `${clientType}.${VIN}`,
    });
  });

  it('uses the first known OID and skips unknown ones', () => {
    const oids = ['1.3.6.1.4.1.49279.2.5.3', `${PRODUCTION}.16`, `${PRODUCTION}.1`];
    expect(identify({ issuer: OID_ISSUER, oids })).toMatchObject({ clientType: 'energy_service' });
  });

  it.each([
    ['an unknown last arc', `${PRODUCTION}.3`],
    ['an arc after a known OID', `${PRODUCTION}.1.2`],
    ['a prefix of a known OID', PRODUCTION],
    ['another stage', '1.3.6.1.4.1.49279.2.6.1'],
  ])('rejects %s', (_what, unknown) => {
    expect(identify({ issuer: OID_ISSUER, oids: [unknown] })).toEqual({ refused: 'no_known_oid', detail: unknown });
  });

  it('rejects a certificate without extended key usage', () => {
    expect(identify({ issuer: OID_ISSUER, oids: [] })).toMatchObject({ refused: 'no_known_oid' });
  });

  it.each([
    [[EXCLUDED]],
    [[EXCLUDED, `${PRODUCTION}.1`]],
    [[`${PRODUCTION}.1`, EXCLUDED]],
    [[CLIENT_AUTH, `${PRODUCTION}.1`, `${PRODUCTION}.2`, EXCLUDED]],
  ])('refuses the excluded OID in any position: %j', (oids) => {
    expect(identify({ issuer: OID_ISSUER, oids })).toEqual({ refused: 'excluded_oid', detail: EXCLUDED });
  });

  it.each([
    ['Solar Inverter', 'solar_inverter_device'],
    ['Gen3 Wall Connector', 'wall_connector_device'],
  ])('lets the OU %s override the OID in any position', (unit, clientType) => {
    const oids = [`${PRODUCTION}.2`];
    expect(identify({ issuer: OID_ISSUER, oids, units: [unit] })).toMatchObject({ clientType });
    expect(identify({ issuer: OID_ISSUER, oids, units: ['Energy', unit] })).toMatchObject({ clientType });
  });

  it('lets an OU override only a known OID, and only by its exact text', () => {
    expect(identify({ issuer: OID_ISSUER, units: ['Solar Inverter'] })).toMatchObject({ refused: 'no_known_oid' });
    expect(identify({ issuer: OID_ISSUER, oids: [`${PRODUCTION}.2`], units: ['solar inverter'] })).toMatchObject({
      clientType: 'energy_device',
    });
    expect(identify({ issuer: 'TeslaMotors', units: ['Solar Inverter'] })).toMatchObject({
      clientType: 'vehicle_device',
    });
  });

  it("reads Products CA's OU Tesla Motors SN as a board when it is the first OU", () => {
    const unit = 'Tesla Motors SN';
    const issuer = 'Tesla Motors Products CA';
    expect(identify({ issuer, units: [unit] })).toMatchObject({ clientType: 'vehicle_board_device' });
    expect(identify({ issuer, units: ['Motors', unit] })).toMatchObject({ clientType: 'vehicle_device' });
    expect(identify({ issuer: 'TeslaMotors', units: [unit] })).toMatchObject({ clientType: 'vehicle_device' });
  });

  it.each(['Unknown CA', 'teslamotors', 'TeslaMotors ', 'constructor', 'TeslaMotors\nCN=x', 'x\nCN=TeslaMotors'])(
    'refuses the issuer %j',
    (issuer) => {
      expect(identify({ issuer, oids: [`${PRODUCTION}.1`] })).toEqual({
        refused: 'unknown_issuer',
        detail: JSON.stringify(issuer),
      });
    },
  );

  it('replaces every dot of the CN by a dash', () => {
    expect(identify({ issuer: 'TeslaMotors', commonName: 'a.b.c' })).toEqual({
      clientType: 'vehicle_device',
      deviceId: 'a-b-c',
      senderId: 'vehicle_device.a-b-c',
    });
  });

  it('accepts a device id of 64 characters and refuses one of 65', () => {
    expect(identify({ issuer: 'TeslaMotors', commonName: 'A'.repeat(64) })).toHaveProperty('deviceId');
    expect(identify({ issuer: 'TeslaMotors', commonName: 'A'.repeat(65) })).toMatchObject({
      refused: 'bad_common_name',
    });
  });

  it.each(['VIN WITH SPACE', 'a:b', 'a{1}b', 'a\nb', 'a\0b', 'ä', '../x', '*'])('refuses the CN %j', (commonName) => {
    expect(identify({ issuer: 'TeslaMotors', commonName })).toEqual({
      refused: 'bad_common_name',
      detail: JSON.stringify(commonName),
    });
  });

  it('truncates names from a certificate', () => {
    const refusal = identify({ issuer: 'TeslaMotors', commonName: 'x'.repeat(10_000) });
    expect(refusal).toEqual({ refused: 'bad_common_name', detail: `"${'x'.repeat(80)}…"` });
  });

  it('refuses a subject without a CN, or with an empty one', () => {
    const subject = sequence(attribute(ORGANIZATION, utf8String(VIN)));
    expect(identifyNames({ subject })).toMatchObject({ refused: 'no_common_name' });
    expect(identifyNames({ subject: sequence() })).toMatchObject({ refused: 'no_common_name' });
    expect(identify({ issuer: 'TeslaMotors', commonName: '' })).toMatchObject({ refused: 'no_common_name' });
  });

  it('refuses several CNs, of the subject and of the issuer', () => {
    const two = (first: string, second: string) =>
      sequence(attribute(COMMON_NAME, utf8String(first)), attribute(COMMON_NAME, utf8String(second)));
    expect(identifyNames({ subject: two('OTHERVIN', VIN) })).toMatchObject({ refused: 'bad_common_name' });
    expect(identifyNames({ issuer: two('x', 'TeslaMotors') })).toMatchObject({ refused: 'unknown_issuer' });
    expect(identifyNames({ issuer: sequence() })).toMatchObject({ refused: 'unknown_issuer' });
  });

  it('refuses bytes that are not a certificate', () => {
    expect(identifyNames({})).toHaveProperty('senderId');
    const universalString = { ...utf8String('\0\0\0A'), type: 28 }; // four-byte characters, which no issuer uses
    expect(identifyNames({ subject: sequence(attribute(COMMON_NAME, universalString)) })).toEqual({
      refused: 'unreadable_certificate',
      detail: expect.stringMatching(/^tag 0x1c, expected text, byte \d+$/),
    });
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(identityFromCertificate(bytes)).toMatchObject({ refused: 'unreadable_certificate' });
      }),
    );
  });
});

describe('isDeviceId', () => {
  it('rejects a line break at the end', () => {
    expect(isDeviceId(VIN)).toBe(true);
    expect(isDeviceId(`${VIN}\n`)).toBe(false);
  });
});
