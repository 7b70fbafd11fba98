export { createDelivery, type DeliveryEnvironment, deliveryKindOf, maxInFlightOf } from './create-delivery.js';
export {
  checkDefinition,
  checkDefinitions,
  type DefinitionMistake,
  type GivenDefinition,
  isSubscriptionName,
  type SubscriptionDefinition,
} from './definition.js';
export { settingsTable } from './settings-table.js';
