// Runs the CLI in this process, as if node had been started with it.
import { fileURLToPath } from 'node:url';

const main = new URL('../../apps/cli/dist/main.js', import.meta.url);

export async function becomeCli(args) {
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, fileURLToPath(main), ...args];
  await import(main.href);
}
