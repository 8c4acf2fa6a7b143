// SPDX-License-Identifier: Apache-2.0
// A party whose line carries 64 kbit/s up: the page gives its picture up so that its sound holds, says so to its
// person and to the court, and sends the picture again when its person wants it tried on a line that carries it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { heard, seen, tonesIn } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, addresses, until } from "./lib/stack.mjs";

const THIN_BPS = 64_000;
/** Over so much of the other's sound we say how much of it was made up, in samples: 8 s. */
const SAMPLES = 8 * 48_000;

let stack, link, judge, party, clerk;
const browsers = [];

before(async () => {
  stack = await Stack.start({ workers: 1 });
  link = await LossyLink.to(addresses()[0], stack.mediaPort);
  const hearing = await stack.hearing([
    { role: "judge", name: "Judge Okafor" },
    { role: "party", name: "李伟" },
    { role: "clerk", name: "Anna" },
  ]);
  for (const n of [0, 1]) browsers.push(await Browser.launch("chromium", n));
  judge = await Person.arrive(browsers[0], hearing.people[0]);
  party = await Person.arrive(browsers[1], hearing.people[1], { prepare: link.prepare });
  await judge.join();
  await party.join();
  await judge.press("open-hearing");
  await judge.admit(party);
  await party.sees("page-courtroom", 20);
  clerk = await PageSocket.open(stack);
  assert.equal((await clerk.ask("hello", { protocol: 1, token: new URL(hearing.people[2].link).hash.slice(1) })).type, "welcome");
  assert.equal((await clerk.ask("join", { seats: 1 })).type, "joined");
  assert.equal((await clerk.ask("watchConnections", { on: true })).type, "ok");
}, { timeout: 120_000 });

after(async () => {
  clerk?.vanish();
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  link?.close();
});

/** The judge sees the party move. */
async function isSeen(seconds) {
  let first;
  await until("the judge sees the party move", seconds, async () => {
    const picture = (await seen(judge.page, COUNTER, COUNTER_BITS))[party.id];
    first ??= picture;
    return picture && first && picture.counter !== first.counter;
  });
}

const isHeard = () => until("the judge hears the party", 20, async () => (tonesIn(await heard(judge.page, TONES)).get(party.browser.tone) ?? 0) >= 30);

/** Of the party, as the clerk was told last. */
const camera = () => clerk.events.findLast(({ type, person }) => type === "person" && person.person === party.id)?.person.camera;
const thinLine = () => clerk.events.findLast(({ type, people }) => type === "connections" && people?.some(({ person }) => person === party.id))
  ?.people.find(({ person }) => person === party.id).thinLine;

/** The party's sound at the judge so far, and how much of it was made up. */
async function sound() {
  const { seats } = await judge.stats();
  const { audio } = seats.find(({ person }) => person === party.id);
  return { samples: audio.samples, concealed: audio.concealedSamples };
}

test("a line that carries sound alone is given sound alone; all are told", { timeout: 120_000 }, async () => {
  await isSeen(20);
  await isHeard();
  link.rateUp = THIN_BPS;
  const since = Date.now();
  await party.shows('[data-testid="unsent"]', 60);
  console.log(`the picture is given up after ${Date.now() - since} ms`);
  await until("the court is told", 10, () => camera() === "off" && thinLine() === true);
  await party.shows('[data-testid="advice"][data-advice="thin"]');
  await isHeard();
  const before = await sound();
  await until("8 s of sound", 30, async () => (await sound()).samples >= before.samples + SAMPLES);
  const after = await sound();
  const madeUp = (after.concealed - before.concealed) / (after.samples - before.samples);
  console.log(`of its sound then ${(madeUp * 100).toFixed(1)} % is made up`);
  assert.ok(madeUp < 0.2, "with a picture beside it, it is 28 %");
});

test("and the picture is sent again when it is tried on a wider one, and stays", { timeout: 90_000 }, async () => {
  link.rateUp = Infinity;
  const since = Date.now();
  await party.press("try-picture");
  await party.page.waitForSelector('[data-testid="unsent"]', { hidden: true, timeout: 10_000 });
  await isSeen(30);
  console.log(`seen again ${Date.now() - since} ms after it was tried`);
  await until("the court is told", 10, () => camera() === "on" && thinLine() === false);
  const frames = async () => (await judge.stats()).seats.find(({ person }) => person === party.id)?.video.frames ?? 0;
  const before = await frames();
  await until("100 frames more", 30, async () => (await frames()) >= before + 100);
  assert.equal(await party.page.$('[data-testid="unsent"]'), null);
  await isHeard();
  for (const { page } of [judge, party]) assert.deepEqual(page.complaints, []);
});
