// SPDX-License-Identifier: Apache-2.0
// kill -9 of each process in mid-hearing: what goes on, what comes back by itself, and what the
// journal and the record say of it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { Browser, TONES } from "./lib/browser.mjs";
import { heard, tonesIn } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { counters, longestDip, longestHole, output, sound } from "./lib/recording.mjs";
import { missing, rtpOf } from "./lib/tape.mjs";
import { Stack, build, until } from "./lib/stack.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor" },
  { role: "party", name: "Maria Rossi" },
];

let stack, hearing;
const browsers = [];
const people = [];
const RATE = 16000;
const recorderKilled = []; // when, ms since 1970
let coreKilled;

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  for (const number of PEOPLE.keys()) {
    browsers.push(await Browser.launch("chromium", number));
    people.push(await Person.arrive(browsers[number], hearing.people[number]));
    await people[number].join();
  }
  await people[0].press("open-hearing");
  await people[0].admit(people[1]);
  await people[1].sees("page-courtroom");
  await bothHear(10);
  await people[0].waitState("record", "on", 5);
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

function bothHear(seconds) {
  return Promise.all(
    people.map((person, n) =>
      until(`${person.name} hears the other`, seconds, async () =>
        tonesIn(await heard(person.page, TONES)).has(TONES[1 - n]),
      ),
    ),
  );
}

async function audioPackets(person) {
  const { seats } = await person.stats();
  return seats.map((s) => s.audio?.packets ?? 0).reduce((a, b) => a + b, 0);
}

/** Everybody has been sent so many seconds more of the others' sound (a packet is 20 ms). */
async function hearMore(seconds) {
  const before = await Promise.all(people.map(audioPackets));
  await until(`${seconds} s more are heard`, seconds + 8, async () =>
    (await Promise.all(people.map(audioPackets))).every((n, i) => n >= before[i] + seconds * 50),
  );
}

const lines = (event) => async () => {
  const found = (await stack.journal(hearing.hearing)).filter((line) => line.event === event);
  return found.length ? found : null;
};

test("the recorder: everybody learns it, it comes back, on record again", { timeout: 60_000 }, async () => {
  await hearMore(3);
  for (let i = 0; i < 3; i++) {
    recorderKilled.push(Date.now());
    await stack.kill("assize-recorder");
    await people[1].waitState("record", "on", 8);
    await bothHear(5);
    await hearMore(1);
  }
  await hearMore(3);
});

test("signaling: media goes on, the pages reconnect, the hearing is as it was", { timeout: 60_000 }, async () => {
  const before = await Promise.all(people.map(audioPackets));
  await stack.kill("assize-signaling");
  const during = await Promise.all(people.map(audioPackets));
  await until("media went on", 5, async () => {
    const now = await Promise.all(people.map(audioPackets));
    return now.every((n, i) => n > during[i] + 25);
  });
  assert.ok(during.every((n, i) => n >= before[i]));
  for (const person of people) {
    await until(`${person.name} is connected again`, 15, () =>
      person.page.evaluate(() => !document.querySelector('[data-testid="link-lost"]')),
    );
    assert.equal(await person.state("hearing-state"), "open");
  }
  // What signaling carries works again: a hand goes up here and shows there.
  await people[1].press("raise-hand");
  await people[0].shows(`[data-testid="tile"][data-person="${people[1].id}"] [data-testid="hand"]`);
  await people[0].waitState("record", "on", 8);
  const [fault] = (await until("the journal names the fault", 5, lines("fault"))).filter((l) => l.process === "signaling");
  assert.ok(fault, "a fault line of signaling");
});

