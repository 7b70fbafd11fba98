import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { readArguments, UsageError } from './command.js';
import { commands } from './index.js';

async function run(
  line: string,
): Promise<{ code?: number | undefined; error?: string; isUsage?: boolean; lines: string[] }> {
  const [name = '', ...args] = line.split(' ');
  const lines: string[] = [];
  const command = await commands[name]!.load();
  const env = { REDIS_URL: 'redis://127.0.0.1:1' };
  try {
    const { values, positionals } = readArguments(args, command.options);
    return { code: await command.run({ values, positionals, env, print: (text) => lines.push(text) }), lines };
  } catch (error) {
    return { error: (error as Error).message, isUsage: error instanceof UsageError, lines };
  }
}

it.each([
  ['token creat', 'unknown action "creat"; did you mean "create"? (expected: create, '],
  ['vehicle remove X', 'unknown action "remove" (expected: allow <VIN>'],
  ['snapshot recompte', 'unknown action "recompte"; did you mean "recompute"?'],
  ['cert sever', 'unknown action "sever"; did you mean "server"?'],
  ['vehicle allow', 'allow: expected a VIN'],
  ['vehicle deny a!vin', 'expected a VIN, got "a!vin"'],
  ['vehicle list VIN-1', 'unexpected argument "VIN-1"'],
  ['vehicle limited VIN-1', 'unexpected argument "VIN-1"'],
  ['vehicle forget VIN-1', 'expected: allow <VIN>…, deny <VIN>…, unset <VIN>…, list, or limited'],
  ['vehicle deny 5YJ3E1EA7KFO00001', 'is no VIN'],
  ['vehicle allow foo', '"foo" is no VIN: expected 17 letters and digits without I, O and Q'],
  ['token create --vin X', '--vin: "X" is no VIN'],
  ['tail --since soon', '--since: expected an age such as 30m, 2h or 1d'],
  ['ca fetch --from /no/such/file', '--from: /no/such/file does not exist'],
  ['completion tcsh', 'expected one of bash, zsh, fish'],
  ['simulate --vims 3', "Unknown option '--vims'"],
  ['simulate --vehicles 0', '--vehicles: expected a whole number of at least 1, got "0"'],
  ['simulate --url http://x', '--url: expected wss://host:port'],
  ['up now', 'unexpected argument "now"'],
  ['cert vehicle', 'expected: vehicle <VIN>'],
  ['teslamate', 'expected: create'],
  ['teslamate create --gateway g.example', '--gateway: expected a URL'],
  ['teslamate create --vin no!VIN', '--vin: expected a VIN'],
  ['teslamate create --commands fly', '--commands: unknown vehicle command "fly"'],
  ['seed set /no/such/file', 'could not be read (ENOENT)'],
  ['coverage', 'expected one VIN'],
  ['setup --vin X', '--vin: expected 17 letters and digits, got "X"'],
  ['config dif', 'did you mean "diff"'],
  ['config apply --vin X', '"X" is no VIN'],
  ['doctor now', '"now"'],
])('%s: %s', async (line, sentence) => {
  const { error, isUsage } = await run(line);
  expect(error).toContain(sentence);
  // exit code 2
  expect(isUsage).toBe(true);
});

it('completes commands, actions and options in a shell', async () => {
  const script = (await run('completion bash')).lines.join('\n');
  const complete = (...words: string[]) =>
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _fleetbridge; echo "\${COMPREPLY[*]}"`;
  const asked = [
    complete('fleetbridge', 'to'),
    complete('fleetbridge', 'vehicle', 'un'),
    complete('fleetbridge', 'tail', '--si'),
    complete('fleetbridge', 'subscription', 'dead'),
  ];
  const { stdout } = spawnSync('bash', ['-c', [script, ...asked].join('\n')], { encoding: 'utf8' });
  expect(stdout.trim().split('\n')).toEqual(['token', 'unset', '--since', 'dead-letters']);
  expect((await run('completion fish')).lines[0]).toContain("'__fish_seen_subcommand_from vehicle' -a unset");
  expect((await run('completion zsh')).lines[0]).toContain('bashcompinit');
});
