// Certificates for as many vehicles as a bench needs, and the payload that each of its records carries.
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';

export function createFleet(vehicles) {
  const vehicleCa = createAuthority({ commonName: 'TeslaMotors', days: 30 });
  const serverCa = createAuthority({ commonName: 'bench server CA', days: 30 });
  const server = issueCertificate({
    authority: serverCa,
    subject: { commonName: 'bench server' },
    hosts: ['localhost', '127.0.0.1'],
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    days: 30,
  });
  // one key for all of them: making keys is not what is measured
  let keyPem;
  const identities = Array.from({ length: vehicles }, (_, index) => {
    const vin = vinOf(index);
    const issued = issueCertificate({
      authority: vehicleCa,
      subject: { commonName: vin },
      extendedKeyUsage: [extendedKeyUsages.clientAuth],
      days: 30,
      ...(keyPem === undefined ? {} : { keyPem }),
    });
    keyPem = issued.keyPem;
    return { vin, ...issued };
  });
  return { vehicleCaPem: vehicleCa.certificatePem, serverCaPem: serverCa.certificatePem, server, identities };
}

export function vinOf(index) {
  return `5YJ3E1EA7KF${String(index + 1).padStart(6, '0')}`;
}

/** About 300 bytes, as a driving car sends. `sequence` travels as the odometer, so that its frame can be recognised. */
export function drivingPayload({ vin, sequence = 0, atMs = Date.now(), bytes = 300 }) {
  const message = (filler) => ({
    data: [
      number(Field.VehicleSpeed, 42.5 + (sequence % 30)),
      number(Field.Odometer, sequence),
      number(Field.Soc, 71.25),
      { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
      { key: Field.Location, value: { locationValue: { latitude: 48.137154, longitude: 11.576124 } } },
      number(Field.GpsHeading, 271),
      number(Field.PackVoltage, 382.5),
      number(Field.PackCurrent, -52.3),
      { key: Field.RouteLine, value: { stringValue: 'x'.repeat(filler) } },
    ],
    createdAt: timestampOf(atMs),
    vin,
  });
  const bare = encodeMessage('V', message(1)).length;
  return encodeMessage('V', message(Math.max(1, bytes - bare)));
}

function number(key, value) {
  return { key, value: { doubleValue: value } };
}
