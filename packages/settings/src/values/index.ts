export { type FieldFacts, fieldFacts } from './field-facts.js';
export { redisUrl } from './redis-url.js';
export { Secret } from './secret.js';
export { leftoverOf, type ValueMeta } from './value.js';
export {
  commaList,
  durationSeconds,
  filePath,
  flag,
  hostName,
  integer,
  listenAddress,
  oneOf,
  origin,
  port,
  secret,
  text,
  topicList,
  url,
} from './values.js';
