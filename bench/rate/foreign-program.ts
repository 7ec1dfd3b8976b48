/** A foreign program on the same account: submits evenly, retries nothing. Arguments: endpoint, calls a second. */
import { COLLEAGUE } from '../../test/faults/house.js';
import { SAMPLE_FILE_ID, submitErase, vodClient } from '../../test/support/simulator.js';

const [url = '', perSecond = ''] = process.argv.slice(2);
const client = vodClient(url, COLLEAGUE);
const intervalMs = 1_000 / Number(perSecond);
let nextMs = Date.now();

function call(): void {
  // A refusal is not its concern.
  submitErase(client, SAMPLE_FILE_ID).catch(() => undefined);
  nextMs += intervalMs;
  setTimeout(call, Math.max(0, nextMs - Date.now()));
}
call();
