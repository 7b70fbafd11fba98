// The vehicles of a bench: certificates, connections, payloads, and a steady rate of records.
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { connectVehicle } from '@fleetbridge/simulator';

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
  // one key for all vehicles: key generation is slow and not measured
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

/** One connection per identity, all opened at once, each with its VIN and a short form of `send`. */
export function connectFleet({ url, fleet, identities }) {
  return Promise.all(
    identities.map(async ({ vin, certificatePem, keyPem }) => {
      const connection = await connectVehicle({ url, certificatePem, keyPem, caPem: fleet.serverCaPem });
      return {
        vin,
        sendRecord: ({ txid, payload }) =>
          connection.send({ txid, topic: 'V', payload, senderId: `vehicle_device.${vin}`, deviceId: vin }),
        terminate: () => connection.terminate(),
      };
    }),
  );
}

/** Calls `send(0)`, `send(1)`, … at `perSecond` for `seconds`. */
export async function sendSteadily({ perSecond, seconds, send }) {
  const startedMs = performance.now();
  const total = perSecond * seconds;
  for (let next = 0; next < total; await delay(1)) {
    const due = Math.min(total, ((performance.now() - startedMs) / 1_000) * perSecond);
    while (next < due) send(next++);
  }
}

/** About 300 bytes, as from a car that drives. `sequence` is sent as the odometer, which identifies the frame. */
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
