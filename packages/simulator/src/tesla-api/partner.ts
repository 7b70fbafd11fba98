// The application's side: registration of its domain, and its public key; pairing, which the owner approves with it.
import { createPublicKey } from 'node:crypto';
import { type Account, findVehicle, rootOf } from './account.js';
import { type Answer, type ApiRequest, failure, type Region, readBody, success } from './answer.js';

/** The PEM that a domain publishes; rejects when it can't be fetched. */
export type FetchPublicKey = (domain: string) => Promise<string>;

export async function register(account: Account, fetchPublicKey: FetchPublicKey, request: ApiRequest): Promise<Answer> {
  const domain = readBody(request.body)?.domain;
  if (typeof domain !== 'string' || !isAllowed(account, domain)) return failure(400, 'Domain is not valid');
  let key: string;
  try {
    key = uncompressedPoint(await fetchPublicKey(domain));
  } catch {
    return failure(424, 'Public key download failed');
  }
  registrationsOf(account, request.region).set(domain.toLowerCase(), key);
  return success({ client_id: account.application.clientId, domain, public_key: key, enterprise_tier: 'free' });
}

export function publicKey(account: Account, { query, region }: ApiRequest): Answer {
  const key = registrationsOf(account, region).get((query.get('domain') ?? '').toLowerCase());
  return key === undefined ? failure(404, 'not_found') : success({ public_key: key });
}

/** Approves the domain's key on one vehicle or on all, as the owner does in Tesla's app. Returns a reason if it can't. */
export function pair(account: Account, domain: string, vin?: string): string | undefined {
  const keys = [...account.registrations.values()].flatMap((domains) => domains.get(domain.toLowerCase()) ?? []);
  const key = keys.at(-1);
  if (key === undefined) return `${domain} is not registered`;
  const named = vin === undefined ? [...account.vehicles.values()] : [findVehicle(account, vin)];
  for (const vehicle of named) {
    if (vehicle === undefined) return `unknown vehicle ${vin}`;
    if (!vehicle.pairedKeys.has(key) && vehicle.pairedKeys.size >= MAX_KEYS) return 'the vehicle has 20 keys';
    vehicle.pairedKeys.add(key);
  }
  return undefined;
}

const MAX_KEYS = 20;

export function registrationsOf({ registrations }: Account, region: Region): Map<string, string> {
  const domains = registrations.get(region) ?? new Map<string, string>();
  registrations.set(region, domains);
  return domains;
}

function isAllowed({ application }: Account, domain: string): boolean {
  if (!/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$/i.test(domain)) return false;
  return application.allowedOrigins.some(
    (origin) => origin === '*' || rootOf(new URL(origin).hostname) === rootOf(domain),
  );
}

/** Hex of 04 || x || y. Throws for a key that is not on P-256. */
function uncompressedPoint(pem: string): string {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('not a P-256 key');
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return `04${Buffer.from(x, 'base64url').toString('hex')}${Buffer.from(y, 'base64url').toString('hex')}`;
}
