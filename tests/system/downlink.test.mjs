// SPDX-License-Identifier: Apache-2.0
// What the way to a page carries, as the media core estimates it from what real browsers tell of the
// packets they got: it follows a line that becomes slow, and finds back when it is fast again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const SLOW_BPS = 250_000;

const browsers = [];
const viewers = [];
const links = [];
let court, publisher;

before(async () => {
  browsers.push(await Browser.launch("chromium", 0, { snow: true }));
  browsers.push(await Browser.launch("chromium", 1), await Browser.launch("firefox", 2));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  for (const number of [1, 2]) {
    // Firefox uses no loopback.
    links.push(await LossyLink.to(addresses().at(-1), await court.mediaPort()));
    viewers.push(await Seated.join(court, browsers[number], number, { prepare: links.at(-1).prepare }));
  }
  await publisher.do("publish", ["microphone", "camera"]);
}, { timeout: 90_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  const status = await court?.close();
  for (const link of links) link.close();
  assert.equal(status, 0, court?.log);
});

/** The newest statistics of the viewer, when there are any since `from` (of court.events). */
const told = (viewer, from) => court.events.slice(from).findLast((e) => e.peer === viewer.peer && e.type === "stats");

async function estimates(viewer, what, wanted) {
  const from = court.events.length;
  let last;
  try {
    await until(what, 40, async () => (last = told(viewer, from)) && wanted(last));
  } catch (error) {
    throw new Error(`${error.message}; last ${JSON.stringify(last)}`);
  }
  return last;
}

for (const [i, name] of ["Chromium", "Firefox"].entries())
  test(`the way to ${name} is known by what it tells of it`, { timeout: 150_000 }, async () => {
    const [viewer, link] = [viewers[i], links[i]];
    const { microphone, camera } = court.streams.get(publisher.peer);
    court.seat(viewer.peer, 0, { audio: microphone, video: camera });
    const open = await estimates(viewer, `${name} tells`, (s) => s.downBps > 1.5 * SLOW_BPS && s.downEstimateBps > s.downBps);
    link.rate = SLOW_BPS;
    const slow = await estimates(viewer, "a slow line is noticed", (s) => s.downEstimateBps < 1.1 * SLOW_BPS);
    assert.ok(slow.downEstimateBps > SLOW_BPS / 3, JSON.stringify(slow));
    link.rate = Infinity;
    const again = await estimates(viewer, "it is fast again", (s) => s.downEstimateBps > 1.5 * SLOW_BPS);
    console.log(`${name}: ${[open, slow, again].map((s) => `${s.downBps} sent, ${s.downEstimateBps} estimated`).join("; ")}`);
    assert.deepEqual(viewer.page.complaints, []);
  });
