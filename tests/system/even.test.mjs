// SPDX-License-Identifier: Apache-2.0
// A frame's packets are padded to one length (sfu/even.h): real browsers, of which two lose packets and
// get them again as RTX, show the picture as if they were not.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const RTP_HEADER_BYTES = 20; // with the transport-wide number
const ORACLE = { colours: COLOURS.slice(0, 2), tones: TONES.slice(0, 2), counter: COUNTER, bits: COUNTER_BITS };

const browsers = [];
let court, link, publisher;
const viewers = [];

before(async () => {
  browsers.push(await Browser.launch("chromium", 0, { snow: true }));
  browsers.push(await Browser.launch("chromium", 1), await Browser.launch("firefox", 2));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  link = await LossyLink.to(addresses().at(-1), await court.mediaPort()); // Firefox uses no loopback;
  for (const number of [1, 2])
    viewers.push(await Seated.join(court, browsers[number], number, { prepare: link.prepare }));
  await publisher.do("publish", ["microphone", "camera"]);
}, { timeout: 90_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await court?.close();
  link?.close();
});

const video = async (viewer) => (await viewer.do("stats", 0)).video;

for (const [i, name] of ["Chromium", "Firefox"].entries())
  test(`${name} shows frames whose packets were made equal, lost ones among them`, { timeout: 90_000 }, async () => {
    const viewer = viewers[i];
    const { microphone, camera } = court.streams.get(publisher.peer);
    await viewer.do("watch", 0, ORACLE);
    const since = Date.now();
    court.seat(viewer.peer, 0, { audio: microphone, video: camera });
    const begun = await viewer.do("shows", 0, { source: 0, tone: TONES[0], margin: 30, since, patienceMs: 15_000 });
    assert.ok(begun.picture && begun.sound, JSON.stringify(begun));

    // Frames of several packets, as the page's estimate grows.
    let before;
    await until(`${name} gets frames of several packets`, 30, async () => {
      const earlier = before;
      before = await video(viewer);
      return earlier && before.packetsReceived - earlier.packetsReceived > 2 * (before.framesDecoded - earlier.framesDecoded);
    });
    link.loss = 0.03;
    let now;
    await until(`${name} asks again, and goes on`, 40, async () => {
      now = await video(viewer);
      return now.nackCount > before.nackCount + 3 && now.framesDecoded > before.framesDecoded + 75;
    });
    link.loss = 0;
    console.log(`${name}: ${now.framesDecoded - before.framesDecoded} frames of ${now.packetsReceived - before.packetsReceived} packets, ` +
      `${now.nackCount - before.nackCount} NACKs, ${now.pliCount - before.pliCount} PLIs, ${now.headerBytesReceived - RTP_HEADER_BYTES * now.packetsReceived} bytes of padding`);
    assert.ok(now.headerBytesReceived > RTP_HEADER_BYTES * now.packetsReceived, "some of them were padded");
    const { frames } = await viewer.do("noted", 0);
    assert.deepEqual(frames.filter(([at, source]) => at > begun.picture && source !== 0), [], "the right picture all along");
    assert.deepEqual(viewer.page.complaints, []);
  });
