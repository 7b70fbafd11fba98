export { type StoredTeslaAccount, TeslaAccountStore } from './account-store.js';
