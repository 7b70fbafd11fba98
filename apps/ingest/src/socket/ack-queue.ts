// The acks of one connection. An ack is written as a WebSocket frame when its record arrives and sent when the record is
// settled. The records of a connection settle in order (one VIN, one partition, one queue), so their acks lie in one
// buffer and all acks that settle together leave in one write.
import { ackSize, writeAck } from '@fleetbridge/protocol';

const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_BYTES = 1_024;
const FIN_BINARY = 0x82;

export class AckQueue {
  #bytes: Buffer = EMPTY;
  /** Offsets in #bytes: sent up to #sent, ready to send up to #settled, written up to #end. */
  #sent = 0;
  #settled = 0;
  #end = 0;
  /** Two numbers per unsettled record: bytes of its ack and bytes of its message. */
  #records: number[] = [];
  #first = 0;
  /** Message bytes of all unsettled records. */
  unsettledBytes = 0;

  get unsettledRecords(): number {
    return (this.#records.length - this.#first) / 2;
  }

  /** Adds an unsettled record. The offsets locate its txid and topic in `source`. */
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

  /** Adds an unsettled record that has already been acknowledged. */
  addWithoutAck(messageBytes: number): void {
    this.#records.push(0, messageBytes);
    this.unsettledBytes += messageBytes;
  }

  /**
   * Settles the oldest unsettled record. Its ack is sent if `isAcknowledged` and dropped otherwise. Returns whether it
   * had an ack.
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
      // acks that are ready to send move over the dropped one
      this.#bytes.copyWithin(this.#sent + ackBytes, this.#sent, this.#settled);
      this.#sent += ackBytes;
    }
    this.#settled += ackBytes;
    return ackBytes > 0;
  }

  /** Removes and returns the frames that are ready to send; undefined if there are no frames. */
  take(): Buffer | undefined {
    if (this.#settled === this.#sent) return undefined;
    const frames = this.#bytes.subarray(this.#sent, this.#settled);
    this.#sent = this.#settled;
    // the socket may keep the frames for a while, so the next acks go into a new buffer
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
