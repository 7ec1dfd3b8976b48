import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { SimulatedClock } from '../../src/simulator/clock.js';
import type { Task } from '../../src/simulator/task.js';
import { endMs, TaskScheduler } from '../../src/simulator/task-scheduler.js';

class ManualClock extends SimulatedClock {
  ms = 1_700_000_000_000;
  override now(): number {
    return this.ms;
  }
}

function newTask(seq: number, createdMs: number, durationMs: number): Task {
  return {
    seq,
    taskId: `task ${seq}`,
    kind: 'ProcessMediaByMPS',
    subAppId: 1,
    fileId: String(seq % 3),
    requestId: '',
    createdMs,
    eligibleMs: createdMs,
    durationMs,
    startedMs: null,
    finishMs: null,
    abortedMs: null,
    endSeq: null,
    listedMs: createdMs,
    subTasks: [],
    resultFileIds: [],
    failure: null,
    silent: null,
    procedureName: null,
    sessionId: '',
    sessionContext: '',
  };
}

type Step = { kind: 'submit'; durationMs: number } | { kind: 'wait'; ms: number } | { kind: 'abort'; which: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('submit' as const), durationMs: fc.integer({ min: 0, max: 100 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 120 }) }),
    fc.record({ kind: fc.constant('abort' as const), which: fc.nat(30) }),
  ),
  { maxLength: 60 },
);

function play(run: Step[], places: number, lookOften: boolean) {
  const clock = new ManualClock();
  const scheduler = new TaskScheduler(clock, places, { started() {}, ended() {} });
  const aborted: boolean[] = [];
  for (const step of run) {
    if (step.kind === 'submit') scheduler.submit(newTask(scheduler.nextSeq, clock.ms, step.durationMs));
    else if (step.kind === 'abort') {
      const task = scheduler.all[step.which];
      if (task) aborted.push(scheduler.abort(task));
    } else {
      const until = clock.ms + step.ms;
      while (lookOften && clock.ms < until) {
        clock.ms++;
        scheduler.advance();
      }
      clock.ms = until;
    }
  }
  scheduler.advance();
  return { scheduler, clock, aborted };
}

it('comes to the same whether it is looked at each millisecond or only when asked', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (run, places) => {
      const often = play(run, places, true);
      const seldom = play(run, places, false);
      expect(seldom.scheduler.all).toEqual(often.scheduler.all);
      expect(seldom.aborted).toEqual(often.aborted);
    }),
  );
});

it('never has more tasks in hand than places, starts them in order, and keeps no place empty while one waits', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (run, places) => {
      const { scheduler, clock } = play(run, places, false);
      const begun = scheduler.all.filter(({ startedMs }) => startedMs !== null);
      const starts = begun.map(({ startedMs }) => startedMs ?? 0);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      const inHand = (at: number) =>
        begun.filter(({ startedMs, finishMs }) => (startedMs ?? 0) <= at && at < (finishMs ?? 0)).length;
      for (const at of starts) expect(inHand(at)).toBeLessThanOrEqual(places);
      if (scheduler.all.some((task) => scheduler.status(task) === 'WAITING')) expect(inHand(clock.ms)).toBe(places);
      const ends = scheduler.indexOf(1).ended.map((task) => endMs(task) ?? 0);
      expect(ends).toEqual([...ends].sort((a, b) => a - b));
    }),
  );
});

it('goes on after its tasks were put back as if it had never stopped', () => {
  fc.assert(
    fc.property(steps, steps, fc.integer({ min: 1, max: 4 }), (before, after, places) => {
      const whole = play([...before, ...after], places, false).scheduler.all;
      const { scheduler, clock } = play(before, places, false);
      const restored = new TaskScheduler(clock, places, { started() {}, ended() {} });
      restored.restore(structuredClone(scheduler.all));
      for (const step of after) {
        if (step.kind === 'submit') restored.submit(newTask(restored.nextSeq, clock.ms, step.durationMs));
        else if (step.kind === 'wait') clock.ms += step.ms;
        else if (restored.all[step.which]) restored.abort(restored.all[step.which] as Task);
      }
      restored.advance();
      expect(restored.all).toEqual(whole);
    }),
  );
});

it('tells of each start and each end once', () => {
  const clock = new ManualClock();
  const events = { started: vi.fn(), ended: vi.fn() };
  const scheduler = new TaskScheduler(clock, 2, events);
  for (let seq = 1; seq <= 5; seq++) scheduler.submit(newTask(seq, clock.ms, 10));
  clock.ms += 1000;
  scheduler.advance();
  scheduler.advance();
  expect(events.started.mock.calls.map(([task]) => task.seq)).toEqual([1, 2, 3, 4, 5]);
  expect(events.ended.mock.calls.map(([task]) => task.seq)).toEqual([1, 2, 3, 4, 5]);
});
