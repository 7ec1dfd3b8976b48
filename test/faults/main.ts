/** `npm run test:faults`: every cell of the matrix on real processes, a soak with operators, a batch, and if asked for a longer soak; then the books. */
import { parseArgs } from 'node:util';
import { BATCH, runBatchGroup } from './batch-group.js';
import { VICTIMS } from './batch-scene.js';
import { LEFT_OUT, nameOf } from './crossings-matrix.js';
import type { House } from './house.js';
import { type Group, MATRIX } from './matrix.js';
import { OPERATORS, OPERATORS_HOUSE, runOperatorsSoak } from './operators-soak.js';
import { add, NOTHING, runGroups, settle, type Totals, withBooks, withMissed } from './runner.js';
import { startSharedServers } from './servers.js';
import { runSoak, SOAK_HOUSE } from './soak.js';

const USAGE = `npm run test:faults -- [soak] [options]
  soak            only the soak with operators, for --seconds
  --only TEXT     groups whose name contains TEXT; may be repeated
  --list          names of the groups and what is in them
  --lanes N       groups at a time (default 5)
  --minutes N     a random soak of N minutes, in which everything is struck, as well (default 0)
  --seconds N     of the soak in which operators send random commands (default 45; 0: none)
  --items N       of the batch during which everything is killed (default 600; 0: no batch)
  --seed N        of the batch and the soaks (default: from the clock; it is printed)
  --batch-only    only the batch
  --soak-only     only the soak of --minutes`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean' },
    lanes: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '45' },
    items: { type: 'string', default: '600' },
    seed: { type: 'string' },
    'batch-only': { type: 'boolean' },
    'soak-only': { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

/** Fewer leave no room for the strikes. */
const LEAST_ITEMS = 50;

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  if (values.help) return usage();
  const only = values.only;
  const groups = MATRIX.filter(({ name }) => only === undefined || only.some((text) => name.includes(text)));
  if (values.list) {
    for (const group of groups) {
      const cells = cellsOf(group);
      process.stdout.write(`${group.name}: ${cells.length} cells: ${cells.join('; ')}\n`);
    }
    for (const { event, state, why } of LEFT_OUT) process.stdout.write(`left out: ${event} × ${state}: ${why}\n`);
    process.stdout.write(`${BATCH}: ${values.items} items, while ${VICTIMS.join(', ')} are killed\n`);
    return 0;
  }
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const lanes = Number(values.lanes);
  const items = Number(values.items);
  const seconds = Number(values.seconds);
  const operatorsOnly = positionals[0] === 'soak';
  if (positionals.length > (operatorsOnly ? 1 : 0) || !(seconds >= 0)) return usage();
  if (!(minutes >= 0) || !Number.isInteger(seed) || !(lanes >= 1)) return usage();
  if (!Number.isInteger(items) || (items !== 0 && items < LEAST_ITEMS)) return usage();
  const [batchOnly, soakOnly] = [values['batch-only'] === true, values['soak-only'] === true];
  const all = !batchOnly && !soakOnly && !operatorsOnly;
  const named = (name: string) => only === undefined || only.some((text) => name.includes(text));
  const withBatch = batchOnly || (all && named(BATCH));
  const withOperators = operatorsOnly || (all && named(OPERATORS));

  const servers = await startSharedServers(say);
  const stop = (code: number) => void servers.stop().finally(() => process.exit(code));
  process.once('SIGINT', () => stop(130)).once('SIGTERM', () => stop(143));
  try {
    let totals = all ? await runGroups(groups, servers, lanes, say) : NOTHING;
    if (withOperators && seconds > 0) {
      const name = `${OPERATORS}, seed ${seed}`;
      const work = (house: House) => runOperatorsSoak(house, { seed, seconds });
      totals = add(totals, withMissed(name, await settle(name, servers, OPERATORS_HOUSE, () => work, say), say));
    }
    // By itself: its strikes come at shares of the batch, which other groups would only make slower.
    if (withBatch && items > 0) totals = add(totals, await runBatchGroup({ seed, items }, servers, say));
    if (minutes > 0 && (all || soakOnly)) {
      const soak = (house: House) => withBooks(house, runSoak(house, { seed, minutes }));
      const name = `soak, seed ${seed}`;
      totals = add(totals, withMissed(name, await settle(name, servers, SOAK_HOUSE, () => soak, say), say));
    }
    const { problems, wrong, ...told } = totals;
    if (!isBalanced(totals)) say(`\n${problems} problems. What is told in full above:`);
    for (const line of wrong) say(line);
    process.stdout.write(`${JSON.stringify(told)}\n`);
    return isBalanced(totals) ? 0 : 1;
  } finally {
    await servers.stop();
  }
}

function isBalanced({ duplicates, lost, budgetsPassed, leftOpen, problems }: Totals): boolean {
  return duplicates + lost + budgetsPassed + leftOpen + problems === 0;
}

function cellsOf(group: Group): readonly string[] {
  switch (group.kind) {
    case 'strikes':
      return group.moments;
    case 'vendor':
      return group.cells.map(({ name }) => name);
    case 'crossings':
      return group.cells.map(nameOf);
  }
}

function usage(): number {
  say(USAGE);
  return 2;
}

// Not by itself: what a broken group left open must not keep us.
process.exit(await main());
