// The region of the account: the configured one until a 421 names another, which is then remembered.
import { type Addresses, type AddressOptions, addressesOf } from '../regions/index.js';

export interface HomeRegion {
  readonly addresses: Addresses;
  /** Origin of the Fleet API for this account. */
  readonly apiUrl: string;
  /** False for an address that tokens must not be sent to, and for the present one. */
  moveTo(url: string): boolean;
}

export interface HomeRegionOptions extends AddressOptions {
  /** What `onRegionFound` reported earlier. */
  readonly rememberedUrl?: string | undefined;
  readonly onRegionFound?: ((apiUrl: string) => void) | undefined;
}

export function createHomeRegion({ rememberedUrl, onRegionFound, ...options }: HomeRegionOptions): HomeRegion {
  const addresses = addressesOf(options);
  let apiUrl = (rememberedUrl === undefined ? undefined : addresses.permitted(rememberedUrl)) ?? addresses.apiUrl;
  return {
    addresses,
    get apiUrl() {
      return apiUrl;
    },
    moveTo(url) {
      const permitted = addresses.permitted(url);
      if (permitted === undefined || permitted === apiUrl) return false;
      apiUrl = permitted;
      onRegionFound?.(permitted);
      return true;
    },
  };
}
