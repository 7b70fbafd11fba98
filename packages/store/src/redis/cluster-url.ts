// REDIS_URL of a Redis Cluster: `redis+cluster://user:password@host1:6379,host2:6379`, or `rediss+cluster://` for TLS.
// Some of the nodes are enough, the cluster names the others. @fleetbridge/service refuses what is not of this form.

export interface ClusterAddress {
  nodes: { host: string; port: number }[];
  username?: string;
  password?: string;
  /** With TLS, as Node's defaults have it. */
  tls?: Record<string, never>;
}

const CLUSTER_URL = /^(rediss?)\+cluster:\/\/(?:(.*)@)?([^@]+)$/is;

/** Undefined: the URL is that of a single Redis. */
export function clusterOf(url: string): ClusterAddress | undefined {
  const [, scheme, access, hosts] = CLUSTER_URL.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) return undefined;
  const nodes = hosts.split(',').map((one) => {
    // an IPv6 address stands in brackets
    const { hostname, port } = new URL(`redis://${one}`);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  });
  const [username = '', ...password] = access?.split(':') ?? [];
  return {
    nodes,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password.length === 0 ? {} : { password: decodeURIComponent(password.join(':')) }),
    ...(scheme.toLowerCase() === 'rediss' ? { tls: {} } : {}),
  };
}
