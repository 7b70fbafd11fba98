// One entry of the log.
import { reportedMs } from '@fleetbridge/protocol';

export interface LogEntry {
  /** `<ms>-<sequence>`: orders all entries of a partition, and serves as a cursor. */
  id: string;
  vin: string;
  topic: string;
  txid: string;
  /** The reported time of the record (`reportedMs`), epoch milliseconds. */
  createdMs: number;
  /** Time of its reception by the clock of the receiving process, which can be wrong. */
  receivedMs: number;
  /** Client version of the vehicle; empty for records that the server created. */
  version: string;
  payload: Buffer;
}

/** An entry from a buffer reply of ioredis: [id, [field, value, …]]. Unknown fields are ignored. */
export function parseEntry([id, fields]: [Buffer, Buffer[]]): LogEntry {
  const entry: LogEntry = {
    id: id.toString(),
    vin: '',
    topic: '',
    txid: '',
    createdMs: 0,
    receivedMs: 0,
    version: '',
    payload: NO_BYTES,
  };
  let isLogClockBehind = false;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const value = fields[index + 1]!;
    switch (fields[index]!.toString()) {
      case 'vin':
        entry.vin = value.toString();
        break;
      case 'topic':
        entry.topic = value.toString();
        break;
      case 'txid':
        entry.txid = value.toString();
        break;
      case 'created':
        entry.createdMs = Number(value.toString());
        break;
      case 'received':
        entry.receivedMs = Number(value.toString());
        break;
      case 'version':
        entry.version = value.toString();
        break;
      case 'payload':
        entry.payload = value;
        break;
      case 'clock':
        isLogClockBehind = value.toString() === 'behind';
        break;
    }
  }
  entry.createdMs = reportedMs(entry.id, entry.createdMs, isLogClockBehind);
  return entry;
}

const NO_BYTES = Buffer.alloc(0);
