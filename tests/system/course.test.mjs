// SPDX-License-Identifier: Apache-2.0
// The course of a hearing as people meet it: it opens only once every party has agreed to be heard online,
// and says whose word is missing; in camera the public receives not one packet; a suspension says why.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor", browser: "chromium" },
  { role: "party", name: "Maria Rossi", browser: "chromium", side: 1 },
  { role: "party", name: "李伟", browser: "firefox", side: 2 },
  { role: "observer", name: "Daily Courier", browser: "chromium" },
];
const [JUDGE, FIRST, SECOND, PUBLIC] = [0, 1, 2, 3];

let stack, hearing, judge, first, second, observer;
const browsers = [];
const people = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE, { consent: true });
  for (const [n, { browser }] of PEOPLE.entries()) {
    browsers.push(await Browser.launch(browser, n));
    people.push(await Person.arrive(browsers[n], hearing.people[n]));
    await people[n].join();
  }
  [judge, first, second, observer] = people;
}, { timeout: 180_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

/** By number: `listener` hears the tones of `speakers` and no other. */
const hears = (listener, speakers) => people[listener].hears(speakers.map((n) => people[n]));

/** What the judge is told when the hearing does not open. */
async function refusal() {
  await judge.openPanel();
  await judge.press("open-hearing");
  await judge.shows('[data-notice="failed"][data-code="missing"]');
  const words = await judge.page.$eval('[data-notice="failed"]', (notice) => notice.textContent);
  await judge.page.$eval('[data-notice="failed"] button', (button) => button.click());
  await judge.page.waitForFunction(() => !document.querySelector('[data-notice="failed"]'));
  return words;
}

/** The judge gives a reason in a dialog. */
async function because(button, dialog, reason) {
  await judge.openPanel();
  await judge.press(button);
  await judge.sees(dialog);
  await judge.page.type('[data-testid="reason"]', reason);
  await judge.press("reason-yes");
}

const lines = async (event) => (await stack.journal(hearing.hearing)).filter((line) => line.event === event);

test("without consent the hearing does not open, and says whose is missing", { timeout: 60_000 }, async () => {
  const both = await refusal();
  assert.match(both, /Maria Rossi/);
  assert.match(both, /李伟/);
  await first.sees("consent");
  await first.press("consent-yes");
  await first.shows('[data-testid="consent"][data-consent="given"]');
  const one = await refusal();
  assert.doesNotMatch(one, /Maria Rossi/);
  assert.match(one, /李伟/);
  assert.equal((await lines("hearing.opened")).length, 0);
});

test("withdrawn it is missing again; with everybody's the hearing opens", { timeout: 60_000 }, async () => {
  await second.press("consent-yes");
  await second.shows('[data-testid="consent"][data-consent="given"]');
  await first.press("consent-no");
  await first.shows('[data-testid="consent"][data-consent="withdrawn"]');
  assert.match(await refusal(), /Maria Rossi/);
  await first.press("consent-yes");
  await first.shows('[data-testid="consent"][data-consent="given"]');
  await judge.press("open-hearing");
  await judge.waitState("hearing-state", "open");
  await first.page.waitForFunction(() => !document.querySelector('[data-testid="consent"]'));
  assert.equal((await lines("consent.given")).length, 3);
});

test("in camera the public receives not one packet while the others go on, through a recess too", { timeout: 120_000 }, async () => {
  for (const person of [first, second, observer]) {
    await judge.admit(person);
    await person.sees("page-courtroom");
  }
  await hears(PUBLIC, [JUDGE, FIRST, SECOND]);
  await because("doors", "in-camera-dialog", "To protect a child.");
  await judge.waitState("hearing-state", "in-camera");
  await observer.sees("in-camera-note");
  await hears(PUBLIC, []);
  const before = await observer.arrived();
  const others = await first.arrived();
  await until("a while of it", 20, async () => (await first.arrived()) > others + 500, 200);
  assert.equal(await observer.arrived(), before);
  await hears(FIRST, [JUDGE, SECOND]);
  await judge.waitState("record", "on");
  await judge.press("recess");
  await observer.sees("recess-screen");
  await judge.press("resume");
  await judge.waitState("hearing-state", "in-camera");
  for (const person of [judge, first, second]) await person.press("microphone");
  await hears(FIRST, [JUDGE, SECOND]);
  await hears(PUBLIC, []);
  await judge.press("doors");
  await judge.waitState("hearing-state", "open");
  await hears(PUBLIC, [JUDGE, FIRST, SECOND]);
  const [line] = await lines("hearing.in-camera");
  assert.equal(line.reason, "To protect a child.");
  assert.equal(line.by, judge.id);
});

test("a suspension silences everybody and says why, until it is resumed", { timeout: 90_000 }, async () => {
  await because("suspend", "suspend-dialog", "The interpreter has lost the connection.");
  for (const [n, person] of people.entries()) {
    await person.sees("recess-screen");
    await person.waitState("hearing-state", "suspended");
    assert.match(await person.page.$eval('[data-testid="course-reason"]', (line) => line.textContent), /The interpreter has lost/);
    await hears(n, []);
  }
  await judge.press("resume");
  await judge.waitState("hearing-state", "open");
  await judge.press("microphone");
  await hears(PUBLIC, [JUDGE]);
});

test("nobody's page complained", () => {
  for (const person of people) assert.deepEqual(person.page.complaints, [], person.name);
});
