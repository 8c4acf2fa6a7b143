// SPDX-License-Identifier: Apache-2.0
// Every page as people meet it who hear, see or move differently: axe-core's rules for WCAG 2.2 AA in both
// browsers, at a desk's width and a phone's, in both languages; a whole visit by keyboard alone; no English
// in the Chinese page; notices that cover nothing one wants to press.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, top, until } from "./lib/stack.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const LANGUAGES = ["en", "zh-Hans"];
/** Latin words that a Chinese page has by right: names of things, units, keys, kinds of files. */
const LATIN = /^(Assize|Firefox|Chrome|Edge|Safari|SHA|Alt|[MVH]|[kMG]?B|video|audio|mp4|webm|ogg|matroska|x|UDP|TCP|IPv6|TLS|[kM]bit|m?s|p)$/;
const PEOPLE = [
  { role: "judge", name: "周敏" },
  { role: "clerk", name: "陈静" },
  { role: "party", name: "李伟" },
  { role: "witness", name: "张华" },
];
const MATTER = { case: "（2026）民初1号", title: "李伟诉某贸易公司", court: "第一审判庭" };

const axe = await readFile(join(top, "tests/system/node_modules/axe-core/axe.min.js"), "utf8");
const row = (of) => `[data-testid="person"][data-person="${of.id}"]`;

async function speak(page, language) {
  await until(`the page speaks ${language}`, 10, () =>
    page.evaluate((wanted) => {
      if (document.documentElement.lang === wanted) return true;
      document.querySelector('[data-testid="language"]')?.click();
      return false;
    }, language),
  );
}

