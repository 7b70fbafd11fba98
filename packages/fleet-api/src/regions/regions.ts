// Tesla's addresses by region, or those of a stand-in in their place. Tokens are sent to these addresses only.

/** `na` includes Asia and the Pacific, `eu` includes the Middle East and Africa. */
export type Region = 'na' | 'eu' | 'cn';

export interface Addresses {
  /** Origin of the Fleet API that is used first. */
  readonly apiUrl: string;
  /** The page that the owner's browser opens. */
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  /** The origin that a 421 leads to; undefined if tokens must not be sent there. */
  permitted(url: string): string | undefined;
}

export interface AddressOptions {
  /** Default: na, until Tesla names another one. */
  readonly region?: Region | undefined;
  /** FLEET_API_URL. */
  readonly apiUrl?: string | undefined;
  /** FLEET_AUTH_URL, an origin. */
  readonly authUrl?: string | undefined;
}

export function addressesOf({ region = 'na', apiUrl, authUrl }: AddressOptions): Addresses {
  const own = apiUrl === undefined ? undefined : new URL(apiUrl);
  const sign = authUrl === undefined ? signInOf(region) : ownSignIn(new URL(authUrl).origin);
  return {
    apiUrl: own?.origin ?? apiUrls[region],
    ...sign,
    permitted(url) {
      if (!URL.canParse(url)) return undefined;
      const { origin, hostname, protocol } = new URL(url);
      if (own !== undefined) return hostname === own.hostname && protocol === own.protocol ? origin : undefined;
      const isOfRegions = Object.values(region === 'cn' ? [apiUrls.cn] : [apiUrls.na, apiUrls.eu]).includes(origin);
      return isOfRegions ? origin : undefined;
    },
  };
}

const apiUrls: Readonly<Record<Region, string>> = {
  na: 'https://fleet-api.prd.na.vn.cloud.tesla.com',
  eu: 'https://fleet-api.prd.eu.vn.cloud.tesla.com',
  cn: 'https://fleet-api.prd.cn.vn.cloud.tesla.cn',
};

function signInOf(region: Region) {
  return region === 'cn'
    ? ownSignIn('https://auth.tesla.cn')
    : {
        authorizeUrl: 'https://auth.tesla.com/oauth2/v3/authorize',
        tokenUrl: 'https://fleet-auth.prd.vn.cloud.tesla.com/oauth2/v3/token',
      };
}

function ownSignIn(origin: string) {
  return { authorizeUrl: `${origin}/oauth2/v3/authorize`, tokenUrl: `${origin}/oauth2/v3/token` };
}
