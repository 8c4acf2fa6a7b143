// SPDX-License-Identifier: Apache-2.0
// The evidence as people meet it: a witness takes the oath in its own language; an objection closes its
// microphone in the media core within 300 ms, whatever its page does; the judge rules; the room is locked.
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
  { role: "witness", name: "张伟", browser: "chromium" },
  { role: "lawyer", name: "Theo Late", browser: "firefox", side: 2 },
];
const [JUDGE, LAWYER, WITNESS, LATE] = [0, 1, 2, 3];
/** From the key to the last packet of the witness that the media core passes on, as the tape has it. */
const HELD_WITHIN_MS = 300;

let stack, hearing, judge, lawyer, witness;
const browsers = [];
const people = [];

async function arrives(n) {
  browsers.push(await Browser.launch(PEOPLE[n].browser, n));
  return Person.arrive(browsers.at(-1), hearing.people[n], n === WITNESS ? { prepare: [stubborn] } : {});
}

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE, { objectionHolds: true });
  for (const n of [JUDGE, LAWYER, WITNESS]) {
    people.push(await arrives(n));
    await people[n].join();
  }
  [judge, lawyer, witness] = people;
  await witness.press("language");
  for (const person of [lawyer, witness]) await judge.admit(person);
  for (const person of [lawyer, witness]) await person.sees("page-courtroom", 20);
  await judge.press("open-hearing");
  await judge.waitState("hearing-state", "open");
}, { timeout: 180_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

const hears = (listener, speakers) => people[listener].hears(speakers.map((n) => people[n]));
const row = (of) => `[data-testid="person"][data-person="${of.id}"]`;
const lines = async (event) => (await stack.journal(hearing.hearing)).filter((line) => line.event === event);

test("a witness takes the oath in its own language, and is under oath until the judge releases it", { timeout: 90_000 }, async () => {
  await hears(LAWYER, [JUDGE, WITNESS]);
  await judge.openPanel();
  await judge.pressIn(row(witness), "swear-oath");
  await witness.sees("oath");
  const words = await witness.page.$eval('[data-testid="oath"]', (box) => box.textContent);
  assert.match(words, /[\u4e00-\u9fff]{10,}/);
  await judge.shows(`${row(witness)} [data-testid="oath-state"][data-sworn="false"]`);
  await witness.press("oath-said");
  await witness.sees("under-oath");
  await judge.shows(`${row(witness)} [data-testid="oath-state"][data-sworn="true"]`);
  const [sworn] = await lines("person.sworn");
  assert.deepEqual([sworn.person, sworn.form, sworn.language], [witness.id, "oath", "zh-Hans"]);
  await witness.page.reload();
  await witness.sees("under-oath", 30);
  await hears(LAWYER, [JUDGE, WITNESS]);
});

/** Packets of the witness's sound that have arrived at the lawyer's page. */
async function packets() {
  const { seats } = await lawyer.stats();
  return seats.find(({ person }) => person === witness.id)?.audio?.packets ?? 0;
}

/** Packets of the sound of this person on the tape, which has what the media core passes on. */
async function taped(person) {
  const tracks = await rtpOf(join(stack.dir, "records", hearing.hearing, "tape-000000.tape"));
  return tracks.filter(({ peer, kind }) => peer === person.id && kind === "audio").flatMap(({ packets }) => packets);
}

test("an objection closes the witness's microphone in the media core within 300 ms, although its page goes on", { timeout: 90_000 }, async () => {
  await witness.page.evaluate(() => { window.stubborn = true; });
  await lawyer.shows('[data-testid="object"]');
  const pressedMs = await lawyer.page.evaluate(() => {
    document.querySelector('[data-testid="object"]').click();
    return Date.now();
  });
  for (const person of people) await person.sees("objections");
  const still = await packets();
  await hears(JUDGE, [LAWYER]);
  assert.equal(await packets(), still);
  assert.equal((await lines("objection.raised")).length, 1);
  const untilMs = Date.now();
  await until("the tape has the judge's sound of now", 10, async () => (await taped(judge)).some(({ wallMs }) => wallMs > untilMs), 200);
  const heard = (await taped(witness)).map(({ wallMs }) => wallMs).filter((wallMs) => wallMs <= untilMs);
  const heldMs = Math.round(Math.max(...heard) - pressedMs);
  console.log(`the last packet of the witness passed on came ${heldMs} ms after the key`);
  assert.ok(heard.some((wallMs) => wallMs > pressedMs - 500), "it was heard until then");
  assert.ok(heldMs <= HELD_WITHIN_MS, `${heldMs} ms`);
  await witness.page.evaluate(() => { window.stubborn = false; });
});

test("the judge rules; the witness speaks again by its own hand", { timeout: 90_000 }, async () => {
  await judge.press("rule-overruled");
  for (const person of people) await person.shows('[data-testid="ruling"][data-ruling="overruled"]');
  const [ruled] = await lines("objection.ruled");
  assert.deepEqual([ruled.number, ruled.ruling, ruled.by], [1, "overruled", judge.id]);
  await witness.press("microphone");
  await hears(LAWYER, [JUDGE, WITNESS]);
  await lawyer.press("object");
  await lawyer.press("objection-withdraw");
  await judge.shows('[data-testid="ruling"][data-ruling="withdrawn"]');
});

test("whom the court puts in the spotlight everybody sees above the rest", { timeout: 60_000 }, async () => {
  await judge.pressIn(row(witness), "more");
  await judge.pressIn(row(witness), "spotlight-person");
  for (const person of people) await person.shows(`.screens [data-testid="tile"][data-person="${witness.id}"]`);
  await lawyer.shows(`.screens [data-testid="tile"][data-person="${witness.id}"] [data-testid="picture"][data-visible="true"]`);
  await judge.pressIn(row(witness), "more");
  await judge.pressIn(row(witness), "spotlight-person");
  for (const person of people) await person.shows(`.area [data-testid="tile"][data-person="${witness.id}"]`);
});

test("a locked room lets in nobody new, and says so; unlocked, it does", { timeout: 90_000 }, async () => {
  await judge.press("lock-room");
  await judge.shows('[data-testid="lock-room"][aria-pressed="true"]');
  const late = await arrives(LATE);
  await late.press("join", 15);
  await late.shows('[data-notice="failed"][data-code="room-locked"]', 15);
  await late.sees("page-lobby");
  await judge.press("lock-room");
  await judge.shows('[data-testid="lock-room"][aria-pressed="false"]');
  await late.press("join", 15);
  await late.sees("page-waiting", 20);
  assert.deepEqual((await stack.journal(hearing.hearing)).filter(({ event }) => /^hearing\.(un)?locked$/.test(event)).map(({ event }) => event),
    ["hearing.locked", "hearing.unlocked"]);
});

test("the court marks a second, releases the witness, and puts out with a reason", { timeout: 60_000 }, async () => {
  await judge.page.type('[data-testid="mark-words"]', "Exhibit 3");
  await judge.press("mark-send");
  await until("the mark stands in the journal", 10, async () => (await lines("mark"))[0]?.words === "Exhibit 3");
  await judge.pressIn(row(witness), "release-person");
  await until("it is not under oath any more", 10, async () => (await witness.page.$('[data-testid="under-oath"]')) === null);
  await judge.pressIn(row(lawyer), "remove");
  await judge.page.type('[data-testid="remove-reason"]', "Shouted");
  await judge.press("remove-question-yes");
  await until("the reason stands in the journal", 10, async () => (await lines("person.removed"))[0]?.reason === "Shouted");
});