/** Findings of axe-core as short lines. */
async function findings(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  return page.evaluate(async (tags) => {
    const { violations, passes } = await window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    if (passes.length === 0) return ["no rule applied: this is no page"];
    return violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => `${node.target.join(" ")} (${node.failureSummary})`).join("; ")}`);
  }, TAGS);
}

/** What is wider than its place: the page itself, or a part that would scroll sideways. */
function tooWide(page) {
  return page.evaluate(() =>
    [document.scrollingElement, ...document.querySelectorAll("main, .panel, .room, .dialog, .controls, .top")]
      .filter((part) => part.scrollWidth > part.clientWidth + 1)
      .map((part) => `${part.localName}.${part.className}: ${part.scrollWidth} > ${part.clientWidth}`),
  );
}

/** Words on a button or in a heading that do not fit: cut off, or lost behind its edge. */
function cut(page) {
  return page.evaluate(() => {
    const shown = (part) => part.getClientRects().length > 0 && !part.closest(".sr, .skip");
    const clipped = (part) => part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible";
    const spills = (part) => {
      const button = part.closest("button");
      const [box, edge] = [part.getBoundingClientRect(), button?.getBoundingClientRect()];
      return edge && (box.left < edge.left - 1 || box.right > edge.right + 1);
    };
    return [...document.querySelectorAll("button, button *, h1, h2, h3, label, summary, th, dt")]
      .filter((part) => part.textContent.trim() && part instanceof HTMLElement && shown(part) && (clipped(part) || spills(part)))
      .map((part) => part.textContent);
  });
}

/** Latin words in what a Chinese page shows or reads aloud. */
async function leaks(page) {
  const said = await page.evaluate(() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const { parentElement } = walk.currentNode;
      // Device names are the system's words, fingerprints are no words, and what is marked as English is meant so.
      if (!parentElement.closest('option, code, script, style, noscript, [lang="en"]')) found.push(walk.currentNode.data);
    }
    for (const name of ["aria-label", "title", "placeholder", "alt"])
      for (const part of document.querySelectorAll(`[${name}]`))
        if (!part.closest('[lang="en"]')) found.push(part.getAttribute(name));
    return [...found, document.title];
  });
  return said.filter((text) => (text.match(/[A-Za-z][A-Za-z0-9]*/g) ?? []).some((word) => !LATIN.test(word)));
}

/** What audits found; each test ends with `nothingFound`, so that one finding does not hide others. */
let found = [];

function nothingFound() {
  const all = found;
  found = [];
  assert.deepEqual(all, []);
}

/** One page in all widths and languages. */
async function audit(page, what) {
  await page.bringToFront();
  for (const size of [DESK, PHONE]) {
    await page.setViewport(size);
    await page.waitForFunction((width) => innerWidth === width, { timeout: 10_000 }, size.width);
    for (const language of LANGUAGES) {
      await speak(page, language);
      const at = `${what}, ${size.width} px, ${language}`;
      found.push(...(await findings(page)).map((finding) => `${at}: ${finding}`));
      found.push(...(await tooWide(page)).map((part) => `${at}: wider than the screen: ${part}`));
      found.push(...(await cut(page)).map((words) => `${at}: cut off: ${words}`));
      if (language === "zh-Hans") found.push(...(await leaks(page)).map((text) => `${at}: not Chinese: ${text}`));
    }
  }
  if (process.env.ASSIZE_TEST_PICTURES) {
    const path = join(process.env.ASSIZE_TEST_PICTURES, what.replaceAll(/[^a-z]+/g, "-"));
    await page.screenshot({ path: `${path}-phone.png` });
    await page.setViewport(DESK);
    await speak(page, "en");
    await page.screenshot({ path: `${path}-desk.png` });
  }
  await page.setViewport(DESK);
}

/** Presses Tab until the focus is on a hook; each stop must be seen. */
async function tabTo(page, name, most = 40) {
  for (let n = 0; n < most; n++) {
    await page.keyboard.press("Tab");
    const { hook, seen, what } = await page.evaluate(() => {
      const part = document.activeElement;
      const style = getComputedStyle(part);
      const nowhere = part === document.body || part === document.documentElement;
      return {
        hook: part.dataset.testid ?? null,
        seen: nowhere || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
        what: `${part.localName}.${part.className}`,
      };
    });
    assert.ok(seen, `the focus on ${what} is seen`);
    if (hook === name) return;
  }
  assert.fail(`Tab does not reach ${name}`);
}

/** Presses what is found there by Enter, with the focus on it. */
async function byKeyboard(page, selector) {
  await page.focus(selector);
  await page.keyboard.press("Enter");
}

/** What has the focus, and the part of the page that it is in. */
function focused(page) {
  return page.evaluate(() => {
    const part = document.activeElement;
    return `${part.localName} of ${part.closest("section, aside, main")?.className ?? "nothing"}`;
  });
}

/** Parts that a notice lies over, of those where something can be pressed. */
function covered(page) {
  return page.evaluate(() => {
    const notices = [...document.querySelectorAll(".notice")].map((part) => part.getBoundingClientRect()).filter((box) => box.width > 0);
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const parts = [...document.querySelectorAll(".panel, .controls, .top")];
    return { shown: notices.length, over: parts.filter((part) => notices.some((box) => over(box, part.getBoundingClientRect()))).map((part) => part.className) };
  });
}

for (const kind of ["chromium", "firefox"])
  describe(kind, () => {
    let stack, hearing, browser, judge, clerk, party, recordsLink;

    before(async () => {
      stack = await Stack.start();
      recordsLink = JSON.parse(await stack.admin("records-pass", "create", "--json", "--base-url", stack.base)).records.link;
      browser = await Browser.launch(kind, 0);
    }, { timeout: 120_000 });

    after(async () => {
      await browser?.close();
      await stack?.stop();
    });

    test("the start page, and records while there are none", { timeout: 120_000 }, async () => {
      const home = await browser.open(stack.base);
      await home.waitForSelector('[data-testid="page-home"]');
      await audit(home, `${kind} home`);
      await home.type('[data-testid="link"]', "https://elsewhere.example/");
      await home.keyboard.press("Enter");
      await home.waitForSelector("#link-bad");
      await audit(home, `${kind} home with a wrong link`);
      await home.close();
      const records = await browser.open(recordsLink);
      await records.waitForSelector('[data-testid="records-empty"]', { timeout: 15_000 });
      await audit(records, `${kind} records empty`);
      await records.close();
      nothingFound();
    });

    test("a visit by keyboard alone: lobby, courtroom, leaving", { timeout: 120_000 }, async () => {
      hearing = await stack.hearing(PEOPLE, MATTER);
      clerk = await Person.arrive(browser, hearing.people[1]);
      const { page } = clerk;
      await page.bringToFront();
      await page.setViewport(DESK);
      await page.waitForSelector('[data-testid="join"][aria-disabled="false"]', { timeout: 20_000 });
      await tabTo(page, "use-microphone");
      await page.keyboard.press(" ");
      await page.waitForSelector('[data-testid="use-microphone"][aria-pressed="false"]');
      await page.keyboard.press(" ");
      await page.waitForSelector('[data-testid="use-microphone"][aria-pressed="true"][aria-disabled="false"]');
      await page.waitForSelector('[data-testid="join"][aria-disabled="false"]');
      // While it opened it could not be pressed, and kept the focus all the same.
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "use-microphone");
      await tabTo(page, "join");
      await page.keyboard.press("Enter");
      await clerk.sees("page-courtroom", 20);
      // The new page has the focus, not nothing.
      await page.waitForFunction(() => document.activeElement.id === "main", { timeout: 5000 });
      await tabTo(page, "people");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => !document.querySelector('[data-testid="panel"]'));
      await page.keyboard.press("Enter");
      await clerk.sees("panel");
      // Without a toolbar's help, from anywhere.
      await page.keyboard.down("Alt");
      await page.keyboard.press("m");
      await page.keyboard.up("Alt");
      await clerk.shows('[data-testid="microphone"][data-on="false"]');
      await tabTo(page, "leave");
      await page.keyboard.press("Enter");
      await clerk.sees("leave-question");
      // The safe answer has the focus; Escape gives it too, and the focus goes back to where it was.
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "leave-question-no");
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => !document.querySelector("dialog"));
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "leave");
      await page.keyboard.press("Enter");
      await tabTo(page, "leave-question-yes");
      await page.keyboard.press("Enter");
      await clerk.shows('[data-testid="over"][data-ending="left"]');
      await tabTo(page, "again");
    });

    test("the end of a visit", { timeout: 120_000 }, async () => {
      await clerk.shows('[data-testid="over"]');
      await audit(clerk.page, `${kind} over`);
      nothingFound();
    });

    test("lobby and waiting room", { timeout: 180_000 }, async () => {
      judge = await Person.arrive(browser, hearing.people[0]);
      await audit(judge.page, `${kind} lobby`);
      for (const language of LANGUAGES) {
        await judge.page.setViewport(PHONE);
        await judge.page.waitForFunction((width) => innerWidth === width, { timeout: 10_000 }, PHONE.width);
        await speak(judge.page, language);
        const [switches, enter] = await judge.page.evaluate(() => {
          scrollTo(0, 0);
          return [document.querySelector(".own-switches").getBoundingClientRect().bottom, document.querySelector(".lobby-enter").getBoundingClientRect().top];
        });
        assert.ok(switches <= enter, `on a phone both switches are in sight above the button: ${switches} <= ${enter}`);
      }
      await judge.page.setViewport(DESK);
      await speak(judge.page, "en");
      await judge.join();
      party = await Person.arrive(browser, hearing.people[2]);
      assert.equal(await party.join(), "page-waiting");
      await audit(party.page, `${kind} waiting`);
      nothingFound();
    });

    test("the courtroom: judge with the panel open, party", { timeout: 180_000 }, async () => {
      await judge.page.bringToFront();
      // What was pressed is gone then; the focus is not.
      await byKeyboard(judge.page, '[data-testid="open-hearing"]');
      await judge.sees("recess");
      assert.equal(await focused(judge.page), "h3 of course");
      await tabTo(judge.page, "recess", 1);
      await judge.shows(`${row(party)} [data-testid="admit"]`);
      await byKeyboard(judge.page, `${row(party)} [data-testid="admit"]`);
      await party.shows('[data-testid="page-courtroom"]', 20);
      await judge.shows(`[data-testid="tile"][data-person="${party.id}"]`);
      assert.match(await focused(judge.page), /^h3 of /);
      await judge.pressIn(row(party), "more");
      await audit(judge.page, `${kind} courtroom judge`);
      await byKeyboard(judge.page, '[data-testid="connections"]');
      await judge.shows(`[data-testid="connection"][data-person="${party.id}"]:not([data-mark="away"]) [data-testid="graph"]`, 15);
      await judge.page.evaluate(() => document.querySelectorAll(".connection details").forEach((one) => { one.open = true; }));
      await audit(judge.page, `${kind} connections`);
      await byKeyboard(judge.page, '[data-testid="connections"]');
      await audit(party.page, `${kind} courtroom party`);
      nothingFound();
    });

    test("notices cover nothing one presses, and go", { timeout: 60_000 }, async () => {
      for (const size of [DESK, PHONE]) {
        await judge.page.bringToFront();
        await judge.page.setViewport(size);
        await judge.openPanel();
        await party.press("raise-hand");
        await judge.shows('[data-notice="hand"]');
        const { shown, over } = await covered(judge.page);
        assert.ok(shown > 0);
        assert.deepEqual(over, [], `at ${size.width} px`);
        if (process.env.ASSIZE_TEST_PICTURES)
          await judge.page.screenshot({ path: join(process.env.ASSIZE_TEST_PICTURES, `${kind}-notice-${size.width}.png`) });
        // The button takes the hand down once its own page knows that it is up.
        await party.shows('[data-testid="raise-hand"][data-on="true"]');
        await party.press("raise-hand");
        await judge.page.waitForFunction(() => !document.querySelector('[data-notice="hand"]'), { timeout: 5000 });
        await party.shows('[data-testid="raise-hand"][data-on="false"]');
      }
      await judge.page.setViewport(DESK);
      // By itself too: nobody lowers this hand.
      await party.press("raise-hand");
      await judge.shows('[data-notice="hand"]');
      await judge.page.waitForFunction(() => !document.querySelector('[data-notice="hand"]'), { timeout: 15_000 });
    });

    test("dialogs", { timeout: 180_000 }, async () => {
      const { page } = judge;
      await page.bringToFront();
      for (const [open, dialog] of [["leave", "leave-question"], ["settings", "settings-dialog"], ["close-hearing", "close-question"]]) {
        await judge.press(open);
        await judge.sees(dialog);
        await audit(page, `${kind} dialog ${dialog}`);
        await page.keyboard.press("Escape");
        await page.waitForFunction(() => !document.querySelector("dialog"));
      }
      await judge.openPanel();
      await judge.pressIn(row(party), "remove");
      await audit(page, `${kind} dialog remove-question`);
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => !document.querySelector("dialog"));
      nothingFound();
    });

    test("orders of the court, as the judge gives them and as the party meets them", { timeout: 180_000 }, async () => {
      await judge.page.bringToFront();
      await judge.openPanel();
      await judge.pressIn(row(party), "more");
      await byKeyboard(judge.page, `${row(party)} [data-testid="screen-person"]`);
      await judge.sees("screen-dialog");
      await audit(judge.page, `${kind} dialog screen-dialog`);
      await judge.press("screens-done");
      await judge.pressIn(row(party), "more");
      await byKeyboard(judge.page, `${row(party)} [data-testid="lock-person"]`);
      await party.shows('[data-testid="microphone"][aria-disabled="true"]');
      await audit(party.page, `${kind} locked party`);
      await judge.page.bringToFront();
      await judge.pressIn(row(party), "more");
      await judge.pressIn(row(party), "lock-person");
      await party.shows('[data-testid="microphone"]:not([aria-disabled="true"])');
      nothingFound();
    });

    test("the evidence: an oath asked for and taken, an objection and its ruling, by keyboard", { timeout: 180_000 }, async () => {
      const witness = await Person.arrive(browser, hearing.people[3]);
      await witness.join();
      await judge.page.bringToFront();
      await judge.openPanel();
      await judge.pressIn(row(witness), "admit");
      await witness.shows('[data-testid="page-courtroom"]', 20);
      await judge.pressIn(row(witness), "more");
      await byKeyboard(judge.page, `${row(witness)} [data-testid="swear-affirmation"]`);
      await judge.shows(`${row(witness)} [data-testid="oath-state"]`);
      await judge.press("lock-room");
      await judge.pressIn(row(witness), "more");
      await audit(judge.page, `${kind} oath judge`);
      await judge.press("lock-room");
      await witness.page.bringToFront();
      await witness.sees("oath");
      await audit(witness.page, `${kind} oath witness`);
      await byKeyboard(witness.page, '[data-testid="oath-said"]');
      await witness.sees("under-oath");
      await party.page.bringToFront();
      await byKeyboard(party.page, '[data-testid="object"]');
      await party.sees("objection-withdraw");
      await audit(party.page, `${kind} objection party`);
      await witness.sees("objection");
      await audit(witness.page, `${kind} objection witness`);
      await judge.page.bringToFront();
      await judge.sees("rule-sustained");
      await audit(judge.page, `${kind} objection judge`);
      await byKeyboard(judge.page, '[data-testid="rule-sustained"]');
      await judge.sees("ruling");
      await witness.page.close();
      nothingFound();
    });

    test("steps of the course that need a reason, given by keyboard", { timeout: 180_000 }, async () => {
      for (const [open, dialog, back] of [["doors", "in-camera-dialog", "doors"], ["suspend", "suspend-dialog", "resume"]]) {
        await judge.page.bringToFront();
        await judge.openPanel();
        await byKeyboard(judge.page, `[data-testid="${open}"]`);
        await judge.sees(dialog);
        await audit(judge.page, `${kind} dialog ${dialog}`);
        await judge.page.focus('[data-testid="reason"]');
        await judge.page.keyboard.type("12:30"); // the same in both languages
        await judge.page.keyboard.press("Enter");
        await judge.page.waitForFunction(() => !document.querySelector("dialog"));
        await party.sees(open === "doors" ? "in-camera-note" : "course-reason");
        await audit(party.page, `${kind} ${open} party`);
        await judge.page.bringToFront();
        await judge.press(back);
        if (open === "doors") await judge.page.waitForFunction(() => !document.querySelector('[data-testid="in-camera-note"]'));
        else await judge.waitState("hearing-state", "open");
      }
      nothingFound();
    });

    test("a room beside the courtroom, asked into and entered by keyboard", { timeout: 180_000 }, async () => {
      await judge.page.bringToFront();
      await byKeyboard(judge.page, '[data-testid="meet"]');
      await judge.sees("meet-dialog");
      await judge.press("meet-caucus");
      await judge.press(`meet-person"][data-person="${party.id}`);
      await audit(judge.page, `${kind} dialog meet-dialog`);
      await byKeyboard(judge.page, '[data-testid="meet-ask"]');
      await judge.sees("page-aside");
      await audit(judge.page, `${kind} aside judge`);
      await party.sees("asked");
      await audit(party.page, `${kind} asked party`);
      await party.page.bringToFront();
      await byKeyboard(party.page, '[data-testid="enter-aside"]');
      await party.sees("page-aside");
      await audit(party.page, `${kind} aside party`);
      for (const one of [party, judge]) {
        await one.page.bringToFront();
        await byKeyboard(one.page, '[data-testid="come-back"]');
        await one.sees("page-courtroom");
      }
      nothingFound();
    });

    test("recess", { timeout: 120_000 }, async () => {
      await judge.press("recess");
      await judge.sees("recess-screen");
      await audit(judge.page, `${kind} recess`);
      nothingFound();
    });

    test("the end of the hearing, and its records", { timeout: 180_000 }, async () => {
      await judge.press("close-hearing");
      await judge.press("close-question-yes");
      await judge.sees("page-closed");
      await judge.waitState("record-progress", "ready", 90);
      await audit(judge.page, `${kind} closed`);
      const records = await browser.open(recordsLink);
      await records.waitForSelector('[data-testid="record-entry"][data-state="ready"] [data-testid="file"]', { timeout: 20_000 });
      await records.$eval("details.fingerprint summary", (summary) => summary.click());
      await records.$eval('[data-testid="play"]', (button) => button.click());
      await records.waitForSelector('[data-testid="player-video"]');
      await audit(records, `${kind} records ready`);
      // A film that does not come is told beside it.
      await records.$eval('[data-testid="player-video"]', (video) => { video.src = "/assets/none.mp4"; });
      await records.waitForSelector('[data-testid="player-trouble"]', { timeout: 20_000 });
      await audit(records, `${kind} records trouble`);
      nothingFound();
    });
  });
