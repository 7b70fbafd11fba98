// Writes docs/configuration.md, and the settings in docs/dispatcher.md, from the schemas that the apps validate with:
// `npm run docs`. Tests fail when they are out of date (apps/cli/test/docs.test.ts, apps/dispatcher/test/docs.test.ts).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeConfig, markdownTable } from '@fleetbridge/service';
import { upConfig } from '../../apps/cli/dist/config.js';
import { dispatcherConfig } from '../../apps/dispatcher/dist/config.js';
import { settingsTable } from '../../apps/dispatcher/dist/subscription/settings-table.js';
import { ingestConfig } from '../../apps/ingest/dist/config.js';
import { streamingConfig } from '../../apps/streaming/dist/config.js';

export const file = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url));

export function configurationPage() {
  const sections = [
    ['`npm start`, `fleetbridge up`', upConfig],
    ['apps/ingest', ingestConfig],
    ['apps/dispatcher', dispatcherConfig],
    ['apps/streaming', streamingConfig],
  ].map(([title, schema]) => `## ${title}\n\n${markdownTable(describeConfig(schema))}`);
  return `# Configuration

Everything is set by environment variables. An empty one counts as unset. Every mistake is listed at once, and the exit
code is then 2. A secret \`X\` can also come from the file that \`X_FILE\` names. This page is made from the schemas that
the programs validate with.

${sections.join('\n\n')}
`;
}

export const dispatcherFile = fileURLToPath(new URL('../../docs/dispatcher.md', import.meta.url));

/** The page as it is, with the settings made anew. */
export function dispatcherPage() {
  const page = readFileSync(dispatcherFile, 'utf8');
  return page.replace(/(<!-- settings:[^\n]*-->\n)[\s\S]*(<!-- \/settings -->)/, `$1\n${settingsTable()}\n\n$2`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(file, configurationPage());
  writeFileSync(dispatcherFile, dispatcherPage());
}
