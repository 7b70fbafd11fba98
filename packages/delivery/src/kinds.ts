// All kinds of delivery. A new kind is a room of its own and one line here: the definition of a subscription, the
// dispatcher and `fleetbridge subscription create` read this table.
import { kafka } from './kafka/index.js';
import { log } from './log/index.js';
import { mqtt } from './mqtt/index.js';
import { nats } from './nats/index.js';
import { push } from './push/index.js';
import type { DeliveryKind } from './shared/index.js';

/** In the order in which docs/dispatcher.md and the CLI list them. */
export const deliveryKinds: readonly DeliveryKind[] = [push, mqtt, kafka, nats, log];
