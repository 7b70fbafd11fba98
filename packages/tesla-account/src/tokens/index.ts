export { type AccountState, createTeslaAccount, type TeslaAccount, type TeslaAccountOptions } from './tesla-account.js';
