// The address of a Redis or of a Redis Cluster.
import { value } from './value.js';

const SINGLE = 'redis://[user:password@]host:port (rediss:// for TLS)';
const CLUSTER = 'redis+cluster://[user:password@]host:port,host:port,… (rediss+cluster://)';

/** The URL of a Redis, or of some nodes of a Redis Cluster, unchanged. */
export function redisUrl() {
  const meta = { expected: `a URL like ${SINGLE}, or ${CLUSTER}`, summary: 'Redis URL', hint: passwordHint };
  return value(meta, (text) => (isRedisUrl(text) || isClusterUrl(text) ? text : undefined));
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//i.test(text) || !isUrlWithHost(text)) return false;
  const { username, password, pathname, search, hash } = new URL(text);
  // A / ? or # in the password ends the host name there; Redis has no @ behind it.
  if (`${pathname}${search}${hash}`.includes('@')) return false;
  return isDecodable(username) && isDecodable(password);
}

function passwordHint(text: string): string | undefined {
  if (!/^rediss?(\+cluster)?:\/\/.*[/?#%].*@/is.test(text)) return undefined;
  return 'write / ? # @ % in a password as %2F %3F %23 %40 %25 (with Docker Compose: only letters and digits in REDIS_PASSWORD)';
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
