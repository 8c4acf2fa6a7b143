// SPDX-License-Identifier: Apache-2.0
// What a page on a line that becomes slow, slower still and fast again is sent: sound all along, the
// picture as good as the line carries, and none where it carries none.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS, WIDTH } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const ORACLE = { colours: COLOURS.slice(0, 2), tones: TONES.slice(0, 2), counter: COUNTER, bits: COUNTER_BITS };
const LAYERS = {
  encodings: [
    { scaleResolutionDownBy: 2, maxBitrate: 120_000 },
    { scaleResolutionDownBy: 1, maxBitrate: 700_000 },
  ],
};
const FAST = 4_000_000;
const SLOW = 300_000;
const SOUND_ALONE = 110_000; // two tenths less than sound and the smallest picture

// The targets, of a quiet machine, are none and 2 s; figures are printed.
const SOUND_GAP_MS = 500;
const PICTURE_GAP_MS = 3000;

const browsers = [];
let court, publisher, viewer, link;

before(async () => {
  browsers.push(await Browser.launch("chromium", 0, { snow: true }), await Browser.launch("chromium", 1));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  link = await LossyLink.to("127.0.0.1", await court.mediaPort());
  link.rate = FAST;
  viewer = await Seated.join(court, browsers[1], 1, { prepare: link.prepare });
  await viewer.do("watch", 0, ORACLE);
  await publisher.do("publish", ["microphone", "camera"], LAYERS);
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  assert.equal(await court?.close(), 0, court?.log);
  link?.close();
});

const width = async () => (await viewer.do("stats", 0)).video?.frameWidth;
const newest = (type, of = viewer) => court.events.findLast((e) => e.peer === of.peer && e.type === type);

/** Waits for pictures so wide; how long it took, ms. */
async function shows(wanted, seconds) {
  const from = Date.now();
  let last;
  await until(`pictures ${wanted} wide`, seconds, async () => wanted.includes((last = await width()))).catch(async (error) => {
    const sent = (await publisher.do("sent")).encodings.map((e) => [e.rid, e.framesPerSecond, e.targetBitrate, e.qualityLimitationReason]);
    throw new Error(`${error.message}; last ${last}; ${JSON.stringify([newest("stats"), newest("layers", publisher), sent])}`);
  });
  return Date.now() - from;
}

/** Of the time since `from`: the longest without the tone and without a new picture, ms. */
async function gaps(from) {
  const { frames, sounds } = await viewer.do("noted", 0);
  const longest = (list) => Math.max(...[...list, Date.now()].map((at, i) => at - (i ? list[i - 1] : from)));
  return {
    sound: longest(sounds.filter(([at, tone]) => at >= from && tone === TONES[0]).map(([at]) => at)),
    picture: longest(frames.filter(([at, source]) => at >= from && source === 0).map(([at]) => at)),
  };
}

const seconds = (n) => new Promise((over) => setTimeout(over, n * 1000));

test("a line becomes slow, too slow for pictures, and fast again", { timeout: 150_000 }, async () => {
  const { microphone, camera } = court.streams.get(publisher.peer);
  const begun = Date.now();
  court.seat(viewer.peer, 0, { audio: microphone, video: camera });
  const first = await viewer.do("shows", 0, { source: 0, tone: TONES[0], margin: 30, since: begun, patienceMs: 10_000 });
  assert.ok(first.picture && first.sound, JSON.stringify(first));
  await shows([WIDTH], 20);
  console.log(`first sound after ${first.sound - begun} ms, picture ${first.picture - begun}, the best ${Date.now() - begun}`);

  await seconds(3); // it is steady
  let from = Date.now();
  link.rate = SLOW;
  await shows([WIDTH / 2], 10);
  await seconds(8);
  let gap = await gaps(from);
  console.log(`slow: longest gap of sound ${gap.sound} ms, of the picture ${gap.picture}; ${JSON.stringify(newest("stats"))}`);
  assert.ok(gap.sound < SOUND_GAP_MS, `${gap.sound} ms without the tone`);
  assert.ok(gap.picture < PICTURE_GAP_MS, `${gap.picture} ms without a new picture`);
  assert.ok(newest("stats").downBps < 1.1 * SLOW, JSON.stringify(newest("stats")));

  from = Date.now();
  link.rate = FAST;
  const best = await shows([WIDTH], 20);
  gap = await gaps(from);
  console.log(`fast: the best after ${best} ms; longest gap of sound ${gap.sound} ms, of the picture ${gap.picture}; ${JSON.stringify(newest("stats"))}`);

  assert.ok(gap.sound < SOUND_GAP_MS && gap.picture < PICTURE_GAP_MS, JSON.stringify(gap));

  from = Date.now();
  link.rate = SOUND_ALONE;
  await until("the picture is held", 20, async () => newest("picture")?.held === true);
  await seconds(5);
  gap = await gaps(from);
  console.log(`too slow: held; longest gap of sound ${gap.sound} ms; ${JSON.stringify(newest("stats"))}`);

  assert.ok(gap.sound < SOUND_GAP_MS, `${gap.sound} ms without the tone`);
  from = Date.now();
  link.rate = FAST;
  await until("the picture is back", 20, async () => newest("picture")?.held === false);
  const back = Date.now() - from;
  await shows([WIDTH], 20);
  console.log(`back after ${back} ms, the best after ${Date.now() - from}; ${JSON.stringify(newest("stats"))}`);
  assert.deepEqual(viewer.page.complaints, []);
});
