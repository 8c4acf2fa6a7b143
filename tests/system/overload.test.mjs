// SPDX-License-Identifier: Apache-2.0
// A phone too slow for the hearing: its page sends its camera's best layer no more and is sent smaller pictures,
// says so, tells the court's technician, and has all again once the device bears it. Sound goes on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { keepConnections } from "./lib/canvas.mjs";
import { Person } from "./lib/people.mjs";
import { slow } from "./lib/slow.mjs";
import { Stack, until } from "./lib/stack.mjs";

const LARGE = { width: 1280, height: 800, deviceScaleFactor: 3 };
/** Of each 100 ms. Sound wants little; the pictures are too many. */
const SHARE = 0.15;
/** Three looks of 2 s, and what a slow page takes to say it. */
const SPARED_WITHIN_S = 30;
/** Ten looks of 2 s, and what the pictures take to come back. */
const RESTED_WITHIN_S = 45;

let stack, hearing, clerk;
const browsers = [];

/** Somebody with a large picture of the others, as all have here. */
async function arrives(n, kind) {
  const browser = await Browser.launch(kind, n);
  browsers.push(browser);
  const person = await Person.arrive(browser, hearing.people[n], { prepare: [keepConnections, "canvas"] });
  await person.page.setViewport(LARGE);
  await person.join();
  return person;
}

before(async () => {
  stack = await Stack.start({ workers: 1 });
  hearing = await stack.hearing([
    { role: "clerk", name: "Sam Lee" },
    { role: "party", name: "李伟" },
    { role: "lawyer", name: "Anna Weber" },
  ]);
  clerk = await arrives(0, "chromium");
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

/** Whether the camera's best layer is asked of the browser. */
const best = (person) => person.page.evaluate(async () => {
  for (const connection of window.connections)
    for (const sender of connection.getSenders())
      if (sender.track?.kind === "video") return sender.getParameters().encodings.at(-1).active;
  return null;
});

/** Lines of the clerk's picture as it arrives, and packets of their sound. */
async function received(person) {
  const { seats } = await person.stats();
  const seat = seats.find((one) => one.person === clerk.id);
  return { height: seat?.video.height ?? 0, sound: seat?.audio.packets ?? 0 };
}

const advice = (person) => person.page.evaluate(() => document.querySelector('[data-testid="advice"]')?.dataset.advice ?? null);

for (const [n, kind] of ["chromium", "firefox"].entries()) {
  test(`${kind} on a device that is too slow sends and is sent less, and all again on one that is not`, { timeout: 180_000 }, async () => {
    const person = await arrives(n + 1, kind);
    await clerk.admit(person);
    await person.sees("page-courtroom", 30);
    let last;
    const becomes = (what, seconds, wanted) => until(what, seconds, async () => {
      last = { best: await best(person), ...await received(person), advice: await advice(person) };
      return wanted(last);
    }).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}`);
    });
    await becomes("the best is sent and arrives", 40, (now) => now.best && now.height === 720);

    const from = Date.now();
    const device = await slow(person.browser.puppeteer.process().pid, SHARE);
    let spared;
    try {
      await becomes("less is sent", SPARED_WITHIN_S, (now) => now.best === false);
      spared = Date.now();
      await becomes("less arrives and it is said", SPARED_WITHIN_S, (now) => now.height < 720 && now.advice === "cpu");
      console.log(`${kind}: less is sent after ${spared - from} ms, ${last.height} lines of 720 arrive after ${Date.now() - from}`);
      await clerk.press("connections");
      await clerk.shows(`[data-testid="connection"][data-person="${person.id}"] [data-finding="overloaded"]`, 20);
      await clerk.press("connections");
      const { sound } = await received(person);
      await becomes("sound goes on", 10, (now) => now.sound > sound + 50);
    } finally {
      await device.release();
    }
    const released = Date.now();
    await becomes("all is sent and arrives again", RESTED_WITHIN_S, (now) => now.best && now.height === 720);
    console.log(`${kind}: all again ${Date.now() - released} ms after the device was fast again`);
    assert.equal(await advice(person), null);
    assert.deepEqual(person.page.complaints, []);
    // What one browser draws costs the next one's device.
    await browsers.pop().close();
  });
}
