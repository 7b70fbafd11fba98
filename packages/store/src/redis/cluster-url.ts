// REDIS_URL of a Redis Cluster: `redis+cluster://user:password@host1:6379,host2:6379`, or `rediss+cluster://` for TLS.
// Some of the nodes are enough: the cluster reports the others. @fleetbridge/service rejects other forms.

export interface ClusterAddress {
  nodes: { host: string; port: number }[];
  username?: string;
  password?: string;
  /** Present for TLS, with the defaults of Node. */
  tls?: Record<string, never>;
}

const CLUSTER_URL = /^(rediss?)\+cluster:\/\/(?:(.*)@)?([^@]+)$/is;

/** Undefined for the URL of a single Redis. */
export function clusterOf(url: string): ClusterAddress | undefined {
  const [, scheme, access, hosts] = CLUSTER_URL.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) return undefined;
  const nodes = hosts.split(',').map((node) => {
    // an IPv6 address is enclosed in brackets
    const { hostname, port } = new URL(`redis://${node}`);
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
