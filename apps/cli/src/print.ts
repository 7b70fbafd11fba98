// All text of the CLI that is not a log line passes here, because any value in it can come from a vehicle, a client or
// another server. Line ends stay: a value of the network in a line must be `printable` by itself.
import { printableLines } from '@fleetbridge/service';

/** A line, or several, on stdout. */
export function print(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`);
}

/** A line, or several, on stderr. */
export function printError(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}
