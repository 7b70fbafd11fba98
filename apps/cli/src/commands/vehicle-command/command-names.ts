// Names of vehicle commands in options of commands.
import { commandTable } from '@fleetbridge/vehicle-command';
import { UsageError } from '../command.js';

/** Throws a UsageError that names the first unknown command. */
export function commandNames(names: readonly string[], option: string): string[] {
  const unknown = names.find((name) => !commandTable.has(name));
  if (unknown !== undefined) {
    throw new UsageError(`${option}: unknown vehicle command "${unknown}"; see "fleetbridge command --list"`);
  }
  return [...new Set(names)];
}
