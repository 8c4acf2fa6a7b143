// SPDX-License-Identifier: Apache-2.0
// What a page shows of somebody's connection: a party whose link loses packets is seen to have a poor one
// by the judge and by the party, in both languages, and a good one again when it loses none. The clerk sees what
// is wrong with it within 5 s, nobody without a part in the court does, and what it was like stays as evidence.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { Person } from "./lib/people.mjs";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, addresses, until } from "./lib/stack.mjs";

const WORDS = {
  en: { 1: "Connection very poor", 2: "Connection poor", 4: "Connection very good" },
  "zh-Hans": { 1: "网络状况很差", 2: "网络状况较差", 4: "网络状况很好" },
};

const DIRECT = { en: ", direct", "zh-Hans": "，直接连接" };

let stack, link, hearing, judge, clerk, party;
const browsers = [];

before(async () => {
  stack = await Stack.start({ workers: 1 });
  link = await LossyLink.to(addresses()[0], stack.mediaPort);
  hearing = await stack.hearing([
    { role: "judge", name: "Judge Okafor" },
    { role: "party", name: "李伟" },
    { role: "clerk", name: "陈静" },
    { role: "clerk", name: "Anna" },
    { role: "lawyer", name: "Lea" },
  ]);
  for (const n of [0, 1]) browsers.push(await Browser.launch("chromium", n));
  judge = await Person.arrive(browsers[0], hearing.people[0]);
  party = await Person.arrive(browsers[1], hearing.people[1], { prepare: link.prepare });
  await judge.join();
  await party.join();
  await judge.press("open-hearing");
  await judge.admit(party);
  await party.sees("page-courtroom", 20);
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  link?.close();
});

/** What `viewer` is shown of somebody's connection: the bars' number and the words, in tile and list. */
function shown(viewer, of) {
  return viewer.page.evaluate((person) =>
    ["tile", "person"].map((where) => {
      const mark = document.querySelector(`[data-testid="${where}"][data-person="${person}"] [data-testid="quality"]`);
      if (!mark) return null;
      return { bars: mark.querySelectorAll(".full").length, said: mark.querySelector(".sr").textContent, title: mark.title };
    }), of.id);
}

/** Waits until both see the party's connection as one of `wanted`, in the words of their languages. */
async function bothSee(wanted, languages) {
  for (const [viewer, language] of [[judge, languages[0]], [party, languages[1]]])
    await until(`${viewer.name} is shown a connection of ${wanted}`, 30, async () => {
      const marks = (await shown(viewer, party)).filter(Boolean);
      if (!marks.length || !marks.every(({ bars }) => wanted.includes(bars))) return false;
      for (const { bars, said, title } of marks) {
        const way = said.slice(WORDS[language][bars].length);
        assert.deepEqual([said, title], [WORDS[language][bars] + way, said]);
        assert.ok(["", DIRECT[language]].includes(way), `by which way it comes, once that is known: ${way}`);
      }
      return true;
    });
}

async function speak(viewer, language) {
  await until(`${viewer.name}'s page speaks ${language}`, 10, () =>
    viewer.page.evaluate((wanted) => {
      if (document.documentElement.lang === wanted) return true;
      document.querySelector('[data-testid="language"]').click();
      return false;
    }, language));
}

test("a link that loses nothing is very good", { timeout: 60_000 }, async () => {
  await bothSee([4], ["en", "en"]);
  assert.ok(link.passed > 100 && link.lost === 0, "the party's media goes through the relay");
});

test("one that loses a fifth is poor, in both languages, and only that one", { timeout: 90_000 }, async () => {
  link.loss = 0.2;
  await bothSee([1, 2], ["en", "en"]);
  await speak(judge, "zh-Hans");
  await bothSee([1, 2], ["zh-Hans", "en"]);
  // What the party's packets lost on their way is missing at the judge too, but not by the judge's link.
  await until("the judge's own is as good as ever", 30, async () => {
    const own = (await shown(party, judge)).filter(Boolean);
    return own.length > 0 && own.every(({ bars }) => bars >= 3);
  });
  assert.ok(link.lost > 0);
});

