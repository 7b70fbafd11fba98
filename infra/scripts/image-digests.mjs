// Pins the images of a compose file: each `image:` gets the digest that its registry has now, so that an installation of a
// release runs the images of its release day, whatever a tag points to later. For the release job:
//
//   node infra/scripts/image-digests.mjs release/compose.release.yaml
//
// Only digests of fetched manifests are written. When one image can't be fetched, no file changes and the exit code is 1.
// Logins come from Docker's configuration (docker login). The tag `latest` stays unpinned: TeslaMate's is the user's choice.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const TIMEOUT_MS = 30_000;

/** Resolves to the text with digests. `digestOf` resolves to the digest of `registry/name:tag`. */
export async function withDigests(text, digestOf) {
  const references = new Set();
  text.replace(IMAGE, (_line, _indent, value) => references.add(value));
  const pinned = new Map();
  for (const value of references) {
    const reference = value.replace(DEFAULT, '$1');
    if (reference.includes('@') || /:latest$/.test(reference)) continue;
    if (/[${}]/.test(reference)) throw new Error(`image: ${value}: expected a default for each variable`);
    pinned.set(value, withDigest(value, await digestOf(reference)));
  }
  return text.replace(IMAGE, (_line, indent, value) => `${indent}image: ${pinned.get(value) ?? value}`);
}

const IMAGE = /^( *)image: (\S+)$/gm;
const DEFAULT = /\$\{\w+:-([^${}]*)\}/g;

/** Belongs to the default of the last variable, so that a user who sets the variable runs that image. */
function withDigest(value, digest) {
  return value.endsWith('}') ? `${value.slice(0, -1)}@${digest}}` : `${value}@${digest}`;
}

/** Fetches the manifest of an image and returns its digest. */
export async function fetchDigest(reference, { logins = {} } = {}) {
  const { registry, name, tag } = partsOf(reference);
  const scheme = /^(localhost|127\.0\.0\.1)(:|$)/.test(registry) ? 'http' : 'https';
  const url = `${scheme}://${registry}/v2/${name}/manifests/${tag}`;
  const headers = { accept: MANIFEST_TYPES.join(', ') };
  let response = await get(url, headers);
  if (response.status === 401) {
    const token = await fetchToken(response.headers.get('www-authenticate') ?? '', name, logins[registry]);
    response = await get(url, { ...headers, authorization: `Bearer ${token}` });
  }
  if (response.status !== 200) throw new Error(`${reference}: ${registry} answers with ${response.status}`);
  const digest = `sha256:${createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')}`;
  const claimed = response.headers.get('docker-content-digest');
  if (claimed !== null && claimed !== digest) {
    throw new Error(`${reference}: the manifest has the digest ${digest}, the registry claims ${claimed}`);
  }
  return digest;
}

/** `redis:8` is `library/redis` of Docker Hub. */
function partsOf(reference) {
  const [, path, tag = 'latest'] = /^(.*?)(?::([\w.-]+))?$/.exec(reference) ?? [];
  const [first, ...rest] = path.split('/');
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) return { registry: first, name: rest.join('/'), tag };
  return { registry: 'registry-1.docker.io', name: rest.length === 0 ? `library/${path}` : path, tag };
}

async function fetchToken(challenge, name, login) {
  const facts = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
  if (!/^Bearer /i.test(challenge) || facts.realm === undefined) throw new Error(`${name}: no login for its registry`);
  const url = new URL(facts.realm);
  if (facts.service !== undefined) url.searchParams.set('service', facts.service);
  url.searchParams.set('scope', facts.scope ?? `repository:${name}:pull`);
  const response = await get(url, login === undefined ? {} : { authorization: `Basic ${login}` });
  if (response.status !== 200) throw new Error(`${name}: ${url.host} answers with ${response.status}`);
  const { token, access_token: other } = await response.json();
  return token ?? other;
}

async function get(url, headers) {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new Error(`${new URL(url).host}: ${error.cause?.message ?? error.message}`, { cause: error });
  }
}

/** Base64 of `user:password` by registry. */
function dockerLogins(env) {
  const file = join(env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json');
  try {
    const { auths = {} } = JSON.parse(readFileSync(file, 'utf8'));
    return Object.fromEntries(Object.entries(auths).flatMap(([host, { auth }]) => (auth ? [[host, auth]] : [])));
  } catch {
    // Not logged in anywhere: public images need no login.
    return {};
  }
}

async function main(files) {
  if (files.length === 0) throw new Error('expected: the path of a compose file');
  const logins = dockerLogins(process.env);
  const digests = new Map();
  const digestOf = async (reference) => {
    const digest = digests.get(reference) ?? (await fetchDigest(reference, { logins }));
    digests.set(reference, digest);
    return digest;
  };
  const texts = [];
  for (const file of files) texts.push([file, await withDigests(readFileSync(file, 'utf8'), digestOf)]);
  for (const [file, text] of texts) writeFileSync(file, text);
  for (const [reference, digest] of digests) process.stdout.write(`${reference} ${digest}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`image-digests: ${error.message}\n`);
    process.exitCode = 1;
  });
}
