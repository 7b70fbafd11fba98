// The sections of vehicle_data as JSON Schema, from the same tables as the documents.
import type { FieldType, Row } from './field.js';
import { innerObjects } from './inner-objects.js';
import { sections } from './sections.js';

const types: Readonly<Record<FieldType, string>> = {
  boolean: 'boolean',
  integer: 'integer',
  float: 'number',
  text: 'string',
  seconds: 'integer',
};

/** By section. A field that can't be known is null or left out. */
export function vehicleDataSchema(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(sections).map(([name, rows]) => {
      const inner = name === 'vehicle_state' ? Object.entries(innerObjects) : [];
      const objects = inner.map(([field, fields]) => [field, { type: 'object', properties: propertiesOf(fields) }]);
      const properties = { ...propertiesOf(rows), ...Object.fromEntries(objects), timestamp: { type: 'integer' } };
      return [name, { type: 'object', required: ['timestamp'], properties }];
    }),
  );
}

function propertiesOf(rows: readonly Row[]): Record<string, object> {
  return Object.fromEntries(rows.map(([name, type]) => [name, { type: [types[type], 'null'] }]));
}
