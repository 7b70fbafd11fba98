// The client of Tesla's Fleet API: the rooms of this package with one caller and one region.
import {
  type AccessTokens,
  type CallerOptions,
  createCaller,
  createHomeRegion,
  type HomeRegionOptions,
} from './calls/index.js';
import { createOwnerApi, createPartnerApi, type OwnerApi, type PartnerApi } from './endpoints/index.js';
import {
  type Application,
  type AuthorizationRequest,
  authorizationUrl,
  exchangeCode,
  type OwnerTokens,
  partnerToken,
  refreshTokens,
} from './oauth/index.js';

export type FleetApiOptions = CallerOptions & HomeRegionOptions;

/** Every method that calls Tesla rejects with FleetApiError. */
export interface FleetApi {
  /** Origin of the Fleet API: the configured one, or that of the region to which Tesla has sent the account. */
  readonly apiUrl: string;
  /** Continues with the region that Tesla names; false for an address that tokens must not be sent to, and for the present one. */
  moveTo(apiUrl: string): boolean;
  authorizationUrl(request: Omit<AuthorizationRequest, 'authorizeUrl'>): string;
  exchangeCode(request: Application & { code: string; redirectUri: string }): Promise<OwnerTokens>;
  refresh(request: { clientId: string; refreshToken: string }): Promise<OwnerTokens & { refreshToken: string }>;
  /** Gets a token of the application first. */
  partner(application: Application): Promise<PartnerApi>;
  owner(tokens: AccessTokens): OwnerApi;
}

export function createFleetApi(options: FleetApiOptions): FleetApi {
  const caller = createCaller(options);
  const home = createHomeRegion(options);
  const { authorizeUrl, tokenUrl } = home.addresses;
  const tokenParts = () => ({ caller, tokenUrl, audience: home.apiUrl });

  return {
    get apiUrl() {
      return home.apiUrl;
    },
    moveTo: (apiUrl) => home.moveTo(apiUrl),
    authorizationUrl: (request) => authorizationUrl({ ...request, authorizeUrl }),
    exchangeCode: (request) => exchangeCode(tokenParts(), request),
    refresh: (request) => refreshTokens({ caller, tokenUrl }, request),
    async partner(application) {
      const { audience: apiUrl } = tokenParts();
      const { accessToken: token } = await partnerToken(tokenParts(), application);
      return createPartnerApi({ caller, apiUrl, token });
    },
    owner: (tokens) => createOwnerApi({ caller, home, tokens, clock: options.clock }),
  };
}
