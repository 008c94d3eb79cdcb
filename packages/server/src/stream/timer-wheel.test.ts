import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "./testing/fake-clock.ts";
import { type Timed, TimerWheel, UNSCHEDULED } from "./timer-wheel.ts";

class Alarm implements Timed {
  wheelSlot = UNSCHEDULED;
  wheelIndex = 0;
  dueAt: number;
  readonly calls: number[] = [];
  readonly #onTick: (alarm: Alarm, now: number) => void;

  constructor(dueAt: number, onTick: (alarm: Alarm, now: number) => void = () => undefined) {
    this.dueAt = dueAt;
    this.#onTick = onTick;
  }

  tick(now: number): void {
    this.calls.push(now);
    this.#onTick(this, now);
  }
}

test("each is called when it is due, soon after and never before, again and again", (t) => {
  const clock = FakeClock.install(t);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 30 }), (delays) => {
      const wheel = new TimerWheel();
      const due: number[] = [];
      const alarms = delays.map((delay) => {
        const again = (alarm: Alarm, now: number) => {
          assert.ok(now >= alarm.dueAt && now - alarm.dueAt <= 50, `${now} for ${alarm.dueAt}`);
          due.push(alarm.dueAt);
          alarm.dueAt = now + delay;
        };
        return new Alarm(clock.now + delay, again);
      });
      for (const alarm of alarms) wheel.schedule(alarm);
      clock.advance(7_000);
      for (const [index, alarm] of alarms.entries()) {
        const delay = delays[index] ?? 0;
        assert.ok(alarm.calls.length >= Math.floor(7_000 / (delay + 51)), `every ${delay}: ${alarm.calls.length}`);
        wheel.remove(alarm);
      }
      assert.equal(wheel.size, 0);
      assert.equal(clock.timers, 0, "no timer runs where nothing waits");
    }),
    { numRuns: 40 },
  );
});

test("a time that is moved further away is looked at once and called for only when it has come", (t) => {
  const clock = FakeClock.install(t);
  const wheel = new TimerWheel();
  const alarm = new Alarm(clock.now + 1_000, (each, now) => {
    each.dueAt = now + 1_000;
  });
  wheel.schedule(alarm);
  for (let step = 0; step < 20; step += 1) {
    clock.advance(100);
    alarm.dueAt = clock.now + 1_000;
  }
  assert.equal(alarm.calls.length, 0);
  clock.advance(1_050);
  assert.equal(alarm.calls.length, 1);
  wheel.remove(alarm);
});

test("of thousands that are due at once some are called in each turn, until all have been", (t) => {
  const clock = FakeClock.install(t);
  const wheel = new TimerWheel();
  const at = clock.now + 100;
  const alarms = Array.from({ length: 3_000 }, () => new Alarm(at, (alarm) => wheel.remove(alarm)));
  for (const alarm of alarms) wheel.schedule(alarm);
  const perTurn: number[] = [];
  for (let before = 0; before < alarms.length; ) {
    clock.advance(25);
    const called = alarms.filter(({ calls }) => calls.length > 0).length;
    if (called > before) perTurn.push(called - before);
    before = called;
    assert.ok(clock.now < at + 1_000);
  }
  assert.ok(Math.max(...perTurn) <= 500);
  assert.ok(alarms.every(({ calls }) => calls.length === 1));
  assert.equal(wheel.size, 0);
  assert.equal(clock.timers, 0);
});

test("a call may take out any other that is due in the same turn, itself, or all of them", (t) => {
  const clock = FakeClock.install(t);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(11)), fc.boolean(), (count, victims, itself) => {
      const wheel = new TimerWheel();
      const removed = new Set<Alarm>();
      const alarms: Alarm[] = [];
      const onTick = (alarm: Alarm, now: number) => {
        assert.ok(!removed.has(alarm), "one that was taken out is called");
        alarm.dueAt = now + 500;
        for (const victim of [alarms[victims.pop() ?? -1], ...(itself ? [alarm] : [])]) {
          if (victim === undefined) continue;
          wheel.remove(victim);
          removed.add(victim);
        }
      };
      for (let index = 0; index < count; index += 1) alarms.push(new Alarm(clock.now + 40, onTick));
      for (const alarm of alarms) wheel.schedule(alarm);
      clock.advance(2_000);
      assert.equal(wheel.size, count - removed.size);
      for (const alarm of alarms) {
        if (!removed.has(alarm)) assert.ok(alarm.calls.length >= 3, "one that stayed in is called on");
        wheel.remove(alarm);
      }
      assert.equal(wheel.size, 0);
      assert.equal(clock.timers, 0);
    }),
    { numRuns: 200 },
  );
});

test("what is put in by a call, due at once, is called in its turn", (t) => {
  const clock = FakeClock.install(t);
  const wheel = new TimerWheel();
  const second = new Alarm(0, (alarm) => wheel.remove(alarm));
  const first = new Alarm(clock.now + 100, (alarm, now) => {
    wheel.remove(alarm);
    second.dueAt = now;
    wheel.schedule(second);
  });
  const other = new Alarm(clock.now + 60_000);
  wheel.schedule(first);
  wheel.schedule(other);
  clock.advance(1_000);
  assert.equal(second.calls.length, 1);
  wheel.remove(other);
});
