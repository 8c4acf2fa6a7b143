// SPDX-License-Identifier: Apache-2.0
// Makes docs/hearing.png, README's picture: a real hearing on this machine, on record, as the judge sees it.
// Run by hand after deploy/run or tests/run has built everything, when the page's look has changed:
//
//     node tests/system/screenshot.mjs [FILE]
//
// ASSIZE_BUILD names another build than build/release, as in the tests. The people are drawn (lib/portraits.mjs).
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { LOOKS, sitForPortrait } from "./lib/portraits.mjs";
import { Stack, top, until } from "./lib/stack.mjs";

const file = process.argv[2] ?? join(top, "docs/hearing.png");
const PEOPLE = [
  { role: "judge", name: "Judge Amara Okafor", look: "judge" },
  { role: "clerk", name: "Anna Lindqvist", look: "clerk" },
  { role: "party", name: "Li Wei", look: "party" },
  { role: "party", name: "Maria Rossi", look: "other" },
  { role: "witness", name: "Daniel Haddad", look: "witness" },
];
const SPEAKS = "witness";
const MATTER = { case: "(2026) 01 Civil 123", title: "Li Wei v. Rossi", court: "First Chamber" };

const stack = await Stack.start();
const browsers = [];
try {
  const hearing = await stack.hearing(PEOPLE, MATTER);
  // One browser for the judge whose screen is pictured, one for all others.
  for (const number of [0, 1]) browsers.push(await Browser.launch("chromium", number));
  const people = [];
  for (const [n, { role, look }] of PEOPLE.entries()) {
    const prepare = [sitForPortrait, LOOKS[look], role === SPEAKS];
    people.push(await Person.arrive(browsers[n === 0 ? 0 : 1], hearing.people[n], { prepare, window: true }));
    await people[n].join();
  }
  const [judge, ...others] = people;
  await judge.press("open-hearing");
  for (const person of others.filter(({ role }) => role !== "clerk")) {
    await judge.admit(person);
    await person.sees("page-courtroom", 20);
  }
  await judge.waitState("record", "on", 20);
  for (const person of others)
    await judge.shows(`[data-testid="tile"][data-person="${person.id}"] [data-testid="picture"][data-visible="true"]`, 30);
  const witness = others.at(-1);
  await judge.shows(`[data-testid="tile"][data-person="${witness.id}"][data-speaking="true"]`, 20);
  // Pictures begin small and grow with the measured rate.
  await until("the pictures are sharp", 60, async () =>
    (await judge.stats()).seats.filter((seat) => seat.person).every((seat) => seat.video.width >= 640), 500);
  await until("the news has been read", 30, () => judge.page.evaluate(() => !document.querySelector("[data-notice]")));
  await judge.page.screenshot({ path: file });
  console.log(`${file}: ${(await stat(file)).size} bytes`);
} finally {
  for (const browser of browsers) await browser.close();
  await stack.stop();
}
