// Connectivity records, which the server writes itself: a vehicle connected or disconnected. They go through the same
// queue as the vehicle's records, so a reader of the log sees all of them in their true order.
import type { Logger } from '@fleetbridge/service';
import { type Appender, connectivityPayload, type RecordToAppend } from '@fleetbridge/store';
import type { VehicleConnection } from './connection.js';
import type { RecordInspection } from './record-inspection.js';

/** `reconnect` repeats a connect that the log may know already; then it changes nothing. */
export type AppendConnectivity = (connection: VehicleConnection, kind: 'connect' | 'reconnect' | 'disconnect') => void;

export interface ConnectivityRecordsOptions {
  appender: Pick<Appender, 'append'>;
  inspect: RecordInspection | undefined;
  log: Pick<Logger, 'error'>;
  now: () => number;
}

export function createConnectivityRecords(options: ConnectivityRecordsOptions): AppendConnectivity {
  const { appender, inspect, log, now } = options;
  return (connection, kind) => {
    const { vin, facts } = connection;
    const { connectionId, networkInterface } = facts;
    const atMs = now();
    const isConnected = kind !== 'disconnect';
    const record: RecordToAppend = {
      kind,
      vin,
      topic: 'connectivity',
      txid: Buffer.from(connectionId),
      createdMs: atMs,
      receivedMs: atMs,
      version: '',
      networkInterface,
      payload: connectivityPayload({ vin, connectionId, isConnected, atMs, networkInterface }),
    };
    if (kind !== 'reconnect') inspect?.(record);
    appender.append(record, {
      settled: (outcome) => {
        if (outcome === 'failed') log.error({ vin, kind }, 'connectivity_append_failed');
        if (outcome === 'elsewhere') connection.terminate('vehicle_is_elsewhere');
      },
    });
  };
}
