// The record that the server creates when a vehicle connects or disconnects.
import { ConnectivityEvent, encodeMessage, timestampOf } from '@fleetbridge/protocol';

export interface ConnectivityChange {
  vin: string;
  /** UUID of the connection; also the txid of the record. */
  connectionId: string;
  isConnected: boolean;
  atMs: number;
  networkInterface: string;
}

/** VehicleConnectivity as protobuf bytes, with the fields that Tesla's server sets. */
export function connectivityPayload({
  vin,
  connectionId,
  isConnected,
  atMs,
  networkInterface,
}: ConnectivityChange): Buffer {
  return encodeMessage('connectivity', {
    vin,
    connectionId,
    status: isConnected ? ConnectivityEvent.CONNECTED : ConnectivityEvent.DISCONNECTED,
    createdAt: timestampOf(atMs),
    networkInterface,
  });
}
