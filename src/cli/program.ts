import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { auditCommand } from './commands/audit.js';
import { batchCommand } from './commands/batch.js';
import { cancelCommand } from './commands/cancel.js';
import { capCommand } from './commands/cap.js';
import { completionCommand } from './commands/completion.js';
import { costCommand } from './commands/cost.js';
import { demoCommand } from './commands/demo.js';
import { devCommand } from './commands/dev.js';
import { doctorCommand } from './commands/doctor.js';
import { abortCommand, skipCommand } from './commands/end-holds.js';
import { listCommand } from './commands/list.js';
import { recipesCommand } from './commands/recipes.js';
import { resultCommand } from './commands/result.js';
import { resumeCommand } from './commands/resume.js';
import { reviewCommand } from './commands/review.js';
import { setupCommand } from './commands/setup.js';
import { simulatorCommand } from './commands/simulator.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { trialCommand } from './commands/trial.js';
import { workerCommand } from './commands/worker.js';
import { FORMATS, writeParserText } from './output.js';

const AFTER_HELP = `
Try it, with nothing else installed:
  smart-erase demo

A first erase:
  smart-erase dev                                   (in one terminal)
  smart-erase doctor
  smart-erase start 5285485487985271487 --recipe subtitles --wait

Exit codes: 0 ok, 1 unexpected, 2 usage, 3 bad input, 4 credentials or configuration, 5 temporary,
6 finished with failures, 7 account blocked, 8 still running, 9 nothing to do, 10 a cap was reached, 130 interrupted.`;

/** The whole command line. Commands load their modules when they run, so that help and completion are fast. */
export function buildProgram(): Command {
  const program = new Command('smart-erase')
    .description('Erase logos, subtitles and faces from Tencent Cloud VOD media, under durable execution.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addOption(new Option('-o, --output <format>', 'of results on stdout').choices(FORMATS).default('table'))
    .option('--no-color', 'no colours, no updating in place; NO_COLOR does the same')
    .option('--no-input', 'never ask')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(add --help for more)')
    .configureOutput({
      writeOut: (text) => writeParserText('stdout', text),
      writeErr: (text) => writeParserText('stderr', text),
    });
  const groups: Record<string, Command[]> = {
    'Erases:': [startCommand(), statusCommand(), listCommand(), resultCommand(), cancelCommand(), recipesCommand()],
    'Backlogs:': [trialCommand(), batchCommand()],
    'Holds:': [resumeCommand(), skipCommand(), abortCommand()],
    'Review:': [reviewCommand()],
    'Money:': [capCommand(), costCommand(), auditCommand()],
    'On this machine:': [demoCommand(), devCommand(), simulatorCommand()],
    'Operation:': [workerCommand(), setupCommand(), doctorCommand(), completionCommand()],
  };
  for (const [heading, commands] of Object.entries(groups)) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  inherit(program);
  return program;
}

function inherit(command: Command): void {
  command.exitOverride();
  command.showSuggestionAfterError(true);
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
