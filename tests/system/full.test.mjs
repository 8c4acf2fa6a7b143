// SPDX-License-Identifier: Apache-2.0
// A media core so small that it carries one hearing: whoever comes to another is told so, in both languages
// and at both widths, and enters without a hand when the first is over; one in session that all have left
// makes room too, and has its place again when it is wanted.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, until } from "./lib/stack.mjs";

/** Thousand packets a second: 1.2 are set aside for each hearing. */
const ONE_HEARING = "2";
const PEOPLE = [{ role: "judge", name: "Judge Okafor" }, { role: "party", name: "李伟" }];
const [JUDGE, PARTY] = [0, 1];
const WIDTHS = [[1280, 800], [360, 740]];
const WORDS = { en: /server is full.*you enter by yourself/, zh: /服务器已满.*自动进入/ };

let stack, browser;
const hearings = [];

before(async () => {
  stack = await Stack.start({ workers: 1, env: { ASSIZE_SFU_CAPACITY: ONE_HEARING } });
  for (const number of [1, 2, 3]) hearings.push(await stack.hearing(PEOPLE, { case: `(2026) Test ${number}` }));
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
});

async function arrive(hearing, who) {
  const page = await PageSocket.open(stack);
  page.welcome = await page.ask("hello", { protocol: 1, token: hearing.people[who].link.split("#")[1] });
  return page;
}

const joins = async (hearing) =>
  (await stack.journal(hearing.hearing)).filter(({ event }) => event === "person.joined" || event === "person.left").length;

/** The place that reads it aloud: marked once, and the same when it speaks and when the page is another. */
const spoken = (page) =>
  page.evaluate(() => {
    const regions = [...document.querySelectorAll('[role="status"]')];
    const words = regions.filter((region) => region.textContent.includes("is full"));
    const outlives = regions.find((region) => !region.closest('[data-testid^="page-"]'));
    const wasThere = outlives.marked === true;
    outlives.marked = true;
    return { wasThere, times: words.length, speaks: words.includes(outlives) };
  });

/** What is said of the full server, where nothing hides it or hangs over the edge. */
const said = (page) =>
  page.evaluate(() => {
    const part = document.querySelector('[data-testid="server-full"]');
    const box = part.getBoundingClientRect();
    const inSight = part.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
    const { scrollWidth, clientWidth } = document.scrollingElement;
    return { text: part.textContent, inSight, fits: box.top >= 0 && box.bottom <= innerHeight && scrollWidth <= clientWidth + 1 };
  });

test("told in words while the server is full, and in without a hand when there is room", { timeout: 90_000 }, async () => {
  const judge = await arrive(hearings[0], JUDGE);
  assert.equal((await judge.ask("join", { seats: 2 })).room, "courtroom");
  browser = await Browser.launch("chromium", 0);
  const party = await Person.arrive(browser, hearings[1].people[PARTY]);
  const { page } = party;
  await page.setViewport({ width: 360, height: 740 });
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  assert.deepEqual(await spoken(page), { wasThere: false, times: 0, speaks: false });
  await party.press("join");
  await party.sees("server-full");
  assert.deepEqual(await spoken(page), { wasThere: true, times: 1, speaks: true }, "read aloud, once");
  assert.ok((await said(page)).fits, "brought into sight of whoever pressed at the end of the page");
  for (const language of ["en", "zh"]) {
    if (language !== "en") await party.press("language");
    for (const [width, height] of WIDTHS) {
      await page.setViewport({ width, height });
      await page.evaluate(() => scrollTo(0, 0));
      const now = await said(page);
      await page.screenshot({ path: join(stack.dir, `full-${language}-${width}.png`) });
      assert.match(now.text, WORDS[language]);
      assert.ok(now.inSight && now.fits, JSON.stringify({ language, width, ...now }));
    }
  }
  await until("it has asked again", 15, async () => (await stack.metric("assize_sfu_refused_total")) >= 2);
  await party.sees("server-full");
  assert.equal(await joins(hearings[1]), 0, "who got no place is not in the journal");

  for (const state of ["open", "closed"]) assert.equal((await judge.ask("setState", { state })).type, "ok");
  await party.sees("page-waiting", 20);
  assert.deepEqual(await spoken(page), { wasThere: true, times: 0, speaks: false });
  assert.equal(await joins(hearings[1]), 1);
  assert.deepEqual(page.complaints, []);
  await party.press("leave");
  if (await page.$('[data-testid="leave-question-yes"]')) await party.press("leave-question-yes");
});

test("a hearing in session that all have left makes room, and has its place again", { timeout: 240_000 }, async () => {
  const [, running, next] = hearings;
  const judge = await arrive(running, JUDGE);
  assert.equal((await judge.ask("join", { seats: 2 })).room, "courtroom");
  assert.equal((await judge.ask("setState", { state: "open" })).type, "ok");
  await judge.state("record", (event) => event.state === "on", 20);
  const other = await arrive(next, JUDGE);
  assert.equal((await other.ask("join", { seats: 2 })).code, "server-full");
  assert.equal((await judge.ask("leave")).type, "ok");
  assert.equal((await other.ask("join", { seats: 2 })).code, "server-full", "it keeps its place for a while");
  await until("there is room", 90, async () => (await other.ask("join", { seats: 2 })).type === "joined", 2000);

  assert.equal((await judge.ask("join", { seats: 2 })).room, "courtroom", "it outranks the new one");
  const lines = (await stack.journal(running.hearing)).map(({ event }) => event);
  assert.ok(!lines.includes("record.lost"), lines.join(" "));
  const third = await stack.hearing(PEOPLE, { case: "(2026) Test 4" });
  assert.equal((await (await arrive(third, JUDGE)).ask("join", { seats: 2 })).code, "server-full");
});
