// The settings of a subscription as a table for docs/dispatcher.md, generated from the schema that validates them.
import { subscriptionSchema } from './definition.js';
import { settingRows } from './setting-rows.js';

export function settingsTable(): string {
  const rows = settingRows(subscriptionSchema).map(
    ({ path, fallback, description }) => `| \`${path}\` | ${fallback} | ${description} |`,
  );
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
}