test("and very good again when it loses nothing any more", { timeout: 60_000 }, async () => {
  link.loss = 0;
  await speak(party, "zh-Hans");
  await bothSee([4], ["zh-Hans", "zh-Hans"]);
});

/** With ASSIZE_TEST_PICTURES, the clerk's page as a phone and a desk show it, in both languages. */
async function pictures(what) {
  const to = process.env.ASSIZE_TEST_PICTURES;
  if (!to) return;
  for (const width of [360, 1280])
    for (const language of ["en", "zh-Hans"]) {
      await clerk.page.setViewport({ width, height: width < 1000 ? 740 : 800 });
      await speak(clerk, language);
      await clerk.page.evaluate((of) => {
        for (const details of document.querySelectorAll(`${of} details`)) details.open = true;
        document.querySelector(of).scrollIntoView();
      }, line(party));
      await clerk.page.screenshot({ path: join(to, `connections-${what}-${width}-${language}.png`) });
    }
  await speak(clerk, "en");
}

/** What a request by this person's link takes with it. */
async function cookieOf({ link: address }) {
  const headers = { "Content-Type": "application/json", Origin: stack.base, Host: new URL(stack.base).host };
  const body = JSON.stringify({ token: new URL(address).hash.slice(1) });
  const answer = await stack.get("/api/session", { method: "POST", headers, body });
  assert.equal(answer.status, 204);
  return { headers: { Cookie: answer.headers["set-cookie"][0].split(";")[0] } };
}

/** A scripted page of this person, with a place. */
async function scripted({ link: address }) {
  const page = await PageSocket.open(stack);
  assert.equal((await page.ask("hello", { protocol: 1, token: new URL(address).hash.slice(1) })).type, "welcome");
  assert.equal((await page.ask("join", { seats: 1 })).type, "joined");
  return page;
}

const line = (of) => `[data-testid="connection"][data-person="${of.id}"]`;
const worst = (samples, way) => Math.max(...samples.map((one) => one[way].loss));

/** The second clerk, and all that it was told of the party live. */
let watcher;
const live = () =>
  watcher.events.flatMap(({ type, people }) => (type === "connections" ? people : [])).filter(({ person }) => person === party.id);

test("the clerk sees what is wrong within 5 s, in words first, with figures behind them", { timeout: 90_000 }, async () => {
  clerk = await Person.arrive(browsers[0], hearing.people[2], { window: true });
  await clerk.join();
  await speak(clerk, "en");
  await clerk.openPanel();
  await clerk.press("connections");
  await clerk.shows(`${line(party)}[data-mark="good"]`, 15);
  watcher = await scripted(hearing.people[3]);
  assert.equal((await watcher.ask("watchConnections", { on: true })).type, "ok");
  link.loss = 0.2;
  const since = performance.now();
  await until("the clerk sees that the party's connection loses packets", 5, () =>
    clerk.page.evaluate((of) => document.querySelector(`${of}:is([data-mark="poor"], [data-mark="bad"]) :is([data-finding="losesUp"], [data-finding="losesDown"])`), line(party)));
  console.log(`seen after ${((performance.now() - since) / 1000).toFixed(1)} s`);
  await clerk.shows(`${line(judge)}[data-mark="good"]`);
  await clerk.pressIn(line(party), "connection-details");
  const { said, loss } = await clerk.page.evaluate((of) => {
    const part = document.querySelector(of);
    return {
      said: [...part.querySelectorAll(".findings li")].map((one) => one.textContent),
      loss: [...part.querySelectorAll('[data-testid="connection-figures"] tbody tr:nth-child(2) td')].map((one) => one.textContent),
    };
  }, line(party));
  assert.ok(said.some((words) => /^(We miss|They miss) \d+(\.\d)?% of what/.test(words)), said.join());
  assert.ok(loss.some((words) => parseFloat(words) > 3), `figures say it too: ${loss}`);
  await clerk.shows(`${line(party)} svg[role="img"][aria-label*="From them at most"] polyline`);
  await pictures("live");
});

