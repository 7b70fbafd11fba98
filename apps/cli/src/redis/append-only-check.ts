// What to do about an append-only file that Redis refuses to read: the file, how much of it is readable, and the commands.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `lastLines` is what the server logged before it ended. Undefined if its end has another cause. */
export function appendOnlyAdvice(
  lastLines: string,
  { directory, redisServer }: { directory: string; redisServer: string },
): string | undefined {
  const file = /Bad file format reading the append only file ([^\s:]+)/.exec(lastLines)?.[1];
  if (file === undefined) return undefined;
  const folder = join(directory, 'appendonlydir');
  const manifest = join(folder, 'appendonly.aof.manifest');
  const tool = checkTool(redisServer);
  // Without --fix it changes nothing. With a manifest it checks all files of the set, and fails at the damaged one.
  const { stdout = '' } = spawnSync(tool, [manifest], { encoding: 'utf8', timeout: 60_000 });
  const damaged = [...stdout.matchAll(/filename=(\S+), size=(\d+), ok_up_to=(\d+)/g)].find(
    ([, , size, ok]) => size !== ok,
  );
  const extent =
    damaged === undefined
      ? ''
      : ` ${damaged[3]} of its ${damaged[2]} bytes are readable; the repair removes the others.`;
  return [
    `The append-only file ${join(folder, file)} is damaged, as after a power failure or on a failing disk.${extent}`,
    'Make a copy, repair it and start again (docs/operations.md):',
    `  cp -a ${directory} ${directory}.damaged`,
    `  ${tool} --fix ${manifest}`,
  ].join('\n');
}

/** The tool of the same package, which reads the format of this server. */
function checkTool(redisServer: string): string {
  const name = redisServer.endsWith('valkey-server') ? 'valkey-check-aof' : 'redis-check-aof';
  const beside = join(dirname(redisServer), name);
  return redisServer.includes('/') && existsSync(beside) ? beside : name;
}
