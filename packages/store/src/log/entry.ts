// One entry of the log as readers get it.

export interface LogEntry {
  /** `<ms>-<sequence>`, growing along the stream: an order over all that a partition's vehicles did, and a cursor. */
  id: string;
  vin: string;
  topic: string;
  txid: string;
  /** Time of the record and of its receipt, epoch milliseconds. */
  createdMs: number;
  receivedMs: number;
  /** The vehicle's client version; empty for records that the server made. */
  version: string;
  payload: Buffer;
}

/** An entry from ioredis' buffer reply: [id, [field, value, …]]. Fields that we don't know are passed over. */
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
    }
  }
  return entry;
}

const NO_BYTES = Buffer.alloc(0);
