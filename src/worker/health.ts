/** Readiness checks by name: each resolves when its part is available, and rejects otherwise. */
export type Checks = Readonly<Record<string, () => Promise<unknown>>>;

export interface Readiness {
  ready: boolean;
  /** State of each part. No foreign error text, since the endpoint is public. */
  checks: Record<string, 'ok' | 'failing' | 'starting' | 'draining'>;
}

/** Time limit of a check, in milliseconds: a part that hangs counts as failing. */
const DEADLINE_MS = 2_000;
/** How long a result is cached, in milliseconds: concurrent probes share one check. */
const FRESH_MS = 1_000;

/** Whether this process accepts work: only between {@link Health.started} and {@link Health.drain}. */
export class Health {
  #checks: Checks | undefined;
  #draining = false;
  #fresh: { readiness: Promise<Readiness>; untilMs: number } | undefined;

  get draining(): boolean {
    return this.#draining;
  }

  started(checks: Checks): void {
    this.#checks = checks;
    this.#fresh = undefined;
  }

  drain(): void {
    this.#draining = true;
  }

  /** Never rejects. */
  async readiness(): Promise<Readiness> {
    if (this.#draining) return { ready: false, checks: { worker: 'draining' } };
    if (this.#checks === undefined) return { ready: false, checks: { worker: 'starting' } };
    const nowMs = performance.now();
    if (this.#fresh === undefined || nowMs > this.#fresh.untilMs) {
      this.#fresh = { readiness: lookAt(this.#checks), untilMs: nowMs + FRESH_MS };
    }
    const readiness = await this.#fresh.readiness;
    // Draining may have started during the check.
    return this.#draining ? { ready: false, checks: { worker: 'draining' } } : readiness;
  }
}

async function lookAt(checks: Checks): Promise<Readiness> {
  const looked = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, (await passes(check)) ? 'ok' : 'failing'] as const),
  );
  return { ready: looked.every(([, state]) => state === 'ok'), checks: Object.fromEntries(looked) };
}

async function passes(check: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, DEADLINE_MS, false);
  });
  const passed = Promise.resolve()
    .then(check)
    .then(
      () => true,
      () => false,
    );
  try {
    return await Promise.race([passed, late]);
  } finally {
    clearTimeout(timer);
  }
}
