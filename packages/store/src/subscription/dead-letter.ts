// A record that the endpoint of a subscription rejected for good, with its last error.
import { type LogEntry, parseEntry } from '../log/index.js';

export interface DeadLetter {
  /** Id of the dead letter; the id of the record is `entry.id`. */
  id: string;
  entry: LogEntry;
  rejections: number;
  error: string;
  diedMs: number;
}

export function parseDeadLetter([id, fields]: [Buffer, Buffer[]]): DeadLetter {
  const facts = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at]!.toString();
    if (name !== 'payload') facts.set(name, fields[at + 1]!.toString());
  }
  return {
    id: id.toString(),
    entry: { ...parseEntry([id, fields]), id: facts.get('entry') ?? '' },
    rejections: Number(facts.get('rejections') ?? 0),
    error: facts.get('error') ?? '',
    diedMs: Number(facts.get('died') ?? 0),
  };
}
