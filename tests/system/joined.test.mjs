// SPDX-License-Identifier: Apache-2.0
// Sound on a line that carries little more than it: several packets of Opus come as one, both browsers
// hear it all, and on a fast line it comes as it was sent again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const THIN_BPS = 64_000;
const SAMPLE_RATE = 48_000;
const MEASURED_S = 6; // of sound
const ORACLE = { colours: COLOURS.slice(0, 3), tones: TONES.slice(0, 3), counter: COUNTER, bits: COUNTER_BITS };

const browsers = [];
const viewers = [];
const links = [];
let court, publisher;

before(async () => {
  for (const [number, kind] of ["chromium", "chromium", "firefox"].entries()) browsers.push(await Browser.launch(kind, number));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  for (const number of [1, 2]) {
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

const hears = async (viewer) => (await viewer.do("stats", 0)).audio ?? { packetsReceived: 0, totalSamplesReceived: 0 };

/** Over so much sound: milliseconds of it in a packet, and the share that the browser made up. */
async function heard(viewer, seconds) {
  const from = await hears(viewer);
  let now;
  await until("enough was heard", 30, async () => (now = await hears(viewer)).totalSamplesReceived >= from.totalSamplesReceived + seconds * SAMPLE_RATE);
  const grown = (member) => now[member] - from[member];
  return {
    ms: (grown("totalSamplesReceived") * 1000) / SAMPLE_RATE / grown("packetsReceived"),
    concealed: grown("concealedSamples") / grown("totalSamplesReceived"),
  };
}

test("sound on a thin line", { timeout: 120_000 }, async () => {
  const { microphone, camera } = court.streams.get(publisher.peer);
  for (const viewer of viewers) {
    await viewer.do("watch", 0, ORACLE);
    court.seat(viewer.peer, 0, { audio: microphone, video: camera });
  }
  for (const viewer of viewers) await until("it is heard", 20, async () => (await hears(viewer)).packetsReceived > 50);
  for (const link of links) link.rate = THIN_BPS;
  for (const viewer of viewers) await until("packets are joined", 30, async () => (await heard(viewer, 1)).ms > 50);
  const all = await Promise.all(viewers.map((viewer) => heard(viewer, MEASURED_S)));
  for (const [n, { ms, concealed }] of all.entries()) {
    console.log(`${browsers[n + 1].kind}: ${ms.toFixed(0)} ms of sound a packet, ${(100 * concealed).toFixed(1)} % made up`);
    assert.ok(ms > 50, "three in one");
    assert.ok(concealed < 0.1, "they hear what was said");
  }
  for (const link of links) link.rate = Infinity;
  for (const viewer of viewers) await until("they come as they were sent again", 60, async () => (await heard(viewer, 1)).ms < 25);
  for (const viewer of viewers) assert.deepEqual(viewer.page.complaints, []);
});
