// `fleetbridge <command>`: finds the command in the table of commands/, reads its arguments, reports its errors.
import { nearestName, VERSION } from '@fleetbridge/service';
import { type Command, commands, readArguments } from './commands/index.js';
import { failureOf } from './failure.js';
import { print, printError } from './print.js';

// A reader such as head closes the pipe, or the terminal window is closed: later output is discarded.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const code = await main(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;

async function main([name, ...args]: readonly string[]): Promise<number | undefined> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(listOfCommands());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v' || name === 'version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const what = name.startsWith('-') ? `unknown option ${name}` : `unknown command "${name}"`;
    const nearest = nearestName(name, Object.keys(commands));
    const advice = nearest === undefined ? `\n\n${listOfCommands().trimEnd()}` : `; did you mean "${nearest}"?`;
    printError(`fleetbridge: ${what}${advice}`);
    return 2;
  }
  let command: Command | undefined;
  try {
    command = await entry.load();
    const { values, positionals } = readArguments(args, command.options);
    if (values.help === true) {
      process.stdout.write(helpOf(name, entry.summary, command));
      return 0;
    }
    return await command.run({
      values,
      positionals,
      env: process.env,
      print,
    });
  } catch (error) {
    const { code, text, json } = failureOf(name, error);
    if (command?.failsAsJson === true && args.includes('--json')) print(JSON.stringify(json));
    printError(text);
    return code;
  }
}

function listOfCommands(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return [
    'Usage: fleetbridge <command> [options]',
    '',
    ...rows,
    '',
    '  --version     print the version',
    '',
    'Run "fleetbridge <command> --help" for details. In a clone: npx fleetbridge <command>',
    '',
  ].join('\n');
}

function helpOf(name: string, summary: string, { usage, help }: Command): string {
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return [`Usage: fleetbridge ${name} ${usage}`.trimEnd(), '', sentence, '', ...help, ''].join('\n');
}
