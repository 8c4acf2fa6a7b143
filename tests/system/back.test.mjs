// SPDX-License-Identifier: Apache-2.0
// Coming back without a click: a page that is loaded again (Firefox and Chromium), and a device that slept
// until nothing of it was connected any more. A network that goes or changes: net.test.mjs. Our own
// processes: kill.test.mjs.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { heard, tonesIn } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor" },
  { role: "party", name: "李伟" },
  { role: "lawyer", name: "Maria Rossi" },
];

let stack, hearing, judge, lawyer, sleeper;
const browsers = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  [judge, sleeper] = await Promise.all([arrive(0, "chromium"), arrive(1, "chromium")]);
  for (const person of [judge, sleeper]) await person.join();
  await judge.press("open-hearing");
  await admitted(sleeper);
}, { timeout: 120_000 });

after(async () => {
  wake();
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

async function arrive(n, kind) {
  browsers[n] = await Browser.launch(kind, n);
  return Person.arrive(browsers[n], hearing.people[n]);
}

async function admitted(person) {
  await judge.admit(person);
  await person.sees("page-courtroom", 20);
  await Promise.all([hear(judge, [person]), hear(person, [judge])]);
}

const hear = (viewer, others, seconds = 15) =>
  until(`${viewer.name} hears ${others.map(({ name }) => name)}`, seconds, async () => {
    const tones = tonesIn(await heard(viewer.page, TONES));
    return others.every(({ browser }) => tones.has(browser.tone));
  });

const lines = async (event, person) =>
  (await stack.journal(hearing.hearing)).filter((line) => line.event === event && line.person === person.id);

/** A browser's processes: the first and all below it. */
function tree(pid) {
  const children = new Map();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)))
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) . /, "").split(" ")[0]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended.
    }
  const below = (one) => [one, ...(children.get(one) ?? []).flatMap(below)];
  return below(pid);
}

let asleep = [];
function sleep(browser) {
  asleep = tree(browser.puppeteer.process().pid);
  for (const pid of asleep) process.kill(pid, "SIGSTOP");
}
function wake() {
  for (const pid of asleep.reverse()) process.kill(pid, "SIGCONT");
  asleep = [];
}

/** How a person's own page and the others' show them. */
async function shown(person, viewer) {
  const [own, there] = await Promise.all([
    person.page.evaluate(() => Object.fromEntries(["microphone", "camera", "raise-hand"].map((name) =>
      [name, document.querySelector(`[data-testid="${name}"]`)?.dataset.on]))),
    viewer.page.evaluate((id) => {
      const tile = document.querySelector(`[data-testid="tile"][data-person="${id}"]`);
      return [tile?.dataset.seat, tile?.dataset.microphone, !!tile?.querySelector('[data-testid="hand"]')];
    }, person.id),
  ]);
  return { own, there };
}

test("a sleep of half a minute and more, and meanwhile another's page loaded again: all are back where they were", { timeout: 150_000 }, async () => {
  const slept = Date.now();
  sleep(browsers[1]);
  lawyer = await arrive(2, "firefox");
  await lawyer.join();
  await admitted(lawyer);

  // Firefox first, then the judge: as they were, a camera off and a hand up.
  await lawyer.press("camera");
  await lawyer.press("raise-hand");
  await judge.shows(`[data-testid="tile"][data-person="${lawyer.id}"] [data-testid="hand"]`);
  const own = JSON.stringify({ microphone: "true", camera: "false", "raise-hand": "true" });
  let before;
  await until("the lawyer's own page shows it too", 5, async () =>
    JSON.stringify((before = await shown(lawyer, judge)).own) === own);
  for (const [person, other] of [[lawyer, judge], [judge, lawyer]]) {
    const began = Date.now();
    await person.page.reload({ waitUntil: "domcontentloaded" });
    await person.sees("page-courtroom", 15);
    await Promise.all([hear(person, [other]), hear(other, [person])]);
    console.log(`${person.browser.kind}: loaded again, sound both ways after ${Date.now() - began} ms`);
    assert.equal((await lines("person.left", person)).length, 0);
  }
  await until("the lawyer is as before", 5, async () =>
    JSON.stringify(await shown(lawyer, judge)) === JSON.stringify(before));

  // Until the connection is closed from our side (TIME_SILENT of signaling/ws.c) and consent to media is over.
  await judge.openPanel();
  await judge.shows(`[data-testid="person"][data-person="${sleeper.id}"][data-connected="false"]`, 45);
  wake();
  const woke = Date.now();
  await Promise.all([hear(sleeper, [judge, lawyer], 30), hear(judge, [sleeper, lawyer], 30)]);
  console.log(`awake after ${woke - slept} ms, sound both ways ${Date.now() - woke} ms later`);
  assert.equal((await lines("person.left", sleeper)).length, 0);
  assert.deepEqual((await shown(sleeper, judge)).own, { microphone: "true", camera: "true", "raise-hand": "false" });
  for (const { page } of [judge, lawyer, sleeper]) assert.deepEqual(page.complaints, []);
});
