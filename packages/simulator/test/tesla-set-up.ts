// A stand-in of Tesla's side with an application, and the steps of its set-up as functions.
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { startTeslaApi, type TeslaApiOptions } from '../src/tesla-api/index.js';
import { createApplicationKey, createHttpClient, signConfig } from './tesla-client.js';
import { vehicleIdentity } from './vehicle-server.js';

export const vin = '5YJ3E1EA7KF000001';
export const domain = 'cars.example.com';
export const redirectUri = 'http://localhost:3000/callback';
export const allScopes = 'openid offline_access vehicle_device_data vehicle_location vehicle_cmds';

const authority = createAuthority({ commonName: 'API test CA', days: 30 });
const certificate = issueCertificate({
  authority,
  subject: { commonName: 'API test' },
  hosts: ['localhost'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});
export const apiCaPem = authority.certificatePem;
export const http = createHttpClient(apiCaPem);

export async function startSetUp(options: Partial<TeslaApiOptions> = {}) {
  const key = createApplicationKey();
  /** By domain; what the web server of the domain serves. */
  const published = new Map([[domain, key.publicKeyPem]]);
  const api = await startTeslaApi({
    certificatePem: certificate.certificatePem,
    keyPem: certificate.keyPem,
    application: {
      clientId: 'client',
      clientSecret: 'secret',
      allowedOrigins: [`https://${domain}`],
      redirectUris: [redirectUri],
    },
    vehicles: [
      {
        ...vehicleIdentity(vin),
        plan: [{ phase: 'park', seconds: 3_600 }],
        reconnect: { minimumMs: 2, maximumMs: 20 },
      },
    ],
    fetchPublicKey(name) {
      const pem = published.get(name);
      return pem === undefined ? Promise.reject(new Error('no key')) : Promise.resolve(pem);
    },
    ...options,
  });

  const token = (form: Record<string, string>) =>
    http('POST', `${api.authUrl}/oauth2/v3/token`, { body: new URLSearchParams({ client_id: 'client', ...form }) });
  const authorize = (scope = allScopes) => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'client',
      redirect_uri: redirectUri,
      scope,
      state: 'our-state',
    });
    return http('GET', `${api.authUrl}/oauth2/v3/authorize?${query}`);
  };
  const exchange = (code: string) =>
    token({
      grant_type: 'authorization_code',
      client_secret: 'secret',
      code,
      redirect_uri: redirectUri,
      audience: api.url,
    });
  const signIn = async (scope = allScopes) => {
    const { headers } = await authorize(scope);
    return (await exchange(new URL(headers.location as string).searchParams.get('code')!)).json;
  };
  const partnerToken = async () =>
    (await token({ grant_type: 'client_credentials', client_secret: 'secret', scope: 'openid', audience: api.url }))
      .json.access_token as string;
  const register = async (name = domain, url = api.url) =>
    http('POST', `${url}/api/1/partner_accounts`, { token: await partnerToken(), body: { domain: name } });
  const call = (method: string, path: string, accessToken?: string, body?: object) =>
    http(method, `${api.url}/api/1/${path}`, { token: accessToken, ...(body === undefined ? {} : { body }) });
  const send = (accessToken: string, config: object, privateKey = key.privateKey) =>
    call('POST', 'vehicles/fleet_telemetry_config_jws', accessToken, {
      vins: [vin],
      token: signConfig(privateKey, config),
    });
  /** Registered, signed in and paired. */
  const ready = async (scope = allScopes) => {
    await register();
    api.pair(domain);
    return (await signIn(scope)).access_token as string;
  };
  return { api, key, published, token, authorize, exchange, signIn, partnerToken, register, call, send, ready };
}
