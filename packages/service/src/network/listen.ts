// A server that can't be opened is the commonest failure of a first evening. The system's EADDRINUSE becomes a sentence
// that says which port, what it is for, and which variable moves it.
import { ListenError, type ListenErrorCode } from './errors.js';

export interface ListenFacts {
  host: string;
  port: number;
  /** The variable that sets the port. */
  variable: string;
  /** The variable that sets the host, if there is one. */
  hostVariable?: string;
  /** What the port is for: "vehicles", "admin". */
  purpose?: string;
}

/** A `ListenError` with the system's error as its cause; any other error comes back as it is. */
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
  // A host that is a name goes through the resolver first.
  ENOTFOUND: unavailable,
  EAI_AGAIN: unavailable,
};

function where({ host, port, purpose }: ListenFacts): string {
  return `port ${port} on ${host}${purpose === undefined ? '' : ` (${purpose})`}`;
}
