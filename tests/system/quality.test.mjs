// SPDX-License-Identifier: Apache-2.0
// What a page shows of somebody's connection: a party whose link loses packets is seen to have a poor one
// by the judge and by the party, in both languages, and a good one again when it loses none.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, addresses, until } from "./lib/stack.mjs";

const WORDS = {
  en: { 1: "Connection very poor", 2: "Connection poor", 4: "Connection very good" },
  "zh-Hans": { 1: "网络状况很差", 2: "网络状况较差", 4: "网络状况很好" },
};

let stack, link, judge, party;
const browsers = [];

before(async () => {
  stack = await Stack.start({ workers: 1 });
  link = await LossyLink.to(addresses()[0], stack.mediaPort);
  const hearing = await stack.hearing([
    { role: "judge", name: "Judge Okafor" },
    { role: "party", name: "李伟" },
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
      for (const { bars, said, title } of marks) assert.deepEqual([said, title], [WORDS[language][bars], WORDS[language][bars]]);
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
