// The list of vehicle commands for a terminal.
import { commandSchema, commandTable } from '@fleetbridge/vehicle-command';
import { columns } from '../../output/index.js';

/** By name, with a line per parameter below. */
export function commandLines(): string[] {
  const rows = [...commandTable.values()].map((row) => {
    const { properties, required } = commandSchema(row);
    const parameters = Object.keys(properties).map((name) => `${name}${required.includes(name) ? '*' : ''}`);
    return [row.name, parameters.join(' '), row.summary];
  });
  return columns(['command', 'parameters', 'what it does'], rows);
}
