import { readHandshake } from '@fleetbridge/pki';

export interface ServerPlace {
  /** Address or name to connect to. */
  readonly host: string;
  readonly port: number;
  /** The name that vehicles connect to. */
  readonly servername: string;
}

/** PEM, the server's own certificate first. Rejects with HandshakeError. */
export async function servedChain({ host, port, servername }: ServerPlace, timeoutMs = 5_000): Promise<string[]> {
  const { certificates } = await readHandshake({ host, port, serverName: servername, timeoutMs });
  return certificates.map((certificate) => certificate.toString());
}
