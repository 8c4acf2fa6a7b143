// SPDX-License-Identifier: Apache-2.0
// The clerk's records page while a recording is being made and when it is there: its progress goes up,
// its files are as large as it says, and what cannot be made, played or fetched is told, in both languages.
import assert from "node:assert/strict";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const IN_SESSION_S = 15;
const LANGUAGES = { en: "en-GB", "zh-Hans": "zh-CN" };
const WORDS = { en: (percent) => `Preparing the recording: ${percent} %`, "zh-Hans": (percent) => `正在生成录像：${percent}%` };

let stack, hearing, browser, judge, records;

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing([{ role: "judge", name: "Judge Okafor" }, { role: "clerk", name: "Anna Lindqvist" }]);
  browser = await Browser.launch("chromium", 0);
  judge = await Person.arrive(browser, hearing.people[0]);
  await judge.join();
  await judge.press("open-hearing");
  await judge.waitState("record", "on");
  // Time in session is what there is to render: the page's own clock tells it.
  await judge.page.waitForFunction(
    (from, wait) => performance.now() - from > wait * 1000, { timeout: 60_000 },
    await judge.page.evaluate(() => performance.now()), IN_SESSION_S,
  );
  await judge.press("close-hearing");
  await judge.press("close-question-yes");
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
});

async function speak(language, page = records) {
  await until(`the page speaks ${language}`, 10, () =>
    page.evaluate((wanted) => {
      if (document.documentElement.lang === wanted) return true;
      document.querySelector('[data-testid="language"]').click();
      return false;
    }, language));
}

/** Lets a stopped process go on for so much of the processor's time (1/100 s), then stops it again. */
async function step(pid, ticks) {
  const used = async () => {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]); // proc(5): utime and stime
  };
  const before = await used();
  process.kill(pid, "SIGCONT");
  await until("the renderer has worked", 60, async () => (await used()) >= before + ticks, 2);
  process.kill(pid, "SIGSTOP");
}

/** The bar as a person and a screen reader meet it; null when there is none. */
function bar() {
  return records.evaluate(() => {
    const place = document.querySelector('[data-testid="record-entry"] [data-testid="record-progress"]');
    const progress = place?.querySelector("progress");
    if (!progress) return null;
    return { state: place.dataset.state, value: progress.hasAttribute("value") ? progress.value : null, max: progress.max, name: progress.ariaLabel, words: place.querySelector("[role=status]").textContent };
  });
}

test("while it is being made the bar goes up, and says so in words of both languages", { timeout: 180_000 }, async (t) => {
  const [renderer] = await until("the renderer runs", 30, async () => {
    const pids = await stack.pids("assize-renderer");
    return pids.length > 0 && pids;
  }, 5);
  process.kill(renderer, "SIGSTOP"); // and goes on by steps, so that none is missed
  t.after(() => { try { process.kill(renderer, "SIGCONT"); } catch { /* it has ended, as it should */ } });
  records = await browser.open(hearing.people[1].link.replace("/hearing#", "/records#"));
  await records.waitForSelector('[data-testid="record-entry"][data-state="rendering"] progress', { timeout: 20_000 });
  const session = await records.createCDPSession();
  const values = [];
  for (const language of Object.keys(LANGUAGES)) {
    const seen = await until(`the bar is further than ${values.at(-1) ?? 0}`, 90, async () => {
      await step(renderer, 50);
      await records.waitForResponse((answer) => answer.url().endsWith("/api/records"), { timeout: 10_000 });
      const now = await bar();
      return now?.value > (values.at(-1) ?? 0) ? now : null;
    });
    values.push(seen.value);
    assert.ok(seen.value < 100 && seen.max === 100, JSON.stringify(seen));
    await speak(language);
    await until("a screen reader is told the same", 10, async () => {
      const { nodes } = await session.send("Accessibility.getFullAXTree");
      const { value, words, name } = await bar();
      const read = nodes.find((node) => node.role?.value === "progressbar");
      assert.ok(name.length > 0);
      return words === WORDS[language](value) && read?.name.value === name && Number(read.value.value) === value;
    });
  }
  assert.ok(values[1] > values[0], String(values));
  process.kill(renderer, "SIGCONT");
  await records.waitForSelector('[data-testid="record-entry"][data-state="ready"] [data-testid="file"]', { timeout: 90_000 });
  assert.equal(await bar(), null);
});

