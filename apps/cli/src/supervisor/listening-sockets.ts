// Sockets that the supervisor binds and a child listens on (`inheritedSockets` of packages/service), so that the port stays
// open while the child is restarted: connections wait in the system's queue until the next process accepts them. A refused
// first connection ends TeslaMate. This process never accepts from them.
import { lookup } from 'node:dns/promises';
import net from 'node:net';

export interface PortSpec {
  /** The child's name of the port. */
  readonly name: string;
  /** undefined: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
}

interface Handle {
  readonly fd: number;
  getsockname(address: object): number;
  close(): void;
}

export interface ListeningSockets {
  /** For the child's `stdio`, from descriptor 3 on. */
  readonly fds: readonly number[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  close(): void;
}

/** A port that can't be bound is left out: the child then binds it itself, and reports the error. */
export async function bindListeningSockets(specs: readonly PortSpec[]): Promise<ListeningSockets> {
  const bound: { name: string; handle: Handle }[] = [];
  for (const spec of specs) {
    const handle = await bind(spec).catch(() => undefined);
    if (handle !== undefined) bound.push({ name: spec.name, handle });
  }
  const names = bound.map(({ name }) => name).join(':');
  return {
    fds: bound.map(({ handle }) => handle.fd),
    env: {
      LISTEN_PID: undefined,
      LISTEN_FDS: bound.length === 0 ? undefined : String(bound.length),
      LISTEN_FDNAMES: bound.length === 0 ? undefined : names,
    },
    close: () => {
      for (const { handle } of bound.splice(0)) handle.close();
    },
  };
}

type CreateServerHandle = (address: string | null, port: number, family: number) => Handle | number;

async function bind({ host, port }: PortSpec): Promise<Handle | undefined> {
  // node:cluster binds its shared sockets with this function. A net.Server would also accept connections.
  const { _createServerHandle: createServerHandle } = net as unknown as { _createServerHandle?: CreateServerHandle };
  if (createServerHandle === undefined || port === 0 || process.platform === 'win32') return undefined;
  const resolved = host === undefined ? { address: null, family: -1 } : await lookup(host);
  const handle = createServerHandle(resolved.address, port, resolved.family);
  if (typeof handle === 'number') return undefined;
  // libuv reports a port in use only here
  if (handle.getsockname({}) === 0) return handle;
  handle.close();
  return undefined;
}
