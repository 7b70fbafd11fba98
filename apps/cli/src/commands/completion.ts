// `fleetbridge completion`: completion of commands and options in a shell, written from the table of commands.
import { type Command, type CommandEntry, UsageError } from './command.js';

const shells = ['bash', 'zsh', 'fish'] as const;

type Commands = Readonly<Record<string, Command & { summary: string }>>;

/** `entries` is a function, because the table of commands contains this one. */
export const completionOf = (entries: () => Readonly<Record<string, CommandEntry>>): Command => ({
  usage: shells.join(' | '),
  help: [
    '  bash   add to ~/.bashrc:  source <(fleetbridge completion bash)',
    '  zsh    add to ~/.zshrc:   source <(fleetbridge completion zsh)',
    '  fish   fleetbridge completion fish > ~/.config/fish/completions/fleetbridge.fish',
    '',
    'It completes the name fleetbridge. In a clone: alias fleetbridge="npx fleetbridge"',
  ],
  options: {},
  async run({ positionals: [shell, ...rest], print }) {
    if (!shells.some((known) => known === shell) || rest.length > 0) {
      throw new UsageError(`expected one of ${shells.join(', ')}`);
    }
    const loaded = Object.entries(entries()).map(async ([name, { summary, load }]) => [
      name,
      { ...(await load()), summary },
    ]);
    const commands: Commands = Object.fromEntries(await Promise.all(loaded));
    print(shell === 'fish' ? fishScript(commands) : bashScript(commands, { isZsh: shell === 'zsh' }));
    return 0;
  },
});

const optionsOf = ({ options }: Command) => [...Object.keys(options), 'help'].map((name) => `--${name}`);

/** zsh reads the same script with its bash emulation. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: variables of the shell
function bashScript(commands: Commands, { isZsh }: { isZsh: boolean }): string {
  const cases = Object.entries(commands).map(
    ([name, command]) => `    *:${name}) words="${[...(command.actions ?? []), ...optionsOf(command)].join(' ')}" ;;`,
  );
  return [
    ...(isZsh ? ['autoload -Uz compinit bashcompinit && compinit && bashcompinit'] : []),
    '_fleetbridge() {',
    '  local words word="${COMP_WORDS[COMP_CWORD]}"',
    '  case "$COMP_CWORD:${COMP_WORDS[1]}" in',
    `    1:*) words="${Object.keys(commands).join(' ')} --help --version" ;;`,
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -F _fleetbridge fleetbridge',
  ].join('\n');
}

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: variables of the shell

function fishScript(commands: Commands): string {
  const lines = Object.entries(commands).flatMap(([name, command]) => [
    `complete -c fleetbridge -n __fish_use_subcommand -a ${name} -d ${quoted(command.summary)}`,
    ...(command.actions ?? []).map(
      (action) => `complete -c fleetbridge -n '__fish_seen_subcommand_from ${name}' -a ${action}`,
    ),
    ...optionsOf(command).map(
      (option) => `complete -c fleetbridge -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
    ),
  ]);
  return ['complete -c fleetbridge -f', ...lines].join('\n');
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
