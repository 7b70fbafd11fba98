export {
  type ConfigurationWatch,
  type ConfigurationWatchOptions,
  startConfigurationWatch,
} from './configuration-watch.js';
