// Sockets that a supervisor has bound, so that the port stays open while this process is restarted. They are passed as
// systemd's socket activation does it: descriptors from 3 on, their number in LISTEN_FDS, their names in LISTEN_FDNAMES.
const FIRST_FD = 3;

/** File descriptors by name. Empty if they are meant for another process (LISTEN_PID). */
export function inheritedSockets(env: Readonly<NodeJS.ProcessEnv>): ReadonlyMap<string, number> {
  const { LISTEN_FDS, LISTEN_FDNAMES = '', LISTEN_PID } = env;
  const isForOther = LISTEN_PID !== undefined && Number(LISTEN_PID) !== process.pid;
  const count = isForOther ? 0 : Number(LISTEN_FDS ?? 0);
  const names = LISTEN_FDNAMES.split(':').slice(0, count);
  return new Map(names.filter((name) => name !== '').map((name) => [name, FIRST_FD + names.indexOf(name)]));
}