test("the media core: everyone is back with sound within 5 s, the gap is our fault in the journal", { timeout: 60_000 }, async () => {
  coreKilled = Date.now();
  await stack.kill("assize-sfu");
  const began = Date.now();
  await bothHear(5);
  console.log(`sound again ${Date.now() - began} ms after the media core ran again`);
  const faults = await until("the journal names the fault", 5, async () =>
    (await lines("fault")())?.filter((line) => line.process === "sfu"),
  );
  assert.ok(faults.some((line) => line.since && line.until), JSON.stringify(faults));
  // And for each voice and picture how long it was missed.
  await until("the journal names each gap", 5, async () => {
    const gaps = ((await lines("media.gap")()) ?? []).filter((line) => Date.parse(line.since) >= began - 2000);
    for (const gap of gaps) assert.ok(Date.parse(gap.until) - Date.parse(gap.since) < 10_000, JSON.stringify(gap));
    return people.every(({ id }) =>
      ["microphone", "camera"].every((source) => gaps.some((gap) => gap.person === id && gap.source === source)),
    );
  });
  await people[0].waitState("record", "on", 8);
});

test("the record has everything the media core put on the ring", { timeout: 90_000 }, async () => {
  await people[0].press("close-hearing");
  await people[0].press("close-question-yes");
  await people[0].waitState("record-progress", "ready", 60);
  const dir = join(stack.dir, "records", hearing.hearing);
  const { stdout } = await output(join(build, "recorder/assize-verify"), [dir]);
  console.log(stdout.toString());
  assert.equal(await stack.metric("assize_ring_dropped_total"), 0);
});

/** The record's own account of itself. */
async function manifest() {
  return JSON.parse(await readFile(join(stack.dir, "records", hearing.hearing, "manifest.json"), "utf8"));
}

test("over the instants at which the recorder was killed no packet is missing, and tone and picture go on", { timeout: 90_000 }, async () => {
  const { started, files } = await manifest();
  const dir = join(stack.dir, "records", hearing.hearing);
  // From two seconds before the first to three after the last; the media core lived through it.
  const from = (recorderKilled[0] - Date.parse(started)) / 1000 - 2;
  const to = (recorderKilled.at(-1) - Date.parse(started)) / 1000 + 3;
  assert.ok(from > 0 && to < (coreKilled - Date.parse(started)) / 1000, `${from} to ${to}`);
  const taped = await rtpOf(join(dir, "tape-000000.tape"));
  for (const [n, person] of people.entries()) {
    for (const kind of ["audio", "video"]) {
      // A picture is on tape in a track for each layer that was the best in its time.
      const lost = taped
        .filter((one) => one.peer === person.id && one.kind === kind)
        .map(({ packets }) => missing(packets, Date.parse(started) + from * 1000, Date.parse(started) + to * 1000))
        .filter((count) => count !== Infinity);
      assert.ok(lost.length > 0, `${person.name}: no ${kind}`);
      assert.deepEqual(lost.filter((count) => count > 0), [], `${person.name}: ${kind}`);
    }
    const track = files.find((file) => file.participant === person.id);
    const file = join(dir, track.file);
    // A browser short of its processor stands still by itself: "unsent", no number is missing.
    const gaps = track.gaps.filter((gap) => gap.from < to && gap.to > from);
    assert.deepEqual(gaps.filter((gap) => gap.why !== "unsent"), [], person.name);
    const { usual, longest } = longestDip(await sound(file, RATE), RATE, TONES[n], from, to);
    const [pictures] = await counters(file);
    const hole = longestHole(pictures, from, to);
    console.log(`${person.name}: tone ${usual.toFixed(0)} dB, lowered for ${(longest * 1000).toFixed(0)} ms at most, ` +
      `longest time without a new frame ${hole.toFixed(2)} s, from ${from.toFixed(1)} to ${to.toFixed(1)} s, unsent ${JSON.stringify(gaps)}`);
    assert.ok(usual > -40, `${person.name}: no tone (${usual} dB)`);
    assert.ok(longest <= 0.5, `${person.name}: silent for ${longest} s`);
    assert.ok(hole <= 1, `${person.name}: ${hole} s without a new frame`);
  }
});
