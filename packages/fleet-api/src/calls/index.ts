export {
  type Answer,
  type Call,
  type Caller,
  type CallerOptions,
  type CallLimits,
  type CountedCall,
  createCaller,
} from './caller.js';
export { type CallKind, type Endpoint, endpoints, type Repeat } from './endpoints.js';
export { createHomeRegion, type HomeRegion, type HomeRegionOptions } from './home-region.js';
export {
  type AccessTokens,
  type BeforeSend,
  createOwnerCaller,
  type OwnerCall,
  type OwnerCaller,
  requestOf,
} from './owner-caller.js';
export { isObject, type JsonObject, notValid, readAnswer } from './read-answer.js';
