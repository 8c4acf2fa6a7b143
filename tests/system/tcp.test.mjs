// SPDX-License-Identifier: Apache-2.0
// People behind a firewall that passes no UDP: their browsers find the media core's TCP port by
// themselves, each hears and sees the other over it, and comes back when the connection is reset.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { Firewall } from "./lib/firewall.mjs";
import { addresses, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

const ORACLE = { colours: COLOURS.slice(0, 2), tones: TONES.slice(0, 3), counter: COUNTER, bits: COUNTER_BITS };
const MARGIN_DB = 30;
const PATIENCE_MS = 20_000;
// Both connect anew at once. Chromium checks the new connection within a second; Firefox when its next
// check of consent is due, 4 to 6 s apart (RFC 7675 section 5.1), and without one nothing is sent to it.
const BACK_MS = { chromium: 4000, firefox: 8000 };

const browsers = [];
const people = []; // 0 and 1 Chromium, 2 Firefox; all behind the firewall
let court, wall;

before(async () => {
  for (const [number, kind] of ["chromium", "chromium", "firefox"].entries())
    browsers.push(await Browser.launch(kind, number, { snow: true }));
  court = await Court.open();
  wall = await Firewall.before(addresses().at(-1), await court.mediaPort());
  for (const [number, browser] of browsers.entries()) {
    people.push(await Seated.join(court, browser, number, { prepare: wall.prepare }));
    await people[number].do("publish", ["microphone", "camera"]);
  }
}, { timeout: 90_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  wall?.close();
  const status = await court?.close();
  assert.equal(status, 0, court?.log);
});

/** Waits until `viewer` sees (where colours tell it) and hears `number` in a seat. */
async function meets(viewer, seat, number, since) {
  const wanted = { source: number, tone: TONES[number], margin: MARGIN_DB, since, patienceMs: PATIENCE_MS };
  const { picture, sound } = await viewer.do("shows", seat, wanted);
  const name = `${viewer.browser.kind} ${viewer.number} meets ${number}`;
  assert.ok(sound, `${name}: heard`);
  assert.ok(picture, `${name}: seen`);
  return `${name}: sound after ${sound - since} ms, picture after ${picture - since} ms`;
}

test("each hears and sees the other over TCP", { timeout: 60_000 }, async () => {
  const said = [];
  for (const [viewer, number] of [[people[1], 0], [people[2], 0], [people[0], 1]]) {
    await viewer.do("watch", 0, ORACLE);
    const since = Date.now();
    const { microphone, camera } = court.streams.get(people[number].peer);
    court.seat(viewer.peer, 0, { audio: microphone, video: camera });
    said.push(await meets(viewer, 0, number, since));
  }
  // Firefox's fake camera has no colour of its own.
  const since = Date.now();
  const { microphone, camera } = court.streams.get(people[2].peer);
  await people[1].do("watch", 1, ORACLE);
  court.seat(people[1].peer, 1, { audio: microphone, video: camera });
  const heard = await people[1].do("shows", 1, { tone: TONES[2], margin: MARGIN_DB, since, patienceMs: PATIENCE_MS / 2 });
  assert.ok(heard.sound && (await people[1].do("stats", 1)).video.framesDecoded > 0, "Firefox is heard and seen");
  console.log(said.join("\n"));
});

test("browsers say that TCP carries both ways, and UDP was tried", { timeout: 30_000 }, async () => {
  for (const person of people) {
    const paths = await person.do("paths");
    assert.equal(paths.length, 2, JSON.stringify(paths));
    for (const path of paths) {
      assert.equal(path.remote, "tcp", JSON.stringify(paths));
      assert.ok(path.bytesSent > 0 && path.bytesReceived > 0, JSON.stringify(paths));
    }
    assert.deepEqual(person.page.complaints, []);
  }
  assert.ok(wall.swallowed > 0);
});

/** The longest time without a frame in a seat, ms, from `since` to now. */
async function longestGap(viewer, seat, since) {
  const times = (await viewer.do("noted", seat)).frames.map(([at]) => at);
  const from = times.findLastIndex((at) => at < since);
  return Math.max(...times.slice(from + 1).map((at, i) => at - times[from + i]));
}

test("connections that are reset are made anew, and nobody is lost", { timeout: 60_000 }, async () => {
  const connections = wall.connections;
  const since = Date.now();
  wall.reset();
  await until("every transport has another", 20, () => wall.connections - connections >= 2 * people.length);
  const back = (person) => since + BACK_MS[person.browser.kind];
  await Promise.all([[1, 0], [0, 1], [2, 0]].map(([who, number]) => meets(people[who], 0, number, back(people[who]))));
  // Chromium sends its media on before its first check: that must not end the new one.
  assert.equal(wall.connections - connections, 2 * people.length);
  for (const person of people) {
    const gap = await longestGap(person, 0, since);
    console.log(`${person.browser.kind} ${person.number}, reset: no picture for ${gap} ms`);
    assert.ok(gap < BACK_MS[person.browser.kind], `${gap} ms without a picture`);
  }
});
