// Writes docs/configuration.md from the schemas that the apps validate with: `npm run docs`. A test fails when the
// file is out of date (apps/cli/test/docs.test.ts).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeConfig, markdownTable } from '@fleetbridge/service';
import { upConfig } from '../../apps/cli/dist/config.js';
import { dispatcherConfig } from '../../apps/dispatcher/dist/config.js';
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

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, configurationPage());
