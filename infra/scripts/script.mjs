// What every script shares: its messages on stderr, and errors that need no stack.

/** A failure that needs no stack: its message contains the problem and what to do. */
export class ScriptError extends Error {}

export function print(line) {
  process.stderr.write(`fleetbridge: ${line}\n`);
}

/** Runs a script's body. On failure prints the message and exits with code 1. */
export async function runScript(body) {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`${error instanceof ScriptError ? error.message : error.stack}\n`);
    process.exit(1);
  }
}