/** "2.3 MB" of either language as bytes, and how far the true number may be from it. */
function read(text, locale) {
  const [, number, unit] = /^(\S+) (B|kB|MB|GB)$/.exec(text) ?? assert.fail(`${text} is no size`);
  const decimal = new Intl.NumberFormat(locale).formatToParts(1.5).find(({ type }) => type === "decimal").value;
  const scale = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit];
  const digits = number.includes(decimal) ? number.split(decimal)[1].length : 0;
  return { bytes: Number(number.replace(decimal, ".")) * scale, within: (scale / 10 ** digits) * 0.51 };
}

test("each file is as large as the page says, in both languages", { timeout: 60_000 }, async () => {
  for (const [language, locale] of Object.entries(LANGUAGES)) {
    await speak(language);
    const files = await records.$$eval('[data-testid="file"]', (rows) =>
      rows.map((row) => ({
        file: row.querySelector('[data-testid="download"]').getAttribute("download"),
        said: row.querySelector(".file-name .hint").textContent.split(" · "),
      })));
    assert.ok(files.length >= 2, "the composite and a track");
    for (const { file, said } of files) {
      const { size } = await stat(join(stack.dir, "records", hearing.hearing, file));
      const { bytes, within } = read(said[1], locale);
      assert.ok(size > 10_000 && Math.abs(bytes - size) <= within, `${file}: ${said[1]} is said, ${size} bytes lie there`);
    }
  }
});

const hook = (name) => `[data-testid="${name}"]`;
const linkOf = (person) => person.link.replace("/hearing#", "/records#");
const entryOf = (more) => ({ hearing: "00000000000000a1", case: "1", title: "A v. B", court: "C", state: "ready", files: [], ...more });
const HEARING_MP4 = { file: "hearing.mp4", kind: "composite", mime: "video/mp4", bytes: 1, durationMs: 15000, sha256: "0".repeat(64) };

/** Before anything else in a page: as where a person's settings forbid it. */
function forbidStorage() {
  Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("forbidden", "SecurityError"); } });
}

/**
 * The clerk's page, asking `answers(path, request)` instead of the server: which says what to respond, null for the
 * server's own answer, "away" for a network that gives none.
 */
async function openFaked(t, answers, { link = linkOf(hearing.people[1]), prepare } = {}) {
  const page = await browser.open("about:blank", { prepare });
  t.after(() => page.close());
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    const answer = await answers(new URL(request.url()).pathname, request);
    if (answer === null) await request.continue();
    else if (answer === "away") await request.abort("connectionrefused");
    else await request.respond(answer);
  });
  await page.goto(link);
  return page;
}

const listed = (...entries) => ({ status: 200, contentType: "application/json", body: JSON.stringify({ records: entries }) });

/** What the page says in one place, in both languages. */
async function says(page, selector, en, zh) {
  const part = await page.waitForSelector(selector, { timeout: 10_000 });
  for (const [language, words] of [["en", en], ["zh-Hans", zh]]) {
    await speak(language, page);
    assert.match(await part.evaluate((one) => one.textContent), words);
  }
}

