// The attributes that the Go server publishes beside a record's payload, on every broker
// (docs/protocol/vehicle.md#topics).
import type { LogEntry } from '@fleetbridge/store';
import { attributeText } from './vehicle-text.js';

export type Attributes = Record<
  'vin' | 'receivedat' | 'timestamp' | 'txid' | 'txtype' | 'version' | 'device_client_version',
  string
>;

/** All as text, those of the vehicle at most 1,024 bytes long. `timestamp` is the record's time in ms; the Go server leaves it and `version` at 0. */
export function attributesOf({ vin, topic, txid, createdMs, receivedMs, version }: LogEntry): Attributes {
  return {
    vin: attributeText(vin),
    receivedat: String(receivedMs),
    timestamp: String(createdMs),
    txid: attributeText(txid),
    txtype: attributeText(topic),
    version: '0',
    device_client_version: attributeText(version),
  };
}
