// SPDX-License-Identifier: Apache-2.0
// How long a full join takes in a real Chromium, from the WebSocket to the first media, and where
// that time goes. The figures are printed; what is tested is that each step happens, in its order.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const JOINS = Number(process.env.ASSIZE_TEST_JOINS ?? 7);
const PEOPLE = [
  { role: "judge", name: "Judge Okafor" },
  { role: "clerk", name: "Maria Rossi" },
];

let stack, hearing, judge;
const browsers = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  for (const number of PEOPLE.keys()) browsers.push(await Browser.launch("chromium", number));
  judge = await Person.arrive(browsers[0], hearing.people[0]);
  await judge.join();
  await judge.press("open-hearing");
  await judge.waitState("hearing-state", "open");
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

/** Runs in the page before all else: notes when what happens, in `window.joinMarks`. */
function watch() {
  const marks = (window.joinMarks = []);
  const mark = (what) => marks.push([what, performance.now()]);
  const typeOf = (text) => JSON.parse(text).type;
  window.addEventListener("click", () => mark("click"), true);
  window.WebSocket = class extends window.WebSocket {
    constructor(...rest) {
      super(...rest);
      mark("socket");
      this.addEventListener("open", () => mark("socket open"));
      this.addEventListener("message", (event) => mark(`got ${typeOf(event.data)}`));
    }
    send(data) {
      mark(`sent ${typeOf(data)}`);
      super.send(data);
    }
  };
  let peers = 0;
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...rest) {
      super(...rest);
      const number = ++peers;
      mark(`peer ${number}`);
      this.addEventListener("iceconnectionstatechange", () => mark(`peer ${number} ice ${this.iceConnectionState}`));
      this.addEventListener("connectionstatechange", () => mark(`peer ${number} ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => track.addEventListener("unmute", () => mark(`media ${track.kind}`)));
    }
  };
}

/** The parts of a join in order: from when, to when. The person's own pause between welcome and click is none of them. */
const PARTS = [
  ["socket: TCP, TLS, upgrade", "socket", "socket open"],
  ["hello, welcome", "socket open", "got welcome"],
  ["join, joined (place, journal, media core)", "click", "got joined"],
  ["the page draws, makes both transports and all seats", "got joined", "sent connect"],
  ["it answers its own offer, begins ICE", "sent connect", "peer ice checking"],
  ["ICE, DTLS, the first packet of a seat", "peer ice checking", "media"],
];

const firstOf = (marks, what) => {
  const found = marks.find(([name]) => name.replace(/ \d+/, "").startsWith(what));
  assert.ok(found, `${what} happened`);
  return found[1];
};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

test("where the time of a join goes", { timeout: 120_000 }, async () => {
  const runs = [];
  for (let n = 0; n < JOINS; n++) {
    const clerk = await Person.arrive(browsers[1], hearing.people[1], { prepare: [watch] });
    assert.equal(await clerk.join(), "page-courtroom");
    const has = (wanted) => clerk.page.evaluate(
      (what) => window.joinMarks.some(([name]) => name.startsWith(what)), wanted);
    await until("sound comes", 10, () => has("media audio"), 20);
    await until("a picture comes", 10, () => has("media video"), 20);
    const marks = await clerk.page.evaluate(() => window.joinMarks);
    runs.push(PARTS.map(([, from, to]) => firstOf(marks, to) - firstOf(marks, from)));
    assert.ok(runs.at(-1).every((ms) => ms >= 0), "in their order");
    assert.deepEqual(clerk.page.complaints, []);
    await clerk.page.close();
  }
  for (const [part, [what]] of PARTS.entries())
    console.log(`${median(runs.map((run) => run[part])).toFixed(0).padStart(5)} ms  ${what}`);
  const whole = runs.map((run) => run.reduce((sum, ms) => sum + ms, 0));
  console.log(`${median(whole).toFixed(0).padStart(5)} ms  from the WebSocket to the first media, median of ${JOINS}`,
    `(${Math.min(...whole).toFixed(0)} to ${Math.max(...whole).toFixed(0)})`);
});
