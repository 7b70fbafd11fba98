// The address of a Redis or of a Redis Cluster.
import { value } from './value.js';

const SINGLE = 'redis://[user:password@]host:port (rediss:// for TLS)';
const CLUSTER = 'redis+cluster://[user:password@]host:port,host:port,… (rediss+cluster://)';

/** The URL of a Redis, or of some nodes of a Redis Cluster, unchanged. */
export function redisUrl() {
  const meta = { expected: `a URL like ${SINGLE}, or ${CLUSTER}`, summary: 'Redis URL' };
  return value(meta, (text) => (isRedisUrl(text) || isClusterUrl(text) ? text : undefined));
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//i.test(text) || !isUrlWithHost(text)) return false;
  const { username, password } = new URL(text);
  return isDecodable(username) && isDecodable(password);
}

// A cluster has only database 0, and the client's options are ours: a path or a query would be ignored.
function isClusterUrl(text: string): boolean {
  const [, access = '', hosts = ''] = /^rediss?\+cluster:\/\/(?:(.*)@)?([^@]+)$/is.exec(text) ?? [];
  return (
    hosts.split(',').every((host) => {
      const url = `redis://${host}`;
      return /^(\[[\da-f:.]+\]|[^\s:/?#[\]]+)(:\d+)?$/i.test(host) && isUrlWithHost(url);
    }) &&
    isUrlWithHost(`redis://${access}@host`) &&
    isDecodable(access)
  );
}

export function isUrlWithHost(text: string): boolean {
  return URL.canParse(text) && new URL(text).host !== '';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // a % that begins no escape: the password was not URL-encoded
    return false;
  }
}
