/** A native module that could not be loaded: which, why, and what to do. */
export interface LoaderProblem {
  what: string;
  advice: string;
}

/** Name and purpose of each native module, by its path. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/@temporalio[/\\]core-bridge|core-bridge/, 'the Temporal SDK’s native part (@temporalio/core-bridge)'],
  [/@swc/, 'the compiler of workflow code (@swc/core)'],
];

const MUSL =
  'It is built for glibc. On Alpine Linux, or another system with musl, use an image with glibc, such as node:22-bookworm-slim.';
const REINSTALL =
  'Run `npm ci` on this machine: a node_modules folder of another system, processor or Node does not fit.';

/** Loader errors and what to do; the first match wins. */
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

/** Explains a load error, or its cause; null for other errors. */
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
