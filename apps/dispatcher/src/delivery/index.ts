export { away, type Delivery, type DeliveryOutcome, messageOf } from './delivery.js';
export { KafkaDelivery } from './kafka.js';
export { LogLinesDelivery } from './log-lines.js';
export { MqttDelivery } from './mqtt.js';
export { NatsDelivery } from './nats.js';
export { payloadForms } from './payload.js';
export { PushDelivery } from './push.js';
export { type Environment, secretText } from './secret-text.js';
export { tokenSigner } from './signed-token.js';
