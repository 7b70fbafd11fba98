// Records: which are stored, when they are acknowledged, what is logged of them.
import { commaList, integer, topicList } from '../values/index.js';
import { setting } from './setting.js';

export const recordSettings = {
  EXTRA_TOPICS: setting({
    value: topicList().default([]),
    readBy: ['ingest', 'dispatcher', 'streaming', 'cli'],
    description: 'Topics to store unchanged beside V, alerts, errors and connectivity. Others are quarantined.',
    details:
      'The dispatcher and `fleetbridge subscription create` need it too: they refuse subscriptions with other topics. ' +
      'The streaming server accepts these topics in a Pub/Sub push.',
  }),
  ACK_ON_RECEIVE: setting({
    value: topicList().default([]),
    readBy: ['ingest'],
    description: "Topics whose records are acknowledged before they are stored, as Tesla's server does.",
    details: 'These records can be lost: a vehicle does not send an acknowledged record again.',
  }),
  LOG_RECORDS: setting({
    value: topicList().default([]),
    readBy: ['ingest'],
    description: 'Topics whose records are logged at level `info`, including the location.',
  }),
  SIGNAL_COUNT_VINS: setting({
    value: commaList().default([]),
    readBy: ['ingest'],
    description: 'VINs (at most 20) for which the metric `vin_signal_count` counts each signal.',
  }),
  ACK_REPLICAS: setting({
    value: integer({ min: 0, max: 10 }).default(0),
    readBy: ['ingest', 'streaming', 'up'],
    description: 'Redis replicas that must have a record before it is acknowledged.',
    details: [
      'With 0, a failover of Redis can lose acknowledged records. The streaming server waits for the replicas before it',
      'answers a Pub/Sub push.',
    ].join('\n'),
  }),
};
