// The forms of a delivered payload: as the vehicle sent it, as the Go server publishes it with
// `transmit_decoded_records`, or as flat JSON.
import { decodeRecord, flatRecord, recordJson } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';

export const payloadForms = ['protobuf', 'protojson', 'json'] as const;
export type PayloadForm = (typeof payloadForms)[number];

/** Signals of V records to keep, in the forms other than protobuf; undefined: all. */
export type SignalSelection = ReadonlySet<string> | undefined;

export interface PayloadOptions {
  form: PayloadForm;
  signals?: SignalSelection;
}

/** Throws RecordDecodeError if the form requires decoding and the record can't be decoded. */
export function payloadOf(entry: LogEntry, { form, signals }: PayloadOptions): Buffer {
  if (form === 'protobuf') return entry.payload;
  const record = decodeRecord(entry.topic, entry.payload);
  if (form === 'json') return Buffer.from(JSON.stringify(flatRecord(record, entry.vin, { invalid: null, signals })));
  const json = recordJson(record) as { data?: { key: string }[] };
  if (signals !== undefined && record?.topic === 'V')
    json.data = json.data?.filter(({ key }) => signals.has(key)) ?? [];
  return Buffer.from(JSON.stringify(json));
}

export function contentTypeOf(form: PayloadForm): string {
  return form === 'protobuf' ? 'application/x-protobuf' : 'application/json';
}