test("a recording that cannot be prepared again: the page says why, in both languages, and may be asked again", { timeout: 60_000 }, async (t) => {
  let status = 409;
  let lists = 0;
  let held = null;
  const page = await openFaked(t, async (path) => {
    if (path.endsWith("/render")) return { status };
    if (path === "/api/session") return { status: 204 };
    if (path !== "/api/records") return null;
    lists += 1;
    await held;
    return listed(entryOf({ state: "failed" }));
  });
  const asked = (how) => `${hook("render-asked")}[data-asked="${how}"]`;
  const press = async () => {
    // The page is drawn before it is asked which language it speaks: until then <html lang> is that of the empty page.
    const button = await page.waitForSelector(`${hook("render-again")}:not([aria-disabled="true"])`);
    await speak("en", page);
    await button.click();
  };
  for (const [next, how, en, zh] of [[409, "not-yet", /not sealed/, /尚未封存/], [503, "failed", /could not be started/, /未能开始/]]) {
    status = next;
    await press();
    await says(page, asked(how), en, zh);
  }
  // Started, and failed again at once: one thing is said at a time, the list is asked soon, and the button works again.
  status = 202;
  let go;
  held = new Promise((resolve) => { go = resolve; });
  const before = lists;
  await press();
  await says(page, asked("started"), /started again/, /重新开始/);
  assert.equal(await page.$(hook("render-failed")), null, "it is not said to have failed too");
  await until("the list is asked for at once", 5, () => lists > before);
  go();
  await says(page, hook("render-failed"), /could not be prepared/, /生成失败/);
  assert.ok(lists <= before + 2, `after two lists: ${lists - before}`);
  assert.equal(await page.$(hook("render-asked")), null);
  await press();
  await page.waitForSelector(asked("started"), { timeout: 5000 });
});

/** What has the focus: the hook, or what it is. */
const focused = (page) => page.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.localName);

