export {
  checkDefinition,
  checkDefinitions,
  createDelivery,
  type DefinitionMistake,
  type DeliveryEnvironment,
  deliveryKindOf,
  type GivenDefinition,
  isSubscriptionName,
  maxInFlightOf,
  type SubscriptionDefinition,
  settingsTable,
} from './definition/index.js';
export { deliveryKinds } from './kinds.js';
export {
  away,
  type Delivery,
  type DeliveryKind,
  type DeliveryLog,
  type DeliveryOutcome,
  type DeliveryWork,
  type Environment,
  type FlagValues,
  type KnownVehicle,
  messageOf,
  type OutgoingRecord,
} from './shared/index.js';
