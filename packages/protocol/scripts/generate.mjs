// Writes src/gen: protobufjs' static code for Tesla's five message files, and a plain table of the same schema.
// The table drives what walks messages without decoding them (payload validation) or by name (protojson, fields).
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pbjs from 'protobufjs-cli/pbjs.js';

const here = path.dirname(fileURLToPath(import.meta.url));
const protoFolder = path.resolve(here, '../../../proto');
const outFolder = path.resolve(here, '../src/gen');
const files = readdirSync(protoFolder)
  .filter((name) => /^vehicle_\w+\.proto$/.test(name))
  .sort()
  .map((name) => path.join(protoFolder, name));

mkdirSync(outFolder, { recursive: true });
const common = ['-p', protoFolder, ...files];
const trimmed = ['--no-verify', '--no-delimited', '--no-typeurl', '--no-convert'];
await run([
  '-t',
  'static-module',
  '-w',
  'esm',
  '-r',
  'fleetbridge',
  '--dts',
  ...trimmed,
  '-o',
  path.join(outFolder, 'messages.js'),
  ...common,
]);
writeFileSync(path.join(outFolder, 'schema.ts'), schemaSource(JSON.parse(await run(['-t', 'json', ...common]))));

function run(args) {
  return new Promise((resolve, reject) => {
    pbjs.main(args, (error, output) => (error ? reject(error) : resolve(output)));
  });
}

/** Flattens pbjs' nested JSON to `{ messages, enums }` by full name; field types are resolved to full names too. */
function schemaSource(root) {
  const messages = {};
  const enums = {};
  visit(root, '');
  for (const [name, fields] of Object.entries(messages)) {
    const scope = name.slice(0, name.lastIndexOf('.') + 1);
    for (const field of fields) {
      const local = scope + field.type;
      if (local in messages || local in enums) field.type = local;
      field.kind = field.type in messages ? 'message' : field.type in enums ? 'enum' : 'scalar';
    }
  }
  const header = '// Made by scripts/generate.mjs from proto/. Not committed, not edited.\n';
  return `${header}export const messages = ${JSON.stringify(messages, null, 1)} as const;\nexport const enums = ${JSON.stringify(enums, null, 1)} as const;\n`;

  function visit(node, prefix) {
    for (const [key, child] of Object.entries(node.nested ?? {})) {
      const name = prefix + key;
      if (child.values) enums[name] = child.values;
      if (child.fields) messages[name] = fieldsOf(child);
      visit(child, `${name}.`);
    }
  }
}

function fieldsOf(message) {
  const oneofs = Object.entries(message.oneofs ?? {}).flatMap(([name, { oneof }]) =>
    oneof.map((member) => [member, name]),
  );
  const oneofOf = new Map(oneofs);
  return Object.entries(message.fields).map(([name, field]) => ({
    id: field.id,
    name,
    json: jsonName(field.protoName ?? name),
    proto: field.protoName ?? name,
    type: field.type,
    label: field.keyType ? 'map' : field.rule === 'repeated' ? 'repeated' : 'single',
    oneof: oneofOf.get(name) ?? '',
  }));
}

/** protojson's rule: drop each underscore and capitalise what follows it; the first letter stays as it is. */
function jsonName(protoName) {
  return protoName.replace(/_(.)/g, (_, next) => next.toUpperCase());
}
