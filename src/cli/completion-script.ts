import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Words {
  name: string;
  description: string;
  /** Options of the command and of its subcommands. */
  options: { flag: string; description: string }[];
  commands: { name: string; description: string }[];
}

/** A shell script that completes commands and options, generated from the commands. */
export function completionScript(shell: Shell, root: Command): string {
  const commands = root.commands.map(wordsOf);
  const globals = wordsOf(root).options;
  switch (shell) {
    case 'bash':
      return bash(commands, globals);
    case 'zsh':
      return zsh(commands, globals);
    case 'fish':
      return fish(commands, globals);
  }
}

function wordsOf(command: Command): Words {
  const options = [command, ...(command.parent === null ? [] : command.commands)]
    .flatMap((each) => each.options)
    .flatMap(({ long, description }) => (long ? [{ flag: long, description }] : []));
  return {
    name: command.name(),
    description: command.description(),
    options: options.filter(({ flag }, at) => options.findIndex((other) => other.flag === flag) === at),
    commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
  };
}

function bash(commands: readonly Words[], globals: Words['options']): string {
  const always = globals.map(({ flag }) => flag).join(' ');
  const cases = commands.map(
    (each) =>
      `    ${each.name}) words="${[...each.commands.map(({ name }) => name), ...each.options.map(({ flag }) => flag)].join(' ')} ${always}" ;;`,
  );
  return `# bash completion of smart-erase
_smart_erase() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" word words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
    "") words="${commands.map(({ name }) => name).join(' ')} ${always}" ;;
${cases.join('\n')}
    *) words="${always}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _smart_erase smart-erase
`;
}

function zsh(commands: readonly Words[], globals: Words['options']): string {
  const option = ({ flag, description }: Words['options'][number]) => `'${flag}[${quoted(description)}]'`;
  const cases = commands.map(
    ({ name, options, commands: below }) =>
      `    ${name}) _arguments ${[...options, ...globals].map(option).join(' ')} ${
        below.length === 0 ? "'*:file:_files'" : `'1:command:(${below.map((each) => each.name).join(' ')})'`
      } ;;`,
  );
  return `#compdef smart-erase
_smart_erase() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    '${name}:${quoted(description)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef _smart_erase smart-erase
`;
}

function fish(commands: readonly Words[], globals: Words['options']): string {
  const lines = ['# fish completion of smart-erase'];
  const line = (condition: string, flag: string, description: string) =>
    lines.push(`complete -c smart-erase ${condition}-l ${flag.slice(2)} -d '${quoted(description)}'`);
  for (const { name, description } of commands) {
    lines.push(`complete -c smart-erase -n __fish_use_subcommand -f -a ${name} -d '${quoted(description)}'`);
  }
  for (const { flag, description } of globals) line('', flag, description);
  for (const { name, options, commands: below } of commands) {
    for (const each of below) {
      lines.push(
        `complete -c smart-erase -n '__fish_seen_subcommand_from ${name}' -f -a ${each.name} -d '${quoted(each.description)}'`,
      );
    }
    for (const { flag, description } of options) line(`-n '__fish_seen_subcommand_from ${name}' `, flag, description);
  }
  return `${lines.join('\n')}\n`;
}

/** Escapes for single quotes and for the brackets of zsh. */
function quoted(text: string): string {
  return text.replace(/['[\]:\\`]/g, ' ').trim();
}
