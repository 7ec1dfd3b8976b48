/** A part of a dependency that is machine code could not be loaded: which one, why, and what helps. */
export interface LoaderProblem {
  what: string;
  advice: string;
}

/** The part's name by its path, and what it is for. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/@temporalio[/\\]core-bridge|core-bridge/, 'the Temporal SDK’s native part (@temporalio/core-bridge)'],
  [/@swc/, 'the compiler of workflow code (@swc/core)'],
];

const MUSL =
  'It is built for glibc. On Alpine Linux, or another system with musl, use an image with glibc, such as node:22-bookworm-slim.';
const REINSTALL =
  'Run `npm ci` on this machine: a node_modules folder of another system, processor or Node does not fit.';

/** What the loader of native code says, with what to do about it; the first that fits is taken. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/ld-linux|ld-musl|libc\.musl|musl/i, MUSL],
  [
    /GLIBC_[\d.]+|GLIBCXX_[\d.]+/,
    'This system is older than what it was built on: take a newer one, such as Debian 12, or a newer image.',
  ],
  [/invalid ELF header|wrong ELF class|Exec format|incompatible architecture|mach-o|not a valid Win32/i, REINSTALL],
  [/NODE_MODULE_VERSION|was compiled against a different Node/i, REINSTALL],
  [/cannot open shared object file|Error loading shared library/i, 'Install the system package that has this library.'],
];

/** Of an error that was thrown while code was loaded, or its cause; null: it is something else. */
export function loaderProblem(error: unknown): LoaderProblem | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, message } = at as NodeJS.ErrnoException;
    const fromLoader =
      code === 'ERR_DLOPEN_FAILED' ||
      /Failed to load native binding|No prebuilt module|Unsupported platform|Error loading shared library|cannot open shared object file/i.test(
        message,
      );
    if (!fromLoader) continue;
    const said = [message, ...causesOf(at)].join(' ');
    const part = PARTS.find(([pattern]) => pattern.test(`${said} ${at.stack ?? ''}`))?.[1] ?? 'a part of a dependency';
    const advice = REASONS.find(([pattern]) => pattern.test(said))?.[1] ?? REINSTALL;
    return { what: `This machine cannot load ${part}: ${message}`, advice };
  }
  return null;
}

function causesOf(error: Error): string[] {
  const { cause } = error;
  const causes: unknown[] = Array.isArray(cause) ? cause : cause === undefined ? [] : [cause];
  return causes.map((each) => (each instanceof Error ? each.message : String(each)));
}
