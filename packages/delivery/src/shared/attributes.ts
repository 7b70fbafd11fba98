// What Tesla's server says about a record beside its payload, on every broker (vehicle protocol, section 6).
import type { LogEntry } from '@fleetbridge/store';

export type Attributes = Record<
  'vin' | 'receivedat' | 'timestamp' | 'txid' | 'txtype' | 'version' | 'device_client_version',
  string
>;

/** All as text. `timestamp` is the record's time in ms and `version` 0; Tesla's server leaves both at 0. */
export function attributesOf({ vin, topic, txid, createdMs, receivedMs, version }: LogEntry): Attributes {
  return {
    vin,
    receivedat: String(receivedMs),
    timestamp: String(createdMs),
    txid,
    txtype: topic,
    version: '0',
    device_client_version: version,
  };
}
