// Looks into records before they are appended, where the operator has configured it: log lines for LOG_RECORDS, signal
// counts for SIGNAL_COUNT_VINS. Decoding is expensive, so the default is no inspection.
import { decodeRecord, flatRecord, normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { RecordToAppend } from '@fleetbridge/store';
import { type Counts, countOne } from '../counts.js';
import { countSignals } from './signal-count.js';

export type RecordInspection = (record: Readonly<RecordToAppend>) => void;

export interface RecordInspectionOptions {
  loggedTopics: readonly string[];
  countedVins: readonly string[];
  counts: Counts;
  log: Logger;
}

/** Undefined if nothing is configured. */
export function createRecordInspection({
  counts,
  log,
  ...options
}: RecordInspectionOptions): RecordInspection | undefined {
  const loggedTopics = new Set(options.loggedTopics);
  const countedVins = new Set(options.countedVins.map(normalizeVin));
  if (loggedTopics.size === 0 && countedVins.size === 0) return undefined;
  return (record) => {
    const { vin, topic } = record;
    if (countedVins.has(normalizeVin(vin))) {
      counts.vinSignals[topic] ??= {};
      countOne(counts.vinSignals[topic], vin, countSignals(topic, payloadOf(record)));
    }
    if (loggedTopics.has(topic)) log.info(lineOf(record), 'record_payload');
  };
}

function lineOf(record: Readonly<RecordToAppend>) {
  const { vin, topic, txid, txidStart = 0, txidEnd = txid.length, receivedMs, version } = record;
  const metadata = {
    txid: txid.toString('latin1', txidStart, txidEnd),
    txtype: topic,
    receivedat: receivedMs,
    device_client_version: version,
  };
  const payload = payloadOf(record);
  try {
    const record = decodeRecord(topic, payload);
    return { vin, metadata, data: record && flatRecord(record, vin, { invalid: '<invalid>' }) };
  } catch (err) {
    return { vin, metadata, bytes: payload.length, err };
  }
}

function payloadOf({
  payload,
  payloadStart = 0,
  payloadEnd = payload.length,
  payloadSuffix,
}: Readonly<RecordToAppend>) {
  const bytes = payload.subarray(payloadStart, payloadEnd);
  return payloadSuffix === undefined ? bytes : Buffer.concat([bytes, payloadSuffix]);
}
