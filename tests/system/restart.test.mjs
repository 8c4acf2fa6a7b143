// SPDX-License-Identifier: Apache-2.0
// build: asan
// Pages without a browser while parts of the server die: who keeps its place, who is told what, and
// what the journal says of it. kill.test.mjs tries the same with media.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, top, until } from "./lib/stack.mjs";

let stack, hearing, judge, party, microphone;
const token = (person) => person.link.split("#")[1];
const [JUDGE, PARTY] = [0, 1];

async function arrive(person, more = {}) {
  const page = await PageSocket.open(stack);
  page.welcome = await page.ask("hello", { protocol: 1, token: token(person), ...more });
  return page;
}

/** As a page does: again and again until the server is back. */
async function comeBack(page, person) {
  await page.end();
  let back = null;
  await until("the server is back", 10, async () => {
    back = await arrive(person, { resume: page.welcome.resume }).catch(() => null);
    return back;
  });
  return back;
}

const lines = async (event) => (await stack.journal(hearing.hearing)).filter((line) => line.event === event);

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing([{ role: "judge", name: "Judge" }, { role: "party", name: "李伟" }]);
  judge = await arrive(hearing.people[JUDGE]);
  await judge.ask("join", { seats: 2 });
  await judge.ask("setState", { state: "open" });
  await judge.state("record", (event) => event.state === "on");
  party = await arrive(hearing.people[PARTY]);
  await party.ask("join", { seats: 2 });
  await judge.ask("admit", { person: hearing.people[PARTY].person });
  await party.event("room", (event) => event.room === "courtroom");
  const { source, kind, rtpParameters } = JSON.parse(await readFile(`${top}/tests/protocol/produce.json`, "utf8"));
  microphone = { source, kind, paused: false, rtpParameters };
  party.producer = (await party.ask("produce", microphone)).producer;
}, { timeout: 60_000 });

after(async () => {
  const end = await stack?.stop();
  assert.deepEqual(end, { code: 0, signal: null }, stack?.log);
  assert.doesNotMatch(stack.log, /ERROR: AddressSanitizer|runtime error:|LeakSanitizer/);
});

test("a network that fails for a moment costs nothing: same place, same media", async () => {
  party.vanish();
  await judge.event("person", (event) => event.person.person === hearing.people[PARTY].person && !event.person.connected);
  const back = await arrive(hearing.people[PARTY], { resume: party.welcome.resume });
  assert.equal(back.welcome.media, true);
  assert.equal(back.welcome.you.room, "courtroom");
  assert.equal(back.welcome.you.microphone, "on");
  assert.equal(back.welcome.resume, party.welcome.resume);
  assert.equal((await back.ask("pause", { producer: party.producer, paused: true })).type, "ok");
  assert.equal((await back.ask("pause", { producer: party.producer, paused: false })).type, "ok");
  await judge.event("person", (event) => event.person.person === hearing.people[PARTY].person && event.person.connected);
  assert.equal((await lines("person.returned")).length, 1);
  back.producer = party.producer;
  party = back;
});

test("kill -9 of signaling: people, rooms, state and media are what they were", { timeout: 30_000 }, async () => {
  // Also of whoever waits in a hearing that nobody of the court has come to yet.
  const early = await stack.hearing([{ role: "judge", name: "Judge" }, { role: "party", name: "Maria" }], { case: "(2026) Test 2" });
  let waiting = await arrive(early.people[PARTY]);
  assert.equal((await waiting.ask("join", { seats: 2 })).room, "waiting");
  await stack.kill("assize-signaling");
  waiting = await comeBack(waiting, early.people[PARTY]);
  assert.deepEqual([waiting.welcome.media, waiting.welcome.you.room, waiting.welcome.hearing.state], [true, "waiting", "scheduled"]);
  judge = await comeBack(judge, hearing.people[JUDGE]);
  const producer = party.producer;
  party = await comeBack(party, hearing.people[PARTY]);
  party.producer = producer;
  for (const page of [judge, party]) {
    assert.equal(page.welcome.media, true);
    assert.equal(page.welcome.you.room, "courtroom");
    assert.equal(page.welcome.hearing.state, "open");
  }
  assert.equal(party.welcome.you.microphone, "on");
  const seat = await judge.event("seat", (event) => event.person === hearing.people[PARTY].person);
  assert.equal(seat.audio, true);
  assert.equal((await party.ask("closeProducer", { producer })).type, "ok");
  party.producer = (await party.ask("produce", microphone)).producer;
  assert.ok(party.producer);
  const [fault] = (await lines("fault")).filter((line) => line.process === "signaling");
  assert.ok(Date.parse(fault.until) - Date.parse(fault.since) < 10_000);
  assert.equal((await lines("person.left")).length, 0);
  assert.equal((await lines("person.returned")).length, 1); // who was away because of us did not go away
});

