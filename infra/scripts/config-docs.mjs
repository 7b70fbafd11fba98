// Writes docs/configuration.md from packages/settings, and the settings in docs/dispatcher.md from the schema of the
// subscriptions: `npm run docs`. Tests fail when the pages are stale (infra/test/settings.test.ts, apps/dispatcher).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settingsTable } from '@fleetbridge/delivery';
import { defineConfig, describeConfig } from '@fleetbridge/service';
import { inContainers, settingGroups } from '@fleetbridge/settings';

const WIDTH = 120;
/** A longer default would make the table unreadable; it follows below the table. */
const MAX_DEFAULT = 60;

export const file = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url));

export function configurationPage() {
  const sections = Object.entries(settingGroups).map(([title, group]) => `## ${title}\n\n${section(group)}`);
  return `# Configuration

All settings are environment variables. An empty variable counts as unset. At startup every process checks its variables
and lists all mistakes at once; the exit code is then 2. A secret \`X\` can also come from the file that \`X_FILE\` names.

"Read by" has the processes that read a variable: the servers ingest, dispatcher, streaming and gateway; \`up\`, which is
\`npm start\` and \`fleetbridge up\`; and cli, the other commands of \`fleetbridge\`. \`up\` passes its environment to the
servers that it starts, so their variables apply there too.

\`npm run docs\` writes this page from packages/settings.

${sections.join('\n')}
## In compose

infra/compose.yaml passes the variables of infra/.env to the servers and commands. These are different:

${markdownTable(['Variable', 'In compose', 'Reason'], Object.entries(inContainers).map(containerRow))}`;
}

function section(group) {
  const settings = Object.entries(group).map(([name, setting]) => {
    const [row] = describeConfig(defineConfig({ [name]: setting.value }));
    return { ...setting, ...row };
  });
  const table = markdownTable(
    ['Variable', 'Value', 'Default', 'Read by', 'Meaning'],
    settings.map((setting) => [
      `\`${setting.variable}\``,
      valueCell(setting),
      defaultCell(setting),
      readersCell(setting),
      setting.description,
    ]),
  );
  const details = settings.flatMap(detailsOf);
  return details.length === 0 ? table : `${table}\n${details.join('\n\n')}\n`;
}

function valueCell({ variable, summary, unit, secret }) {
  return `${summary}${unit === undefined ? '' : `, ${unit}`}${secret ? `; or \`${variable}_FILE\`` : ''}`;
}

function defaultCell({ required, default: standard }) {
  if (standard === undefined) return required ? '**required**' : '';
  if (standard.length > MAX_DEFAULT) return 'below';
  return standard === '' ? 'empty' : `\`${standard}\``;
}

function readersCell({ readBy }) {
  return readBy.map(processName).join(', ');
}

function processName(process) {
  return process === 'up' ? '`up`' : process;
}

/** A paragraph per variable that has details. */
function detailsOf({ variable, details, overrides, default: standard = '', example }) {
  const texts = [];
  if (details !== undefined) texts.push(details);
  if (standard.length > MAX_DEFAULT)
    texts.push(
      `Default: ${standard
        .split(',')
        .map((item) => `\`${item}\``)
        .join(', ')}.`,
    );
  texts.push(...new Set(Object.values(overrides).map(({ reason }) => reason)));
  if (example !== undefined) texts.push(`Example: \`${example}\`.`);
  return texts.length === 0 ? [] : [wrapped(`**\`${variable}\`**: ${texts.join(' ')}`)];
}

function containerRow([key, fact]) {
  const [name, process] = key.split('.').reverse();
  const variable = process === undefined ? `\`${name}\`` : `\`${name}\` (${process})`;
  const cells = {
    default: () => `default \`${fact.value}\``,
    fixed: () => `always \`${fact.value}\``,
    required: () => '**required**',
    derived: () => 'from other settings',
    unset: () => 'not passed',
  };
  return [variable, cells[fact.kind](), fact.reason];
}

/** A Markdown table. A line break or a bar in a cell does not break it. */
export function markdownTable(header, rows) {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('');
}

function wrapped(text) {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`;
    if (line.length <= WIDTH) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines.join('\n');
}

export const dispatcherFile = fileURLToPath(new URL('../../docs/dispatcher.md', import.meta.url));

/** The current page with the settings generated again. */
export function dispatcherPage() {
  const page = readFileSync(dispatcherFile, 'utf8');
  return page.replace(/(<!-- settings:[^\n]*-->\n)[\s\S]*(<!-- \/settings -->)/, `$1\n${settingsTable()}\n\n$2`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(file, configurationPage());
  writeFileSync(dispatcherFile, dispatcherPage());
}
