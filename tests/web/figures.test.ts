// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { percent, rate, wordsIn } from "../../web-client/src/connections-text.ts";
import { noLoad } from "../../web-client/src/effort.ts";
import { findingsOf, grown, linesOf, markOf, noPast, parseKept, thinned } from "../../web-client/src/figures.ts";
import type { Figures } from "../../web-client/src/figures.ts";
import { inCourt, settle } from "./court.ts";
import { message } from "./samples.ts";

const event = message("connections.json", "connections");
const li = "0123456789abcdef";

function figures(change: object = {}): Figures {
  const one = grown(noPast, [{ ...(event.people[0] as object), ...change }]).people.get(li)?.[0];
  assert.ok(one);
  return one;
}

/** Good in every way, `seconds` after nine o'clock. */
function well(seconds: number, change: object = {}): object {
  const at = new Date(Date.UTC(2026, 10, 22, 9) + seconds * 1000).toISOString();
  return { ...(event.past?.[1] as object), at, ...change };
}

test("what the server tells is read in full, with who it is", () => {
  const past = grown(noPast, [...(event.past ?? []), ...event.people]);
  assert.deepEqual(past.names.get(li), { name: "Li Wei", role: "party" });
  const [before, now] = past.people.get(li) ?? [];
  assert.equal(before?.at, Date.UTC(2026, 10, 22, 9, 31, 50));
  assert.deepEqual(now?.down, { bps: 310000, loss: 80, jitterMs: 12, pictures: 1, held: 1, height: 180 });
  assert.deepEqual(now?.up.layers, [0, 2]);
  assert.equal(now?.path, "unknown");
});

test("what is damaged, doubled or out of order is left out", () => {
  const odd = [null, 7, "x", [], {}, { ...well(1), cut: "yes" }, { ...well(1), up: { bps: -1 } }, { ...well(1), person: "x" }, { ...well(1), at: "then" }];
  assert.deepEqual(grown(noPast, odd).people, new Map());
  const past = grown(grown(noPast, [well(10)]), [well(10), well(5), well(20)]);
  assert.deepEqual(past.people.get(li)?.map(({ at }) => at % 60_000), [10_000, 20_000]);
  const kept = parseKept(`${JSON.stringify(well(1))}\n{"at":\n\n${JSON.stringify(well(2))}\n{"at":"2026`);
  assert.equal(kept.people.get(li)?.length, 2);
});

test("what is remembered of one person is bounded; of a file everything is shown", () => {
  const many = Array.from({ length: 900 }, (_, n) => well(n * 2));
  assert.equal(grown(noPast, many).people.get(li)?.length, 600);
  assert.equal(grown(noPast, many).people.get(li)?.[599]?.at, Date.UTC(2026, 10, 22, 9) + 899 * 2000);
  assert.equal(parseKept(many.map((one) => JSON.stringify(one)).join("\n")).people.get(li)?.length, 900);
});

test("a connection is judged in words, the gravest first", () => {
  assert.deepEqual(findingsOf(figures()).map(({ kind }) => kind), ["losesDown", "held"]);
  assert.deepEqual(findingsOf(figures(well(1))), []);
  assert.deepEqual(["bad", "poor", "good", "good", "unknown", "unknown"],
    [1, 2, 3, 4, 0, 9].map((quality) => markOf(figures(well(1, { quality })))));
  const worst = figures({
    ...well(1), cut: true, microphone: "silent", rttMs: 900, quality: 1, estimateBps: 90000, soundOnly: true, overloaded: true, thinLine: true, path: "relay-tls",
    up: { bps: 1, loss: 120, jitterMs: 1, layers: [], height: 0 }, down: { bps: 1, loss: 31, jitterMs: 1, pictures: 0, held: 2, height: 0 },
  });
  assert.equal(markOf(worst), "cut");
  assert.deepEqual(findingsOf(worst), [
    { kind: "cut" }, { kind: "silent" }, { kind: "losesUp", n: 12 }, { kind: "losesDown", n: 3.1 }, { kind: "late", n: 900 }, { kind: "slow", n: 90000 },
    { kind: "held", n: 2 }, { kind: "soundOnly" }, { kind: "thinLine" }, { kind: "overloaded" }, { kind: "relay" },
  ]);
  // A line of which little is used is not known to be slow.
  assert.deepEqual(findingsOf(figures(well(1, { estimateBps: 90000 }))), []);
  for (const language of ["en", "zh-Hans"] as const) {
    const words = wordsIn(language);
    for (const finding of findingsOf(worst)) assert.ok(words.finding[finding.kind]("n" in finding ? finding.n : 0).length > 3);
  }
  assert.match(wordsIn("en").finding.losesDown(8), /^They miss 8% of what we send/);
  assert.equal(percent("en", 0.4), "0.4%");
  assert.equal(percent("en", 12.3), "12%");
  assert.equal(rate("en", 380_400), "380 kbit/s");
  assert.equal(rate("en", 1_400_000), "1.4 Mbit/s");
});

test("of a long hearing each point is the worst of its time: a bad moment is never smoothed away", () => {
  const bad = { ...(well(1) as { down: object }).down, loss: 500 };
  const all = parseKept(Array.from({ length: 1440 }, (_, n) => JSON.stringify(well(n * 10, n === 777 ? { down: bad, quality: 1, cut: true } : {}))).join("\n")).people.get(li) ?? [];
  const points = thinned(all, 240);
  assert.ok(points.length <= 240 && points.length > 200, String(points.length));
  assert.deepEqual(points.filter(({ down }) => down.loss === 500).map(markOf), ["cut"]);
  assert.equal(points[points.length - 1]?.at, all[all.length - 1]?.at);
  assert.equal(thinned(all.slice(0, 5), 240).length, 5);
  assert.deepEqual(thinned([], 240), []);
});

test("a graph is broken where nothing is known", () => {
  const all = parseKept([0, 10, 20, 200, 210].map((at) => JSON.stringify(well(at))).join("\n")).people.get(li) ?? [];
  const first = all[0]?.at ?? 0;
  const lines = linesOf(all, (one) => one.up.bps, 128000, first, first + 210_000, 60_000);
  assert.deepEqual(lines.map((line) => line.length), [3, 2]);
  assert.deepEqual(lines[1]?.[1], [1, 0.5]);
});

test("who watches is told, and again after a lost connection; who does not is asked for nothing", async () => {
  const court = await inCourt();
  const asked = () => court.asked.filter(({ type }) => type === "watchConnections").map(({ on }) => on);
  await court.later();
  assert.deepEqual(asked(), []);
  let told = 0;
  const stop = court.session.watchConnections(() => { told += 1; });
  await court.later();
  assert.deepEqual(asked(), [true]);
  const before = court.session.store.get();
  court.say(event);
  assert.equal(told, 1);
  assert.equal(court.session.store.get(), before, "nothing else is drawn anew");
  court.cut();
  await court.later();
  await settle();
  await court.later();
  assert.deepEqual(asked(), [true, true]);
  stop();
  await court.later();
  assert.deepEqual(asked(), [true, true, false]);
  court.cut();
  await court.later();
  await settle();
  await court.later();
  assert.equal(asked().length, 3);
});

test("an overloaded device is told to the court, once", async () => {
  const court = await inCourt();
  const asked = () => court.asked.filter(({ type }) => type === "device").map(({ overloaded }) => overloaded);
  await court.later();
  assert.deepEqual(asked(), []);
  court.last.loads = { ...noLoad, limit: "cpu" };
  for (let look = 0; look < 4; look++) await court.session.look();
  await court.later();
  assert.deepEqual(asked(), [true]);
});