test("kill -9 of the media core: pages are told, join again, and the journal names our fault", { timeout: 30_000 }, async () => {
  // After the restart of signaling it takes a mark of the recorder until it is on again.
  if (judge.welcome.record.state !== "on") await judge.state("record", (event) => event.state === "on");
  await stack.kill("assize-sfu");
  await judge.event("record", (event) => event.state === "lost" && event.reason === "media-core-away");
  for (const page of [judge, party]) {
    await page.event("mediaLost");
    assert.equal((await page.ask("join", { seats: 2 })).room, "courtroom");
  }
  assert.equal((await party.ask("produce", microphone)).type, "produced");
  await judge.state("record", (event) => event.state === "on");
  const [fault] = (await lines("fault")).filter((line) => line.process === "sfu");
  assert.ok(Date.parse(fault.until) - Date.parse(fault.since) < 5_000);
  assert.equal((await lines("person.joined")).length, 2); // they had never gone
});

test("kill -9 of the recorder: lost is said at once, on again once it is proven", { timeout: 30_000 }, async () => {
  const killed = Date.now();
  await stack.kill("assize-recorder");
  await party.event("record", (event) => event.state === "lost" && event.reason === "recorder-away");
  assert.ok(Date.now() - killed < 5_000);
  await party.state("record", (event) => event.state === "on");
  assert.ok((await lines("fault")).some((line) => line.process === "recorder"));
});

test("a recorder that hangs is as good as none: lost within 5 s", { timeout: 30_000 }, async () => {
  const [pid] = await stack.pids("assize-recorder");
  const stopped = Date.now();
  process.kill(pid, "SIGSTOP");
  try {
    await judge.event("record", (event) => event.state === "lost", 8);
    assert.ok(Date.now() - stopped < 5_000, `${Date.now() - stopped} ms`);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await judge.state("record", (event) => event.state === "on", 15);
});

test("a window that closes in order, one that falls silent, one that leaves: three causes", { timeout: 60_000 }, async () => {
  assert.equal((await party.ask("leave")).type, "ok");
  const [left] = await lines("person.left");
  assert.equal(left.cause, "left");
  assert.equal((await party.ask("join", { seats: 1 })).room, "courtroom"); // still admitted
  await judge.event("person", (event) => event.person.person === hearing.people[PARTY].person && event.person.room === "courtroom");
  party.vanish();
  await judge.event("person", (event) => event.person.person === hearing.people[PARTY].person && event.person.room === "outside", 45);
  const silent = (await lines("person.left")).at(-1);
  assert.equal(silent.cause, "network");
  assert.ok(Date.parse(silent.at) - Date.parse(silent.since) >= 29_000);
  party = await arrive(hearing.people[PARTY], { resume: party.welcome.resume });
  assert.equal(party.welcome.you.room, "outside");
});

test("recess stops the record, closing ends it, and only the court stays to see it made", { timeout: 60_000 }, async () => {
  await party.ask("join", { seats: 1 });
  assert.equal((await judge.ask("setState", { state: "recess" })).type, "ok");
  await judge.state("record", (event) => event.state === "off");
  assert.equal((await judge.ask("setState", { state: "open" })).type, "ok");
  await judge.state("record", (event) => event.state === "on");
  assert.equal((await judge.ask("setState", { state: "closed" })).type, "ok");
  assert.equal((await party.end()).code, 4003);
  await judge.state("record", (event) => ["rendering", "ready", "failed"].includes(event.state), 30);
  assert.equal((await lines("record.sealed")).length, 1);
  assert.equal((await judge.ask("join", { seats: 1 })).code, "wrong-state");
  assert.equal((await judge.ask("setState", { state: "open" })).code, "not-joined"); // closing put everybody outside
});

test("stopped in order: pages are told to come back", { timeout: 30_000 }, async () => {
  const [pid] = await stack.pids("assize-signaling");
  process.kill(pid, "SIGTERM");
  assert.equal((await judge.end()).code, 1001);
});
