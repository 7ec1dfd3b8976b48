/** Numbers that were noted lately: the newest of them, and none older than some time. */
export class Recent {
  #noted: { atMs: number; value: number }[] = [];

  /** @param now in milliseconds, on a clock that only goes forward */
  constructor(
    private readonly most: { count: number; ageMs: number },
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(value: number): void {
    this.#noted.push({ atMs: this.now(), value });
    if (this.#noted.length > this.most.count) this.#noted.shift();
  }

  /** How long ago the oldest of {@link values} was noted, in milliseconds; 0 when there are none. */
  spanMs(): number {
    this.values();
    const oldest = this.#noted[0];
    return oldest === undefined ? 0 : this.now() - oldest.atMs;
  }

  /** Oldest first. */
  values(): number[] {
    const since = this.now() - this.most.ageMs;
    this.#noted = this.#noted.filter(({ atMs }) => atMs > since);
    return this.#noted.map(({ value }) => value);
  }
}
