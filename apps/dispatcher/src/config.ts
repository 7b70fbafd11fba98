// The dispatcher's variables (packages/settings), and the check of its subscription file.
import { defineConfig } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';
import { mistakesInSubscriptionFile } from './subscription/index.js';

export const dispatcherConfig = defineConfig(settingsOf('dispatcher'), {
  // With mistakes in the file the dispatcher does not start.
  checks: ({ DISPATCHER_CONFIG: path, EXTRA_TOPICS: extraTopics = [] }) =>
    path === undefined ? [] : mistakesInSubscriptionFile(path, extraTopics),
});
