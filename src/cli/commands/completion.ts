import { Argument, Command } from 'commander';
import { outputOf } from '../command-context.js';
import { completionScript, SHELLS, type Shell } from '../completion-script.js';

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(smart-erase completion bash)
  smart-erase completion zsh > "\${fpath[1]}/_smart-erase"
  smart-erase completion fish > ~/.config/fish/completions/smart-erase.fish`,
    )
    .action((shell: Shell, _options: unknown, command: Command) => {
      const root = command.parent;
      if (root) outputOf(command).verbatim(completionScript(shell, root));
    });
}
