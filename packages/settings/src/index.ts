// The environment variables of the product, and the kinds of value that they have.
export { type ContainerFact, inContainers } from './containers.js';
export { type NameOf, type SettingsOf, settingGroups, settings, settingsOf, variablesOf } from './settings.js';
export {
  commaList,
  durationSeconds,
  type FieldFacts,
  fieldFacts,
  filePath,
  flag,
  hostName,
  integer,
  leftoverOf,
  listenAddress,
  oneOf,
  port,
  redisUrl,
  Secret,
  secret,
  text,
  topicList,
  url,
  type ValueMeta,
} from './values/index.js';
export {
  logFormats,
  logLevels,
  type Override,
  type Overrides,
  type Process,
  type Setting,
  teslaIssuers,
} from './variables/index.js';
