export { type Addresses, type AddressOptions, addressesOf, type Region } from './regions.js';
