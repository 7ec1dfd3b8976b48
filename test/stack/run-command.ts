import { execFile } from 'node:child_process';
import type { NativeImage } from './image.js';
import type { NativeStack } from './native-stack.js';

export interface CommandOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

const TIMEOUT_MS = 120_000;

/** `docker compose run --rm worker …`: a command of the program in the image, with the worker's environment. */
export function runCommand(
  stack: NativeStack,
  image: NativeImage,
  args: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<CommandOutcome> {
  const [command = '', ...before] = image.entrypoint;
  const options = {
    cwd: image.workdir,
    env: { ...stack.programEnvironment('worker'), ...more },
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve) => {
    execFile(command, [...before, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}
