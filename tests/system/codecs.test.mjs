// SPDX-License-Identifier: Apache-2.0
// What pages may send besides one layer of VP8: simulcast, whose upper layer a browser starts only
// because the media core's transport-wide feedback tells it that the link bears it; and H.264, in a
// hearing with somebody who sends VP8, down to the record.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, COLOURS, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS, HEIGHT, WIDTH } from "./lib/fakes.mjs";
import { seen } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { counters, longestHole, probe } from "./lib/recording.mjs";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, until } from "./lib/stack.mjs";
import { Court, Seated } from "./seats/court.mjs";

// The lower layer takes all of the rate a page begins with: nothing is left for the upper one.
const START_KBPS = 100;
const ENOUGH_BPS = 500_000; // without feedback a page never thinks it may send so much
const SIMULCAST = {
  encodings: [
    { scaleResolutionDownBy: 2, maxBitrate: 150_000 },
    { scaleResolutionDownBy: 1, maxBitrate: 700_000 },
  ],
  codecOptions: { videoGoogleStartBitrate: START_KBPS },
};
const ORACLE = { colours: COLOURS.slice(0, 2), tones: TONES.slice(0, 2), counter: COUNTER, bits: COUNTER_BITS };
const IN_SESSION_S = 8;

const browsers = [];

before(async () => {
  for (const number of [0, 1]) browsers.push(await Browser.launch("chromium", number, { snow: true }));
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
});