test("a file that does not come: the page says so, plays it when asked again, and keeps the focus near", { timeout: 90_000 }, async (t) => {
  const body = await readFile(join(stack.dir, "records", hearing.hearing, HEARING_MP4.file));
  let isAway = true;
  let percent = 0;
  const page = await openFaked(t, (path) => {
    if (path === "/api/session") return { status: 204 };
    if (path === "/api/records" && isAway && percent > 0) return "away";
    if (path === "/api/records") {
      percent += 1; // so that one sees which list is drawn
      return listed(entryOf({ files: [HEARING_MP4] }), entryOf({ hearing: "00000000000000b2", state: "rendering", percent }));
    }
    if (!path.startsWith("/records/")) return null;
    return isAway ? "away" : { status: 200, contentType: HEARING_MP4.mime, body };
  });
  const nextList = () => page.evaluate((bar) => document.querySelector(bar).value, "progress").then((seen) =>
    page.waitForFunction((than) => document.querySelector("progress").value > than, { timeout: 10_000 }, seen));
  const click = (name) => page.$eval(hook(name), (button) => button.click());
  const gone = (name) => page.waitForFunction((selector) => !document.querySelector(selector), { timeout: 5000 }, hook(name));

  await page.waitForSelector(hook("play"));
  await click("play");
  const trouble = `${hook("player-trouble")}[data-trouble="lost"]`;
  await says(page, trouble, /^The file could not be loaded/, /^未能从服务器加载/);
  // The next list does not come either: the one that is here stays, and the player in it.
  await says(page, hook("records-failed"), /out of date/, /不是最新/);
  assert.ok(await page.$(trouble));
  await page.focus(hook("play-again"));
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${trouble} ${hook("play-again")}:not([aria-disabled="true"])`, { timeout: 10_000 });
  assert.equal(await focused(page), "play-again");
  isAway = false;
  await page.keyboard.press("Enter");
  await page.waitForFunction((video) => document.querySelector(video).currentTime > 0.2, { timeout: 20_000 }, hook("player-video"));
  await gone("player-trouble");
  await page.$eval(hook("list-again"), (button) => button.click());
  await gone("records-failed");
  assert.equal(await focused(page), "player-video");

  await page.focus(hook("close-player"));
  await page.keyboard.press("Enter");
  await gone("player");
  assert.equal(await focused(page), "play");
  await nextList();
  assert.equal(await focused(page), "play");

  // Drawn away with the focus in it, whichever part of the page draws: near to it, and at once.
  await click("play");
  await page.waitForFunction((video) => document.activeElement === document.querySelector(video), {}, hook("player-video"));
  await click("play");
  await gone("player");
  assert.equal(await focused(page), "h2");

  // What the person left already takes nothing along.
  await click("play");
  await page.waitForSelector(hook("close-player"));
  await page.focus(hook("close-player"));
  await page.evaluate(() => document.activeElement.blur());
  await click("play");
  await gone("player");
  await nextList();
  assert.equal(await focused(page), "body");
});

test("a file that the browser cannot play, where storage is forbidden: said after one more try", { timeout: 60_000 }, async (t) => {
  const asked = { files: 0, sessions: 0 };
  let lists = 0;
  const page = await openFaked(t, (path, request) => {
    if (path === "/api/session") {
      asked.sessions += 1;
      return { status: 204 };
    }
    if (path === "/api/records") {
      lists += 1;
      return listed(entryOf({ files: [HEARING_MP4] }));
    }
    if (!path.startsWith("/records/")) return null;
    if (request.method() === "GET") asked.files += 1;
    return { status: 200, contentType: HEARING_MP4.mime, body: "this is no film" };
  }, { prepare: [forbidStorage] });
  await page.waitForSelector(hook("play"));
  const { sessions } = asked;
  await page.$eval(hook("play"), (button) => button.click());
  await says(page, `${hook("player-trouble")}[data-trouble="unplayable"]`, /^This browser cannot play/, /^此浏览器无法播放/);
  assert.equal(lists, 1, "it was quicker than the next list, which takes the cookie too");
  assert.deepEqual({ ...asked, sessions: asked.sessions - sessions }, { files: 2, sessions: 2 });
});

test("where storage is forbidden Download fetches the file", { timeout: 60_000 }, async (t) => {
  const page = await browser.open(linkOf(hearing.people[1]), { prepare: [forbidStorage] });
  t.after(() => page.close());
  const downloadPath = join(stack.dir, "downloads");
  await mkdir(downloadPath);
  const session = await page.createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath });
  const composite = `${hook("file")}[data-kind="composite"] ${hook("download")}`;
  const link = await page.waitForSelector(composite, { timeout: 20_000 });
  await link.click();
  const { size } = await stat(join(stack.dir, "records", hearing.hearing, HEARING_MP4.file));
  await until("the file is here in full", 20, async () =>
    (await stat(join(downloadPath, HEARING_MP4.file)).catch(() => null))?.size === size);
  assert.equal(await page.$(hook("download-trouble")), null);
});

test("a link withdrawn while another window has the cookie: player and download say so, and ask no more", { timeout: 60_000 }, async (t) => {
  await records.close(); // it has the cookie
  const asked = [];
  let isHeld = false;
  const page = await openFaked(t, (path, request) => {
    if (path === "/api/records" && isHeld) return new Promise(() => {}); // or the next list would say so first
    if (isHeld && path.startsWith("/")) asked.push(`${request.method()} ${path}`); // not the player's own pictures
    return null;
  }, { link: linkOf(hearing.people[0]) });
  await page.waitForSelector(hook("play"), { timeout: 20_000 });
  isHeld = true;
  const other = await stack.hearing([{ role: "clerk", name: "Bo Ek" }], { case: "(2026) Test 2" });
  const foreign = await browser.open(linkOf(other.people[0]));
  t.after(() => foreign.close());
  await foreign.waitForSelector(`${hook("record-entry")}, ${hook("records-empty")}`, { timeout: 20_000 });
  await stack.admin("invitation", "revoke", hearing.people[0].invitation);
  await page.bringToFront();
  await page.$eval(hook("play"), (button) => button.click());
  const words = [/^This link no longer gives access/, /^此链接已无权/];
  await says(page, `${hook("player-trouble")}[data-trouble="refused"]`, ...words);
  const file = `/records/${hearing.hearing}/${HEARING_MP4.file}`;
  assert.deepEqual(asked.splice(0), [`GET ${file}`, "POST /api/session"]);
  await page.$eval(hook("download"), (link) => link.click());
  await says(page, `${hook("download-trouble")}[data-trouble="refused"]`, ...words);
  assert.deepEqual(asked, ["POST /api/session"]);
});
