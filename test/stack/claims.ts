/** What must hold; all of it is told, not only the first that does not. */
export class Claims {
  private readonly broken: string[] = [];
  private kept = 0;

  constructor(
    private readonly name: string,
    private readonly say: (line: string) => void,
  ) {}

  hold(what: string, holds: boolean, found?: unknown): void {
    if (holds) this.kept += 1;
    else this.broken.push(what);
    const nothing = found === undefined || (Array.isArray(found) && found.length === 0);
    const detail = nothing ? '' : `: ${typeof found === 'string' ? found : JSON.stringify(found)}`;
    this.say(`${holds ? 'ok  ' : 'FAIL'} ${what}${detail}`);
  }

  /** @returns the exit code */
  verdict(): number {
    this.say(`${this.name}: ${this.kept} held, ${this.broken.length} broken`);
    for (const what of this.broken) this.say(`  broken: ${what}`);
    return this.broken.length === 0 ? 0 : 1;
  }
}
