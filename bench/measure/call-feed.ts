import type { CallDetail } from '../../src/simulator/index.js';

/** The door's log, read piece by piece: only what is new, so that looking does not slow the simulator down. */
export class CallFeed {
  private readonly seen: CallDetail[] = [];
  /** The read under way: two at once would begin at the same place, and store its calls twice. */
  private reading: Promise<readonly CallDetail[]> = Promise.resolve([]);

  /** `from`: how many calls of before are left out. */
  constructor(
    private readonly simulatorUrl: string,
    private readonly from = 0,
  ) {}

  /** Every call so far, in the order in which they were answered. */
  async read(): Promise<readonly CallDetail[]> {
    this.reading = this.reading.catch(() => []).then(() => this.readOn());
    return await this.reading;
  }

  private async readOn(): Promise<readonly CallDetail[]> {
    const from = this.from + this.seen.length;
    const response = await fetch(`${this.simulatorUrl}/_admin/calls?detail=1&from=${from}`);
    if (!response.ok) throw new Error(`The simulator does not tell its calls: ${response.status}.`);
    for (const line of (await response.text()).split('\n')) if (line !== '') this.seen.push(JSON.parse(line));
    return this.seen;
  }

  /** A feed that begins where this one is now. */
  async fromHere(): Promise<CallFeed> {
    return new CallFeed(this.simulatorUrl, this.from + (await this.read()).length);
  }
}
