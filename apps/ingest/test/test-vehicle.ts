// A vehicle connection that records every answer, and the records that it sends.
import { EnvelopeError, encodeMessage, readEnvelope, STREAM_ACK, timestampOf } from '@fleetbridge/protocol';
import type { connectVehicle } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';

export const VIN = '5YJ3E1EA7KF000001';

export interface Answer {
  kind: 'ack' | 'error';
  txid: string;
  topic: string;
}

type ConnectedVehicle = Awaited<ReturnType<typeof connectVehicle>>;

export function testVehicle(connection: ConnectedVehicle, vin: string) {
  const answers: Answer[] = [];
  connection.onMessage((bytes) => answers.push(readAnswer(bytes)));
  const closed = new Promise<number>((resolve) => connection.onClose(resolve));
  return {
    connection,
    answers,
    closed,
    acks: () => answers.filter(({ kind }) => kind === 'ack').map(({ txid }) => txid),
    send: (record: Partial<TestRecord> = {}) => connection.send(vehicleRecord({ vin, ...record })),
    /** Sends a record and waits for its ack: everything sent before has been processed by then. */
    async fence(txid = 'fence') {
      connection.send(vehicleRecord({ vin, txid }));
      await eventually(() => answers.some((answer) => answer.txid === txid));
    },
    /** The same without the log: the answer to an invalid message does not wait for Redis. */
    async fenceWithoutLog() {
      const before = answers.filter(({ kind }) => kind === 'error').length;
      connection.sendBytes(Buffer.from('junk'));
      await eventually(() => answers.filter(({ kind }) => kind === 'error').length > before);
    },
  };
}

/** Throws unless the message is exactly an ack or an error answer. */
function readAnswer(bytes: Buffer): Answer {
  const envelope = readEnvelope(bytes);
  if (envelope instanceof EnvelopeError) throw new Error(`unreadable answer: ${envelope.reason}`);
  const txid = envelope.txid.toString('latin1');
  if (envelope.messageType === STREAM_ACK) return { kind: 'ack', txid, topic: envelope.topic };
  const { payload, senderId, deviceType, deviceId, createdAtSeconds } = envelope;
  if (payload.toString() !== 'incorrect message format' || `${senderId}${deviceType}${deviceId}` !== '') {
    throw new Error(`neither ack nor error: ${bytes.toString('hex')}`);
  }
  if (createdAtSeconds !== 0) throw new Error(`an error answer with created_at ${createdAtSeconds}`);
  return { kind: 'error', txid, topic: envelope.topic };
}

export interface TestRecord {
  vin: string;
  txid: string;
  topic: string;
  isResend: boolean;
  /** Characters of text in the payload. */
  textLength: number;
  senderId: string;
  createdMs: number;
}

export function vehicleRecord({
  vin = VIN,
  txid = 'tx',
  topic = 'V',
  isResend = false,
  textLength = 1,
  senderId = `vehicle_device.${vin}`,
  createdMs = Date.now(),
}: Partial<TestRecord>) {
  const data = [{ key: 4, value: { stringValue: '1'.repeat(textLength) } }];
  const payload = encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin, isResend });
  const createdAtSeconds = Math.floor(createdMs / 1000);
  return { txid, topic, payload, senderId, deviceType: 'vehicle_device', deviceId: vin, createdAtSeconds };
}
