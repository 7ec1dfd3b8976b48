import { fileURLToPath } from 'node:url';
import { startProcess } from './owned-process.js';

/** The Go module that pins the CLI and its dependencies; beside `src` in a clone and beside `dist` in a package. */
export const CLI_MODULE_FOLDER = fileURLToPath(new URL('../../tools/temporal', import.meta.url));
const CLI_PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
/** Measured on two cores with empty Go caches: 3.5 minutes. */
const USUAL_BUILD = 'about 4 minutes, once';
const PROGRESS_EVERY_MS = 20_000;

export interface CliBuild {
  /** "v1.5.1" */
  version: string;
  /** The output file. */
  target: string;
  /** Default `go`, from PATH. */
  goCommand?: string;
  moduleFolder?: string;
  onProgress?: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Builds the Temporal CLI with Go from the pinned module.
 * @throws Error whose message is a short reason ("Go is not installed")
 */
export async function buildTemporalCli({
  version,
  target,
  goCommand = 'go',
  moduleFolder = CLI_MODULE_FOLDER,
  onProgress,
  signal,
}: CliBuild): Promise<void> {
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const args = [
    'build',
    '-mod=readonly',
    // The flags of Temporal's own releases; they reduce the file by 80 MB.
    `-ldflags=-s -w -X github.com/temporalio/cli/temporalcli.Version=${version.replace(/^v/, '')}`,
    '-o',
    target,
    CLI_PACKAGE,
  ];
  const go = await startProcess({ name: 'go build', command: goCommand, args, cwd: moduleFolder }).catch((error) => {
    throw new Error(error.code === 'ENOENT' ? 'Go is not installed' : `Go could not be started: ${error.message}`);
  });
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    onProgress?.(`building the Temporal CLI with Go (${USUAL_BUILD}); ${seconds} s so far …`);
  }, PROGRESS_EVERY_MS);
  const abort = () => void go.stop({ graceMs: 1_000 });
  signal?.addEventListener('abort', abort, { once: true });
  onProgress?.(`building the Temporal CLI ${version} with Go (${USUAL_BUILD}) …`);
  try {
    const { code } = await go.ended;
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`go build failed (${go.lastLines().at(-1) ?? `exit code ${code}`})`);
  } finally {
    clearInterval(progress);
    signal?.removeEventListener('abort', abort);
  }
}