test("nobody else: a lawyer is refused, and a party's page never loads it", { timeout: 60_000 }, async () => {
  const lawyer = await scripted(hearing.people[4]);
  assert.equal((await lawyer.ask("watchConnections", { on: true })).code, "not-allowed");
  const before = live().length;
  await until("the clerk is told meanwhile", 10, () => live().length > before);
  assert.equal(lawyer.latest.connections, undefined);
  lawyer.vanish();
  const of = ({ page }) => page.evaluate(() => ({
    door: document.querySelector('[data-testid="connections"]') !== null,
    loaded: performance.getEntriesByType("resource").some(({ name }) => /\/(connections|records)-[^/]*\.(js|css)$/.test(name)),
  }));
  assert.deepEqual(await of(party), { door: false, loaded: false });
  assert.deepEqual(await of(clerk), { door: true, loaded: true });
});

test("what it was like stays as evidence: the journal vouches for it, and its figures are those that were seen", { timeout: 90_000 }, async () => {
  const address = `/records/${hearing.hearing}/connections.jsonl`;
  assert.equal((await stack.get(address, await cookieOf(hearing.people[3]))).status, 404, "not while the hearing goes on");
  await until("lines of the time with losses are kept", 40, async () => {
    const sofar = await readFile(join(stack.dir, "journals", `${hearing.hearing}.connections.jsonl`), "utf8");
    const kept = sofar.split("\n").slice(0, -1).map((text) => JSON.parse(text));
    return kept.filter(({ at, person, quality }) => person === party.id && quality !== undefined && at >= live()[0].at).length >= 2;
  });
  link.loss = 0;
  await clerk.shows(`${line(party)}[data-mark="good"]`, 30);
  await judge.press("close-hearing");
  await judge.press("close-question-yes");
  await clerk.sees("closed-screen", 20);
  const journal = await stack.journal(hearing.hearing);
  const closed = journal.findIndex(({ event }) => event === "hearing.closed");
  const kept = journal.slice(0, closed).reverse().find(({ event }) => event === "connections.kept");
  assert.ok(kept, "the journal vouches for the figures before it says that the hearing is closed");
  const file = await readFile(join(stack.dir, "journals", kept.file));
  assert.equal(createHash("sha256").update(file.subarray(0, kept.bytes)).digest("hex"), kept.sha256);
  const lines = file.subarray(0, kept.bytes).toString().trim().split("\n").map((text) => JSON.parse(text));
  assert.equal(lines.find(({ person, name }) => person === party.id && name)?.name, "李伟");
  const figures = lines.filter(({ person, quality }) => person === party.id && quality !== undefined);
  // A line says the worst since the one before: those after the first of the watch say what the watch saw since.
  const [first, ...seen] = figures.filter(({ at }) => at >= live()[0].at);
  const times = live().filter(({ at }) => at > first.at);
  assert.ok(worst(times, "up") > 50 || worst(times, "down") > 50, "the loss was seen");
  for (const way of ["up", "down"]) assert.equal(worst(seen, way), worst(times, way), `${way}: as seen live`);
  assert.ok(figures.some(({ quality }) => quality <= 2) && figures.some(({ quality }) => quality === 4));
  assert.ok(seen.length < times.length, `${seen.length} lines are kept of ${times.length} samples`);

  // Over HTTP for the court, with its graph on the records' page; without its cookie for nobody.
  assert.equal((await stack.get(address)).status, 403);
  await clerk.press("to-records");
  await clerk.shows(`[data-testid="record-entry"][data-hearing="${hearing.hearing}"]`, 20);
  await clerk.press("connections");
  await clerk.shows(`${line(party)}:is([data-mark="poor"], [data-mark="bad"]) .mark`, 20);
  const fetched = await clerk.page.evaluate(async (at) => (await fetch(at)).text(), address);
  assert.equal(fetched, file.toString());
  assert.equal((await stack.get(address, await cookieOf(hearing.people[3]))).body.toString(), fetched);
  await pictures("kept");
  watcher.vanish();
});