test("simulcast: the upper layer starts by our feedback, and is what a seat shows", { timeout: 60_000 }, async (t) => {
  const court = await Court.open();
  t.after(() => court.close());
  const publisher = await Seated.join(court, browsers[0], 0);
  const viewer = await Seated.join(court, browsers[1], 1);
  await viewer.do("watch", 0, ORACLE);
  await publisher.do("publish", ["microphone", "camera"], SIMULCAST);
  const { microphone, camera } = court.streams.get(publisher.peer);
  const since = Date.now();
  court.seat(viewer.peer, 0, { audio: microphone, video: camera });

  const begun = await viewer.do("shows", 0, { source: 0, tone: TONES[0], margin: 30, since, patienceMs: 10_000 });
  assert.ok(begun.picture && begun.sound, JSON.stringify(begun));
  const first = (await publisher.do("sent")).encodings;
  assert.deepEqual(first.map(({ rid }) => rid), ["r0", "r1"]);

  let sent;
  await until("the upper layer is sent", 25, async () => {
    sent = await publisher.do("sent");
    return sent.encodings[1].framesEncoded > 20 && sent.encodings[1].packetsSent > 20;
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify({ ...sent, encodings: sent.encodings.map((e) => [e.rid, e.active, e.packetsSent, e.targetBitrate]) })}`);
  });
  const startedAfter = Date.now() - since;
  assert.ok(sent.mayBps > ENOUGH_BPS, `the page thinks it may send ${sent.mayBps} bit/s`);
  assert.deepEqual(sent.encodings.map((e) => [e.frameWidth, e.frameHeight]), [[WIDTH / 2, HEIGHT / 2], [WIDTH, HEIGHT]]);

  let shown;
  await until("the viewer gets the upper layer", 10, async () => {
    shown = (await viewer.do("stats", 0)).video;
    return shown.frameWidth === WIDTH && shown.frameHeight === HEIGHT;
  });
  // It stays: the seat does not fall back while both layers flow.
  const decoded = shown.framesDecoded;
  await until("40 frames more", 15, async () => (shown = (await viewer.do("stats", 0)).video).framesDecoded > decoded + 40);
  assert.equal(shown.frameWidth, WIDTH);
  // The upper layer stops and comes back: the seat goes on with the lower one meanwhile.
  const changed = [];
  for (const [active, width] of [[false, WIDTH / 2], [true, WIDTH]]) {
    const at = Date.now();
    await publisher.do("layer", "r1", active);
    await until(`the viewer gets pictures of ${width}`, 10, async () => (await viewer.do("stats", 0)).video.frameWidth === width);
    changed.push(Date.now() - at);
  }
  const { frames } = await viewer.do("noted", 0);
  const gap = Math.max(...frames.slice(1).map(([at], i) => (at > begun.picture ? at - frames[i][0] : 0)));
  console.log(`ms to the lower layer and back: ${changed}; longest time between two pictures ${gap} ms`);
  assert.ok(gap < 1500, "a layer that stops makes way for the next before it is missed for long");
  assert.deepEqual(frames.filter(([at, source]) => at > begun.picture && source !== 0), [], "the right picture all along");
  console.log(`upper layer sent ${startedAfter} ms after the seat was set; may send ${Math.round(sent.mayBps / 1000)} kbit/s; viewer: ${shown.keyFramesDecoded} key frames, ${shown.freezeCount} freezes, ${shown.framesDropped} dropped`);
  for (const one of [publisher, viewer]) {
    assert.deepEqual(one.page.complaints, []);
    await one.page.close();
  }
});

test("simulcast of Firefox: a seat shows its upper layer, and the lower one while that is off", { timeout: 60_000 }, async (t) => {
  const court = await Court.open();
  t.after(() => court.close());
  const firefox = await Browser.launch("firefox", 2);
  t.after(() => firefox.close());
  const publisher = await Seated.join(court, firefox, 0);
  const viewer = await Seated.join(court, browsers[1], 1);
  await publisher.do("publish", ["microphone", "camera"], { encodings: SIMULCAST.encodings });
  const { microphone, camera } = court.streams.get(publisher.peer);
  const since = Date.now();
  court.seat(viewer.peer, 0, { audio: microphone, video: camera });
  const gets = async (wanted) => {
    const at = Date.now();
    let video;
    await until(`the viewer gets pictures of ${wanted}`, 20, async () => (video = (await viewer.do("stats", 0)).video)?.frameWidth === wanted);
    const { framesDecoded } = video;
    await until("they go on", 10, async () => (video = (await viewer.do("stats", 0)).video).framesDecoded > framesDecoded + 20);
    assert.equal(video.frameWidth, wanted);
    return Date.now() - at;
  };
  await until("Firefox sends both", 20, async () => {
    const { encodings } = await publisher.do("sent");
    return encodings.length === 2 && encodings.every(({ framesEncoded }) => framesEncoded > 10);
  });
  const { frameWidth: own } = (await publisher.do("sent")).encodings.at(-1);
  console.log(`Firefox: both layers ${Date.now() - since} ms after the seat was set, ${own} wide`);
  await gets(own);
  const changed = [];
  for (const [active, width] of [[false, own / 2], [true, own]]) {
    await publisher.do("layer", "r1", active);
    changed.push(await gets(width));
  }
  console.log(`ms to 20 pictures of the lower layer, and of the upper one again: ${changed}`);
  for (const one of [publisher, viewer]) {
    assert.deepEqual(one.page.complaints, []);
    await one.page.close();
  }
});

/** Runs in a page first: the court's list of codecs comes with H.264 before VP8, and connections are
 * kept to be asked for their numbers. */
function preferH264() {
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
  const rank = ({ mimeType }) => (mimeType === "video/H264" ? 0 : 1);
  window.WebSocket = class extends WebSocket {
    set onmessage(take) {
      super.onmessage = take && (({ data }) => {
        const message = JSON.parse(data);
        message.rtpCapabilities?.codecs.sort((a, b) => rank(a) - rank(b));
        take({ data: JSON.stringify(message) });
      });
    }
  };
}

/** Codecs of the pictures a page sends or gets, with frames. */
const codecs = (page, type) =>
  page.evaluate(async (wanted) => {
    const found = [];
    for (const connection of window.connections) {
      const all = await connection.getStats();
      for (const [, report] of all)
        if (report.type === wanted && report.kind === "video" && all.get(report.codecId))
          found.push(all.get(report.codecId).mimeType.toLowerCase());
    }
    return found;
  }, type);

test("H.264 in a hearing: the other sees it move, and the record holds it", { timeout: 120_000 }, async (t) => {
  const stack = await Stack.start();
  t.after(() => stack.stop());
  const hearing = await stack.hearing([{ role: "judge", name: "Judge Okafor" }, { role: "party", name: "李伟" }, { role: "clerk", name: "陈静" }]);
  const prepared = { prepare: [preferH264] };
  const judge = await Person.arrive(browsers[0], hearing.people[0], prepared);
  const can = await judge.page.evaluate(() => RTCRtpSender.getCapabilities("video").codecs.map((c) => c.mimeType));
  assert.ok(can.includes("video/H264"), `Debian's Chromium encodes ${can}`);
  await judge.join();
  await judge.press("open-hearing");
  const party = await Person.arrive(browsers[1], hearing.people[1]);
  await party.join();
  await judge.admit(party);
  await party.sees("page-courtroom");
  await judge.waitState("record", "on", 5);

  /** Whether `viewer` sees the counter of `other` move. */
  const moves = async (viewer, other) => {
    const before = (await seen(viewer.page, COUNTER, COUNTER_BITS))[other.id];
    return until(`${viewer.name} sees ${other.name} move`, 10, async () => {
      const now = (await seen(viewer.page, COUNTER, COUNTER_BITS))[other.id];
      return before && now && now.counter !== before.counter && now.frames > before.frames + 20;
    });
  };
  await until("both see each other", 10, async () =>
    (await seen(judge.page, COUNTER, COUNTER_BITS))[party.id] && (await seen(party.page, COUNTER, COUNTER_BITS))[judge.id],
  );
  await moves(party, judge);
  await moves(judge, party);
  const sends = await codecs(judge.page, "outbound-rtp");
  assert.ok(sends.length >= 1 && sends.every((codec) => codec === "video/h264"), `each layer is H.264: ${sends}`);
  assert.deepEqual(await codecs(judge.page, "inbound-rtp"), ["video/vp8"]);

  // The media core knows how high H.264 is too: layers are chosen by it.
  const clerk = await PageSocket.open(stack);
  await clerk.ask("hello", { protocol: 1, token: new URL(hearing.people[2].link).hash.slice(1) });
  await clerk.ask("join", { seats: 1 });
  assert.equal((await clerk.ask("watchConnections", { on: true })).type, "ok");
  await until("the clerk is told the height of the judge's picture", 15, () =>
    clerk.latest.connections?.people.some((one) => one.person === judge.id && one.up.height === HEIGHT));
  clerk.vanish();
  await judge.page.waitForFunction((from, wait) => performance.now() - from > wait * 1000, { timeout: 40_000 },
    await judge.page.evaluate(() => performance.now()), IN_SESSION_S);
  await judge.press("close-hearing");
  await judge.press("close-question-yes");
  await judge.waitState("record-progress", "ready", 120);

  const folder = join(stack.dir, "records", hearing.hearing);
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(mkv|mp4|webm)$/.test(name));
  const found = {};
  for (const name of files) {
    const { streams, format, warnings } = await probe(join(folder, name));
    assert.equal(warnings, "", name);
    const video = streams.find(({ codec_type }) => codec_type === "video");
    found[name] = { codec: video?.codec_name, width: video?.width, duration: Number(format.duration) };
  }
  console.log(JSON.stringify(found));
  const of = (person) => files.find((name) => name.includes(person.id));
  assert.equal(found[of(judge)].codec, "h264");
  assert.equal(found[of(party)].codec, "vp8");
  for (const person of [judge, party]) {
    const [own] = await counters(join(folder, of(person)));
    const hole = longestHole(own, 2, found[of(person)].duration - 0.5);
    assert.ok(hole <= 1, `${person.name}: ${hole} s without a new frame`);
  }
  const composite = "hearing.mp4";
  const tiles = [{ x: 0, y: 0.25, width: 0.5, height: 0.5 }, { x: 0.5, y: 0.25, width: 0.5, height: 0.5 }];
  const composed = await counters(join(folder, composite), tiles);
  for (const [n, person] of [judge, party].entries()) {
    const hole = longestHole(composed[n], 2, found[composite].duration - 0.5);
    assert.ok(hole <= 1, `composite, ${person.name}: ${hole} s without a new frame`);
  }
  for (const person of [judge, party]) assert.deepEqual(person.page.complaints, []);
});
