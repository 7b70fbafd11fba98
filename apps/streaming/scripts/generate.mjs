// Writes src/gen/services.ts: our gRPC door and the two services that every gRPC server has (health, reflection) as
// JSON for proto-loader, and what reflection tells of them. At run time there are no .proto files to read.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const packageFolder = (name) => path.dirname(require.resolve(`${name}/package.json`));
const reflectionProto = (version) =>
  path.join(packageFolder('@grpc/reflection'), `build/proto/grpc/reflection/${version}/reflection.proto`);

const ours = load(path.resolve(here, '../../../proto/fleetbridge/v1/telemetry.proto'));
const health = load(path.join(packageFolder('grpc-health-check'), 'proto/health/v1/health.proto'));
const reflection = load(reflectionProto('v1'));
const reflectionAlpha = load(reflectionProto('v1alpha'));

/** What reflection tells, by file: its descriptor, the files it builds on, the full names of what it defines. */
const files = {};
describe(ours, 'fleetbridge.v1', 'fleetbridge/v1/telemetry.proto', ['google/protobuf/timestamp.proto']);
describe(ours, 'google.protobuf', 'google/protobuf/timestamp.proto', []);
describe(health, 'grpc.health.v1', 'grpc/health/v1/health.proto', []);
describe(reflection, 'grpc.reflection.v1', 'grpc/reflection/v1/reflection.proto', []);
describe(reflectionAlpha, 'grpc.reflection.v1alpha', 'grpc/reflection/v1alpha/reflection.proto', []);

const folder = path.resolve(here, '../src/gen');
mkdirSync(folder, { recursive: true });
const roots = { telemetry: ours, health, reflection, reflectionAlpha };
const json = Object.fromEntries(Object.entries(roots).map(([name, root]) => [name, root.toJSON()]));
writeFileSync(
  path.join(folder, 'services.ts'),
  `// Made by scripts/generate.mjs. Not committed, not edited.
import type { Reflected, ServiceJson } from '../grpc/grpc-services.js';

export const services: Record<'telemetry' | 'health' | 'reflection' | 'reflectionAlpha', ServiceJson> = ${JSON.stringify(json)};
export const reflected: Record<string, Reflected> = ${JSON.stringify(files)};
`,
);

function load(file) {
  const root = new protobuf.Root();
  root.loadSync(file, { keepCase: true });
  root.resolveAll();
  return root;
}

function describe(root, packageName, fileName, dependencies) {
  const set = root.toDescriptor('proto3');
  const file = set.file.find((one) => one.package === packageName);
  file.name = fileName;
  file.dependency = dependencies;
  for (const message of file.messageType) completeMessage(root, message, `.${packageName}`);
  for (const service of file.service) {
    for (const method of service.method) {
      const { resolvedRequestType, resolvedResponseType } = root.lookupService(`${packageName}.${service.name}`)
        .methods[method.name];
      method.inputType = resolvedRequestType.fullName;
      method.outputType = resolvedResponseType.fullName;
    }
  }
  const bytes = descriptor.FileDescriptorProto.encode(file).finish();
  files[fileName] = {
    descriptor: Buffer.from(bytes).toString('base64'),
    dependencies,
    services: file.service.map(({ name }) => `${packageName}.${name}`),
    symbols: [
      ...file.messageType.flatMap((message) => symbolsOf(message, packageName)),
      ...file.enumType.map(({ name }) => `${packageName}.${name}`),
      ...file.service.flatMap(({ name, method }) => [
        `${packageName}.${name}`,
        ...method.map((one) => `${packageName}.${name}.${one.name}`),
      ]),
    ],
  };
}

/** protobufjs names types by the shortest way and map entries in its own; protoc's readers want full names. */
function completeMessage(root, message, scope) {
  const full = `${scope}.${message.name}`;
  for (const nested of message.nestedType) {
    if (nested.options?.mapEntry) {
      const field = message.field.find(
        ({ typeName }) => typeName === nested.name || typeName?.endsWith(`.${nested.name}`),
      );
      const [, value] = nested.field;
      const { resolvedType } = root.lookupType(full).fields[field.name];
      if (resolvedType) value.typeName = resolvedType.fullName;
      nested.name = `${nested.name}Entry`;
      field.typeName = `${full}.${nested.name}`;
    } else {
      completeMessage(root, nested, full);
    }
  }
  for (const field of message.field) {
    if (!field.typeName || field.typeName.startsWith('.')) continue;
    field.typeName = root.lookupType(full).fields[field.name].resolvedType.fullName;
  }
}

function symbolsOf({ name, nestedType, enumType }, scope) {
  const full = `${scope}.${name}`;
  return [
    full,
    ...nestedType.flatMap((nested) => symbolsOf(nested, full)),
    ...enumType.map((one) => `${full}.${one.name}`),
  ];
}
