export {
  connectTesla,
  type TeslaConnection,
  type TeslaConnectionOptions,
  type TeslaSettings,
} from './connect-tesla.js';
