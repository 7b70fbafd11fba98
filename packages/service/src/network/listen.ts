// Opens a listening port. A port that can't be opened is the most common failure of a first start: the system's
// EADDRINUSE becomes a sentence with the port, its purpose and the variable that changes it.
import type { AddressInfo, Server } from 'node:net';
import { ListenError, type ListenErrorCode } from './errors.js';

export interface ListenFacts {
  host: string;
  port: number;
  /** The variable that sets the port. */
  variable: string;
  /** The variable that sets the host, if there is one. */
  hostVariable?: string;
  /** The clients of the port: "vehicles", "admin". */
  purpose?: string;
}

export interface ListenOptions extends Omit<ListenFacts, 'host'> {
  /** undefined: all addresses. */
  host: string | undefined;
  backlog?: number;
  /** A listening socket that this process has inherited (`inheritedSockets`); host and port are then its own. */
  fd?: number | undefined;
}

/** Resolves to the port, which is the system's choice if 0 was asked for. Throws ListenError. */
export function listen(server: Server, { host, port, backlog, fd, ...facts }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(explainListenError(error, { host: host ?? 'all addresses', port, ...facts })),
    );
    server.listen(fd === undefined ? { port, host, backlog } : { fd }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

/** A `ListenError` with the system's error as its cause. Any other error is returned unchanged. */
export function explainListenError(error: unknown, facts: ListenFacts): unknown {
  const reason = reasons[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  if (reason === undefined) return error;
  const { host, port, variable } = facts;
  return new ListenError(reason.sentence(facts), { code: reason.code, host, port, variable, cause: error });
}

interface Reason {
  code: ListenErrorCode;
  sentence: (facts: ListenFacts) => string;
}

const unavailable: Reason = {
  code: 'address_unavailable',
  sentence: ({ hostVariable, ...facts }) =>
    `can't listen on ${where(facts)}: ${facts.host} is not an address of this machine; ` +
    `${hostVariable === undefined ? 'use one that is' : `set ${hostVariable} to one that is`} (127.0.0.1, or 0.0.0.0 for all)`,
};

const reasons: Record<string, Reason> = {
  EADDRINUSE: {
    code: 'port_in_use',
    sentence: (facts) =>
      `${where(facts)} is in use by another process; stop that one or choose another port with ${facts.variable}`,
  },
  EACCES: {
    code: 'port_forbidden',
    sentence: (facts) =>
      `not allowed to open ${where(facts)}; ports below 1024 need a privilege, choose another with ${facts.variable}`,
  },
  EADDRNOTAVAIL: unavailable,
  // A host name that the resolver does not find.
  ENOTFOUND: unavailable,
  EAI_AGAIN: unavailable,
};

function where({ host, port, purpose }: ListenFacts): string {
  return `port ${port} on ${host}${purpose === undefined ? '' : ` (${purpose})`}`;
}
