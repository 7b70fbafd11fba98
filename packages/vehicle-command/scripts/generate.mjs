// Writes src/gen: protobufjs' static code for the messages of proto/vehicle_command.
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pbjs from 'protobufjs-cli/pbjs.js';

const here = path.dirname(fileURLToPath(import.meta.url));
const protoFolder = path.resolve(here, '../../../proto/vehicle_command');
const outFolder = path.resolve(here, '../src/gen');
const files = readdirSync(protoFolder)
  .filter((name) => name.endsWith('.proto'))
  .sort()
  .map((name) => path.join(protoFolder, name));

mkdirSync(outFolder, { recursive: true });
const format = ['-t', 'static-module', '-w', 'esm', '-r', 'vehicle-command', '--dts'];
const trimmed = ['--no-verify', '--no-delimited', '--no-typeurl', '--no-convert', '--no-create'];
const output = ['-o', path.join(outFolder, 'messages.js')];
await new Promise((resolve, reject) => {
  pbjs.main([...format, ...trimmed, ...output, '-p', protoFolder, ...files], (error) =>
    error ? reject(error) : resolve(undefined),
  );
});
