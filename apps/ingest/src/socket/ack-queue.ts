// The acks of one connection, written as WebSocket frames when their records arrive and sent when these are settled.
// Records of a connection are settled in their order (one VIN, one partition, one queue), so the acks lie in one
// buffer, one behind the other, and what is settled together leaves in one write.
import { ackSize, writeAck } from '@fleetbridge/protocol';

const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_BYTES = 1_024;
const FIN_BINARY = 0x82;

export class AckQueue {
  #bytes: Buffer = EMPTY;
  /** Sent up to here; settled and to be sent up to #settled; written up to #end. */
  #sent = 0;
  #settled = 0;
  #end = 0;
  /** For each record under way: bytes of its ack, bytes of its message. */
  #records: number[] = [];
  #first = 0;
  /** Bytes of the messages under way. */
  unsettledBytes = 0;

  get unsettledRecords(): number {
    return (this.#records.length - this.#first) / 2;
  }

  /** A record of `messageBytes` is on its way to the log. Its txid and topic lie in `source` between the offsets. */
  add(
    messageBytes: number,
    source: Buffer,
    txidStart: number,
    txidEnd: number,
    topicStart: number,
    topicEnd: number,
  ): void {
    const size = ackSize(txidEnd - txidStart, topicEnd - topicStart);
    const headerBytes = size < 126 ? 2 : 4;
    this.#reserve(headerBytes + size);
    const bytes = this.#bytes;
    const at = this.#end;
    bytes[at] = FIN_BINARY;
    if (size < 126) {
      bytes[at + 1] = size;
    } else {
      bytes[at + 1] = 126;
      bytes[at + 2] = size >>> 8;
      bytes[at + 3] = size;
    }
    writeAck(bytes, at + headerBytes, source, txidStart, txidEnd, topicStart, topicEnd);
    this.#end += headerBytes + size;
    this.#records.push(headerBytes + size, messageBytes);
    this.unsettledBytes += messageBytes;
  }

  /** A record that is acknowledged already is on its way to the log. */
  addWithoutAck(messageBytes: number): void {
    this.#records.push(0, messageBytes);
    this.unsettledBytes += messageBytes;
  }

  /**
   * The oldest record under way is settled. `isAcknowledged`: its ack is to be sent; else it is dropped. Returns
   * whether there was one.
   */
  settle(isAcknowledged: boolean): boolean {
    const ackBytes = this.#records[this.#first]!;
    this.unsettledBytes -= this.#records[this.#first + 1]!;
    this.#first += 2;
    if (this.#first === this.#records.length) {
      this.#records = [];
      this.#first = 0;
    } else if (this.#first > 1_024) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
    if (!isAcknowledged) {
      // what is settled and not sent yet moves over the gap
      this.#bytes.copyWithin(this.#sent + ackBytes, this.#sent, this.#settled);
      this.#sent += ackBytes;
    }
    this.#settled += ackBytes;
    return ackBytes > 0;
  }

  /** The frames of all settled records, to be written at once; undefined when there are none. */
  take(): Buffer | undefined {
    if (this.#settled === this.#sent) return undefined;
    const frames = this.#bytes.subarray(this.#sent, this.#settled);
    this.#sent = this.#settled;
    // the socket may keep the frames for a while: what comes next goes into a buffer of its own
    if (this.#sent === this.#end) {
      this.#bytes = EMPTY;
      this.#sent = 0;
      this.#settled = 0;
      this.#end = 0;
    }
    return frames;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const live = this.#bytes.subarray(this.#sent, this.#end);
    const grown = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * (live.length + more)));
    grown.set(live);
    this.#settled -= this.#sent;
    this.#end -= this.#sent;
    this.#sent = 0;
    this.#bytes = grown;
  }
}
