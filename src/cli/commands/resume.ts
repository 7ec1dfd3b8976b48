import { Command } from 'commander';
import type { EraseClient, RetryDecision } from '../../client.js';
import { batchWorkflowId } from '../../contract/batch.js';
import { EXIT } from '../../contract/error-classes.js';
import { type Breaker, type BreakerScope, scopesOf } from '../../ledger/holds/breaker.js';
import type { HoldFilter, HoldRecord } from '../../ledger/holds/hold-store.js';
import type { Ledger } from '../../ledger/index.js';
import type { Cap, CapScope } from '../../ledger/money/cap.js';
import { refuseOtherNamespace } from '../batch/control.js';
import { outputOf, withClient } from '../command-context.js';
import { Exit, UsageError } from '../exit.js';
import { decideAll, decideOne, decisionOf, filterOf, type HoldOptions, withHoldOptions, withLedger } from '../holds.js';
import { duration } from '../option-parsers.js';
import type { Output } from '../output.js';

const DEFAULT_PROBE_TIMEOUT_MS = 180_000;
const LOOK_EVERY_MS = 250;
/** Holds of these classes may have been paid for, so each is released only by its id, after an operator has checked it. */
const ONE_BY_ONE = ['uncertain'];

/** Upper limit of the count of erases that stay held. */
const MOST_COUNTED = 100_000;

type ResumeOptions = HoldOptions & { probeTimeout: number; task?: string };

export function resumeCommand(): Command {
  return withHoldOptions(
    new Command('resume').description('let held erases go on, once one of them shows that it works'),
  )
    .option('--probe-timeout <time>', 'how long the first one may take', duration, DEFAULT_PROBE_TIMEOUT_MS)
    .option('--task <taskId>', "the vendor's task of a submit in doubt: it is taken over, and nothing is submitted")
    .addHelpText(
      'after',
      '\nWhere a breaker is open, one erase goes first. Only when the vendor takes it do the others follow, within the rate;\n' +
        'when it is refused again all others stay held, and the exit code is 7.\n' +
        'An erase that may have been paid for (class uncertain) is resumed only by its id. One that a cap holds is held again\n' +
        'where the cap leaves no room for it; when a cap has nothing left, that is said, and the exit code is 10.\n\n' +
        'Examples:\n  smart-erase resume --all --reason "the bill is paid"\n' +
        '  smart-erase resume --sub-app-id 1500000001 --reason "policy corrected"\n' +
        '  smart-erase resume erase/key/order-17 --reason "looked in the console: no task"\n' +
        '  smart-erase resume erase/key/order-17 --task 1500000001-ProcessMediaByMPS-0123abcd --reason "seen in the console"',
    )
    .action(async (id: string | undefined, options: ResumeOptions, command: Command) => {
      const output = outputOf(command);
      const named = filterOf(id, options);
      const many: HoldFilter = { ...named, exceptClasses: ONE_BY_ONE, exceptStopped: true };
      const filter = id === undefined ? many : named;
      if (options.task !== undefined && id === undefined) {
        throw new UsageError('--task is the task of one erase.', 'Give its workflow id.');
      }
      const decision: RetryDecision = { ...decisionOf(options), ...(options.task && { taskId: options.task }) };
      await withLedger((ledger) =>
        withClient(async (client) => {
          if (options.batch !== undefined) await refuseOtherNamespace(ledger, options.batch);
          await ledger.audit.write({
            action: 'resume',
            subject: id ?? (await subjectOf(options)),
            by: decision.by,
            reason: decision.reason,
            details: options.task === undefined ? null : { taskId: options.task },
          });
          const openOnes = async () => (id === undefined ? await concerned(ledger, options) : []);
          await tryBreakers({ output, ledger, client, decision, filter }, await openOnes(), options.probeTimeout);
          const full = (await ledger.caps.list()).filter(({ leftUsd }) => leftUsd === 0);
          const heldByCap = new Set<CapScope>();
          const released = await decideAll(ledger.holds, client, filter, 'retry', decision, {
            onHold: (hold) => {
              if (hold.class === 'cap') heldByCap.add('all').add(`sub-app/${hold.subAppId}`);
            },
            onProgress: ({ done }) => output.say(`resumed ${done}`),
          });
          const left =
            id === undefined ? await ledger.holds.list({ ...named, classes: ONE_BY_ONE, limit: MOST_COUNTED }) : [];
          output.one({ resumed: released.done, gone: released.gone, oneByOne: left.length }, [
            { heading: 'Resumed', of: (row) => String(row.resumed) },
            { heading: 'Not held any more', of: (row) => (row.gone === 0 ? null : String(row.gone)) },
            { heading: 'Still held', of: (row) => (row.oneByOne === 0 ? null : String(row.oneByOne)) },
          ]);
          sayOneByOne(output, left);
          if (released.done === 0 && id !== undefined) {
            throw new UsageError(`${id} is not held.`, 'Look at it with `smart-erase status`.');
          }
          const [again] = await openOnes();
          if (again !== undefined) refusedAgain(output, again);
          sayHeldAgain(
            output,
            full.filter(({ scope }) => heldByCap.has(scope)),
          );
        }),
      );
    });
}

function sayOneByOne(output: Output, [first]: readonly HoldRecord[]): void {
  if (first === undefined) return;
  output.say(
    'What is still held may have been paid for (class uncertain): look for its task, then resume it by its id:',
  );
  output.say(`smart-erase status ${first.workflowId}`);
}

