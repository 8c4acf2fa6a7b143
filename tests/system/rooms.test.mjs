// SPDX-License-Identifier: Apache-2.0
// The rules of the courtroom in the media plane: who meets in private is heard there alone and on no
// tape; a microphone that the court closes stays closed whatever its page does; a screen keeps one
// from one; a recess is silent, and stays so until each opens on purpose. One tone a person.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";
import { stubborn } from "./lib/stubborn.mjs";
import { rtpOf } from "./lib/tape.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor", browser: "chromium" },
  { role: "lawyer", name: "Ines Duarte", browser: "chromium", side: 1 },
  { role: "party", name: "李伟", browser: "firefox", side: 1 },
  { role: "party", name: "Maria Rossi", browser: "chromium", side: 2 },
];
const [JUDGE, LAWYER, CLIENT, OTHER] = [0, 1, 2, 3];

let stack, hearing, judge, lawyer, client, other;
const browsers = [];
const people = [];
/** Stretches in which somebody's packets must not be on the tape: [{of, from, to}], ms since 1970. */
const offTape = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  for (const [n, { browser }] of PEOPLE.entries()) {
    browsers.push(await Browser.launch(browser, n));
    people.push(await Person.arrive(browsers[n], hearing.people[n], { prepare: [stubborn] }));
    await people[n].join();
  }
  [judge, lawyer, client, other] = people;
  for (const person of [lawyer, client, other]) {
    await judge.admit(person);
    await person.sees("page-courtroom");
  }
  await judge.press("open-hearing");
  await judge.waitState("record", "on");
}, { timeout: 180_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

/** By number: `listener` hears the tones of `speakers` and no other. */
const hears = (listener, speakers) => people[listener].hears(speakers.map((n) => people[n]));

const row = (of) => `[data-testid="person"][data-person="${of.id}"]`;

/** Whom each hears, by number. */
async function allHear(who) {
  for (const [n, speakers] of Object.entries(who)) await hears(Number(n), speakers);
}

const EVERYBODY = { 0: [1, 2, 3], 1: [0, 2, 3], 2: [0, 1, 3], 3: [0, 1, 2] };

/** Asks people into a room by the dialog. */
async function meet(by, kind, asked) {
  await by.press("meet");
  await by.sees("meet-dialog");
  if (await by.page.$(`[data-testid="meet-${kind}"]`)) await by.press(`meet-${kind}`);
  for (const one of asked) await by.press(`meet-person"][data-person="${one.id}`);
  await by.press("meet-ask");
}

async function panelAction(of, action) {
  await judge.openPanel();
  await judge.pressIn(row(of), "more");
  await judge.pressIn(row(of), action);
}

/** Runs `act`, and remembers that nothing of these people may be on the tape of the while. */
async function offRecord(of, act) {
  const from = Date.now() + 300; // what was under way when it began
  await act();
  for (const one of of) offTape.push({ of: one, from, to: Date.now() - 100 });
}

const lines = async (event) => (await stack.journal(hearing.hearing)).filter((line) => line.event === event);

test("in the open courtroom each hears the others", { timeout: 60_000 }, () => allHear(EVERYBODY));

test("the judge sends lawyer and client to a consultation: they hear each other, nobody else does, no tape has them", { timeout: 120_000 }, async () => {
  await meet(judge, "consultation", [lawyer, client]);
  for (const one of [lawyer, client]) {
    await one.sees("asked");
    await one.press("enter-aside");
    await one.sees("page-aside");
  }
  await allHear({ 0: [OTHER], 1: [CLIENT], 2: [LAWYER], 3: [JUDGE] });
  await offRecord([lawyer, client], async () => {
    const before = await other.arrived();
    await until("a while of it", 20, async () => (await other.arrived()) > before + 500, 200);
    await allHear({ 0: [OTHER], 1: [CLIENT], 2: [LAWYER], 3: [JUDGE] });
  });
  assert.equal(await lawyer.state("record"), "aside");
  assert.equal((await lines("room.opened")).length, 1);
  assert.deepEqual((await lines("person.moved")).map(({ person, room, number }) => [person, room, number]),
    [lawyer, client].map(({ id }) => [id, "consultation", 1]));
});

test("they come back on purpose, and all hear all", { timeout: 60_000 }, async () => {
  for (const one of [lawyer, client]) {
    await one.press("come-back");
    await one.sees("page-courtroom");
  }
  await allHear(EVERYBODY);
});

test("a locked microphone is heard by nobody, whatever its page does", { timeout: 90_000 }, async () => {
  await lawyer.page.evaluate(() => { window.stubborn = true; });
  await panelAction(lawyer, "lock-person");
  await allHear({ 0: [CLIENT, OTHER], 2: [JUDGE, OTHER], 3: [JUDGE, CLIENT] });
  await lawyer.shows('[data-testid="microphone"][aria-disabled="true"]');
  const from = Date.now() + 300;
  const before = await judge.arrived();
  await until("a while of it", 20, async () => (await judge.arrived()) > before + 500, 200);
  await hears(JUDGE, [CLIENT, OTHER]);
  offTape.push({ of: lawyer, kind: "audio", from, to: Date.now() - 100 });
  await lawyer.page.evaluate(() => { window.stubborn = false; });
  await panelAction(lawyer, "lock-person");
  await lawyer.press("microphone");
  await allHear(EVERYBODY);
});

test("one has the floor: the others are closed, the judge is not", { timeout: 90_000 }, async () => {
  await panelAction(other, "floor-person");
  await allHear({ 0: [OTHER], 1: [JUDGE, OTHER], 2: [JUDGE, OTHER], 3: [JUDGE] });
  await other.sees("has-floor");
  await judge.press("open-floor");
  for (const one of [lawyer, client]) await one.press("microphone");
  await allHear(EVERYBODY);
});

test("a screen keeps the client from the other side alone", { timeout: 90_000 }, async () => {
  await panelAction(other, "screen-person");
  await judge.sees("screen-dialog");
  await judge.page.select(`[data-testid="screen-from"][data-person="${client.id}"]`, "both");
  await judge.press("screens-done");
  await allHear({ 0: [LAWYER, CLIENT, OTHER], 2: [JUDGE, LAWYER, OTHER], 3: [JUDGE, LAWYER] });
  await other.sees("screened");
  const seat = (await other.stats()).seats.find(({ person }) => person === client.id);
  const packets = (seat?.audio?.packets ?? 0) + (seat?.video?.packets ?? 0);
  const before = await other.arrived();
  await until("a while of it", 20, async () => (await other.arrived()) > before + 300, 200);
  const later = (await other.stats()).seats.find(({ person }) => person === client.id);
  assert.equal((later?.audio?.packets ?? 0) + (later?.video?.packets ?? 0), packets);
  await panelAction(other, "screen-person");
  await judge.page.select(`[data-testid="screen-from"][data-person="${client.id}"]`, "none");
  await judge.press("screens-done");
  await allHear(EVERYBODY);
});

test("a recess is silent; lawyer and client talk in private; afterwards nobody is heard who did not open on purpose", { timeout: 120_000 }, async () => {
  await judge.press("recess");
  for (const person of people) await person.sees("recess-screen");
  await allHear({ 0: [], 1: [], 2: [], 3: [] });
  await meet(lawyer, "consultation", [client]);
  await lawyer.sees("page-aside");
  await client.press("enter-aside");
  await client.sees("page-aside");
  for (const one of [lawyer, client]) await one.press("microphone");
  await allHear({ 0: [], 1: [CLIENT], 2: [LAWYER], 3: [] });
  for (const one of [lawyer, client]) {
    await one.press("come-back");
    await one.sees("page-courtroom");
  }
  await judge.press("resume");
  await judge.waitState("hearing-state", "open");
  await judge.press("microphone");
  await allHear({ 1: [JUDGE], 2: [JUDGE], 3: [JUDGE], 0: [] });
  for (const one of [lawyer, client, other]) await one.press("microphone");
  await allHear(EVERYBODY);
});

test("the tape has nothing of what was said in private or with a closed microphone", { timeout: 60_000 }, async () => {
  const taped = await rtpOf(join(stack.dir, "records", hearing.hearing, "tape-000000.tape"));
  assert.ok(taped.length >= 8, "everybody's sound and picture are on it");
  assert.ok(offTape.length > 0);
  for (const { of, kind, from, to } of offTape) {
    assert.ok(to > from, "a stretch of time");
    for (const track of taped.filter((one) => one.peer === of.id && (!kind || one.kind === kind)))
      assert.deepEqual(track.packets.filter(({ wallMs }) => wallMs >= from && wallMs <= to), [], `${of.name}, ${track.kind}`);
  }
});

test("nobody's page complained", () => {
  for (const person of people) assert.deepEqual(person.page.complaints, [], person.name);
});
