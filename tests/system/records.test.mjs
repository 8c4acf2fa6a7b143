// SPDX-License-Identifier: Apache-2.0
// The clerk's records page while a recording is being made and when it is there: its progress goes up,
// its files are as large as it says, in both languages.
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
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

async function speak(language) {
  await until(`the page speaks ${language}`, 10, () =>
    records.evaluate((wanted) => {
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

test("a recording that cannot be prepared again: the page says why, in both languages, and may be asked again", { timeout: 60_000 }, async (t) => {
  const entry = { hearing: "00000000000000a1", case: "1", title: "A v. B", court: "C", state: "failed", files: [] };
  let status = 409;
  records = await browser.open("about:blank");
  t.after(() => records.close());
  await records.setRequestInterception(true);
  records.on("request", (request) => {
    const { pathname } = new URL(request.url());
    const contentType = "application/json";
    if (pathname.endsWith("/render")) void request.respond({ status });
    else if (pathname === "/api/session") void request.respond({ status: 204 });
    else if (pathname === "/api/records") void request.respond({ status: 200, contentType, body: JSON.stringify({ records: [entry] }) });
    else void request.continue();
  });
  await records.goto(hearing.people[1].link.replace("/hearing#", "/records#"));
  for (const [next, asked, en, zh] of [[409, "not-yet", /not sealed/, /尚未封存/], [503, "failed", /could not be started/, /未能开始/], [202, "started", /started again/, /重新开始/]]) {
    status = next;
    // The page is drawn before it is asked which language it speaks: until then <html lang> is that of the empty page.
    const again = await records.waitForSelector('[data-testid="render-again"]:not([aria-disabled="true"])');
    await speak("en");
    await again.click();
    const said = await records.waitForSelector(`[data-testid="render-asked"][data-asked="${asked}"]`);
    assert.match(await said.evaluate((part) => part.textContent), en);
    await speak("zh-Hans");
    assert.match(await said.evaluate((part) => part.textContent), zh);
  }
});
