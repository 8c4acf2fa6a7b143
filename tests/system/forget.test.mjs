// SPDX-License-Identifier: Apache-2.0
// A NAT that began anew: the page's packets come from another port without a word of it, and nothing
// reaches it by the old one. Firefox's checks from there do not nominate.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const ORACLE = { colours: COLOURS.slice(0, 2), tones: TONES.slice(0, 2), counter: COUNTER, bits: COUNTER_BITS };
const TIMES = 3;
const PLAYED_OUT_MS = 1000; // what had come before
// Consent is 30 s, Firefox's checks are 6 s apart at most (RFC 7675 section 5.1).
const BACK_MS = 12_000;

const browsers = [];
let court, link, publisher, viewer;

before(async () => {
  browsers.push(await Browser.launch("chromium", 0), await Browser.launch("firefox", 1));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  link = await LossyLink.to(addresses().at(-1), await court.mediaPort()); // Firefox uses no loopback
  viewer = await Seated.join(court, browsers[1], 1, { prepare: link.prepare });
  await publisher.do("publish", ["microphone", "camera"]);
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  const status = await court?.close();
  link?.close();
  assert.equal(status, 0, court?.log);
});

test("Firefox behind a NAT that forgets it hears and sees again", { timeout: 120_000 }, async () => {
  const { microphone, camera } = court.streams.get(publisher.peer);
  await viewer.do("watch", 0, ORACLE);
  const shows = (since, patienceMs) => viewer.do("shows", 0, { source: 0, tone: TONES[0], margin: 0, since, patienceMs });
  const begun = Date.now();
  court.seat(viewer.peer, 0, { audio: microphone, video: camera });
  const first = await shows(begun, 15_000);
  assert.ok(first.picture && first.sound, JSON.stringify(first));
  for (let time = 0; time < TIMES; time++) {
    link.forget();
    const from = Date.now();
    const again = await shows(from + PLAYED_OUT_MS, BACK_MS);
    console.log(`sound after ${again.sound - from} ms, picture after ${again.picture - from}`);
    assert.ok(again.picture && again.sound, `not back within ${BACK_MS} ms`);
  }
  assert.deepEqual(viewer.page.complaints, []);
});