/** @throws Exit 10 when the caps of resumed erases have nothing left, so that those are held again */
function sayHeldAgain(output: Output, full: readonly Cap[]): void {
  if (full.length === 0) return;
  for (const { scope, period, limitUsd } of full) {
    output.say(`The cap ${scope}/${period} of ${limitUsd} USD has nothing left: what it holds is held again.`);
  }
  output.say('Raise it with `smart-erase cap set`, then resume again.');
  throw new Exit(EXIT.capReached);
}

interface Resume {
  output: Output;
  ledger: Ledger;
  client: EraseClient;
  decision: RetryDecision;
  filter: HoldFilter;
}

/**
 * Closes the breakers, and releases one erase of each until the vendor has answered.
 *
 * @throws Exit 7 when a breaker is open again, 8 when there is no answer in time
 */
async function tryBreakers(resume: Resume, breakers: readonly Breaker[], timeoutMs: number): Promise<void> {
  const { output, ledger, decision } = resume;
  const closed: { breaker: Breaker; at: Date }[] = [];
  // Close all before the first trial: a breaker still open would stop the erase that tests another.
  for (const breaker of breakers) closed.push({ breaker, at: await ledger.breakers.close(breaker, decision) });
  for (const { breaker, at } of closed) {
    const { scope, code } = breaker;
    output.say(`The breaker ${scope} was open (${code}), and is closed now; one erase goes first.`);
    const answer = await tryOne(resume, { scope, since: at, timeoutMs });
    if (answer === 'nobody') {
      output.say(`No erase is held by ${scope}: the next submit shows whether it works.`);
      continue;
    }
    if (answer === 'none') {
      output.say(`The vendor has not answered for ${Math.round(timeoutMs / 1000)} s; the erase goes on.`);
      throw new Exit(EXIT.stillRunning);
    }
    if (answer !== 'taken') refusedAgain(output, answer);
    output.say(`The vendor took it: ${scope} stays closed.`);
  }
}

/** @throws Exit 7 */
function refusedAgain(output: Output, { code, message }: Breaker): never {
  output.say(`Refused again (${code}): ${message}`);
  output.say('All others stay held. Put the account right, then resume again.');
  throw new Exit(EXIT.accountBlocked);
}

async function subjectOf({ subAppId, batch }: HoldOptions): Promise<string> {
  if (batch !== undefined) {
    const { loadPrefix } = await import('../../config/temporal-settings.js');
    return batchWorkflowId(batch, loadPrefix(process.env));
  }
  return subAppId === undefined ? 'all' : `sub-app/${subAppId}`;
}

/** The open breakers that affect the selected holds; those of other sub-applications are ignored. */
async function concerned(ledger: Ledger, { subAppId, batch }: HoldOptions): Promise<Breaker[]> {
  const breakers = await ledger.breakers.list();
  if (subAppId === undefined && batch === undefined) return breakers;
  const subAppIds = subAppId !== undefined ? [subAppId] : await ledger.batchFeed.subAppIds(batch as string);
  const scopes = subAppIds.flatMap(scopesOf);
  return breakers.filter(({ scope }) => scopes.includes(scope));
}

/** Releases the erase that is tried first; null where the breaker holds none. */
async function releaseOne(
  { ledger, client, decision, filter }: Resume,
  scope: BreakerScope,
): Promise<HoldRecord | null> {
  const ofScope = scope === 'account' ? {} : { subAppId: Number(scope.slice('sub-app/'.length)) };
  // An erase held by a cap may be held again before it submits.
  const exceptClasses = [...ONE_BY_ONE, 'cap'];
  // An erase held in publishing does not submit again, so it cannot test the breaker.
  for (const hold of await ledger.holds.list({ ...filter, ...ofScope, exceptClasses, stage: 'submit' })) {
    if (await decideOne(ledger.holds, client, hold, 'retry', decision)) return hold;
  }
  return null;
}

interface Try {
  scope: BreakerScope;
  /** When the breaker was closed. */
  since: Date;
  timeoutMs: number;
}

/** Releases one erase. If it ends or is held for another reason before a vendor call, releases the next. */
async function tryOne(resume: Resume, wanted: Try): Promise<Breaker | 'taken' | 'none' | 'nobody'> {
  for (;;) {
    const first = await releaseOne(resume, wanted.scope);
    if (first === null) return 'nobody';
    const answer = await firstAnswer(resume, first, wanted);
    if (answer !== 'notAsked') return answer;
  }
}

/** An open breaker; or whether the vendor accepted a submit, was not asked, or has not answered in time. */
async function firstAnswer(
  { ledger, client }: Resume,
  first: HoldRecord,
  { scope, since, timeoutMs }: Try,
): Promise<Breaker | 'taken' | 'notAsked' | 'none'> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    // Read before the ledger: an ended submit has its outcome there by then.
    const isOver = await hasLeftItsSubmit(client, first);
    const open = await ledger.breakers.findOpen(first.subAppId);
    if (open !== null) return open;
    if (await ledger.breakers.takenSince(scope, since, first)) return 'taken';
    if (isOver) return 'notAsked';
    if (performance.now() >= deadlineMs) return 'none';
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** True when the erase ended or is held for another reason, so that no submit will follow. */
async function hasLeftItsSubmit(client: EraseClient, { workflowId }: HoldRecord): Promise<boolean> {
  const { EraseNotFoundError } = await import('../../errors.js');
  try {
    const { phase, held } = await client.getHandle(workflowId).status();
    return phase !== 'submitting' && (phase !== 'held' || held?.class === 'cap' || held?.class === 'uncertain');
  } catch (error) {
    if (error instanceof EraseNotFoundError) return true;
    throw error;
  }
}
