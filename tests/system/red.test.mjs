// SPDX-License-Identifier: Apache-2.0
// Sound over a path that loses: who takes RED (RFC 2198) hears what was said, and next to it one who
// is sent each packet once hears what the browser makes up for what is missing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const LOSS = 0.15;
const MEASURED_PACKETS = 300; // that came
const SOME_PACKETS = 40;
const ORACLE = { colours: COLOURS.slice(0, 1), tones: TONES.slice(0, 2), counter: COUNTER, bits: COUNTER_BITS };

const browsers = [];
const viewers = [];
const links = [];
let court, publisher;

before(async () => {
  for (const number of [0, 1, 2]) browsers.push(await Browser.launch("chromium", number));
  court = await Court.open();
  publisher = await Seated.join(court, browsers[0], 0);
  for (const number of [1, 2]) {
    links.push(await LossyLink.to(addresses().at(-1), await court.mediaPort()));
    const red = number === 1;
    viewers.push(await Seated.join(court, browsers[number], number, { prepare: links.at(-1).prepare, ...(red ? {} : { red }) }));
  }
  await publisher.do("publish", ["microphone"]);
}, { timeout: 90_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  const status = await court?.close();
  for (const link of links) link.close();
  assert.equal(status, 0, court?.log);
});

const hears = async (viewer) => (await viewer.do("stats", 0)).audio ?? { packetsReceived: 0 };

/** What came while as many packets did as `packets`: bytes of a packet, and the share of the sound that the
 * browser made up, by its own count. */
async function heard(viewer, packets) {
  const from = await hears(viewer);
  let now;
  await until("enough was heard", 30, async () => (now = await hears(viewer)).packetsReceived >= from.packetsReceived + packets);
  const grown = (member) => now[member] - from[member];
  return {
    bytes: grown("bytesReceived") / grown("packetsReceived"),
    concealed: (grown("concealedSamples") - grown("silentConcealedSamples")) / grown("totalSamplesReceived"),
  };
}

const both = () => Promise.all(viewers.map((viewer) => heard(viewer, MEASURED_PACKETS)));
const percent = (share) => `${(100 * share).toFixed(1)} %`;

test("sound over a path that loses", { timeout: 120_000 }, async () => {
  const { microphone } = court.streams.get(publisher.peer);
  for (const viewer of viewers) {
    await viewer.do("watch", 0, ORACLE);
    court.seat(viewer.peer, 0, { audio: microphone, video: "0" });
  }
  for (const viewer of viewers) await until("it is heard", 20, async () => (await hears(viewer)).packetsReceived > 50);
  const whole = await heard(viewers[0], SOME_PACKETS);
  for (const link of links) link.loss = LOSS;
  const isRed = async (viewer) => (await heard(viewer, SOME_PACKETS)).bytes > 1.8 * whole.bytes;
  await until("RED is sent", 30, () => isRed(viewers[0]));
  const [red, plain] = await both();
  console.log(`concealed ${percent(whole.concealed)} without loss; with ${percent(LOSS)}: RED ${percent(red.concealed)} (${red.bytes.toFixed(0)} bytes a packet), each packet once ${percent(plain.concealed)} (${plain.bytes.toFixed(0)} bytes)`);
  assert.ok(plain.concealed > LOSS / 3, "without RED what is lost is made up");
  assert.ok(red.concealed < plain.concealed / 2, "with RED most of it is not");
  assert.ok(plain.bytes < 1.3 * whole.bytes, "who does not take it is not sent it");
  for (const link of links) link.loss = 0;
  await until("each packet is sent once again", 40, async () => !(await isRed(viewers[0])));
  for (const viewer of viewers) assert.deepEqual(viewer.page.complaints, []);
});
