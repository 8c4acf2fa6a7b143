// SPDX-License-Identifier: Apache-2.0
// A hearing with VP9: a camera is one stream in spatial layers, of which each page is sent those it
// looks at and its line carries; a browser that does not make them sends VP8 beside it, and sees all
// the same; the record holds the best layer.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { keepConnections } from "./lib/canvas.mjs";
import { COUNTER, COUNTER_BITS, HEIGHT } from "./lib/fakes.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { seen } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { counters, heights, longestHole, probe } from "./lib/recording.mjs";
import { Stack, addresses, until } from "./lib/stack.mjs";

const LARGE = { width: 1280, height: 800, deviceScaleFactor: 3 };
const SMALL = { width: 360, height: 640, deviceScaleFactor: 1 };
/** The target is 2 s of a quiet machine; figures are printed. */
const OFF_WITHIN_S = 4;
const FAST = 20_000_000;
const SLOW = 400_000;
const IN_SESSION_S = 8;

let stack, link, judge, party, lawyer;
const browsers = [];

before(async () => {
  stack = await Stack.start({ workers: 1 });
  link = await LossyLink.to(addresses()[0], stack.mediaPort);
  const hearing = await stack.hearing([
    { role: "judge", name: "Judge Okafor" },
    { role: "party", name: "李伟" },
    { role: "lawyer", name: "Chen Jing" },
  ], { vp9: true });
  browsers.push(await Browser.launch("chromium", 0), await Browser.launch("chromium", 1), await Browser.launch("firefox", 2));
  judge = await Person.arrive(browsers[0], hearing.people[0], { prepare: [keepConnections, "canvas"] });
  party = await Person.arrive(browsers[1], hearing.people[1], { prepare: link.prepare });
  lawyer = await Person.arrive(browsers[2], hearing.people[2]);
  await judge.join();
  await party.join();
  await judge.admit(party);
  await party.sees("page-courtroom", 20);
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  link?.close();
});

/** The camera as it is sent: its codec, mode and lines, and frames so far. */
function sent(person = judge) {
  return person.page.evaluate(async () => {
    for (const connection of window.connections)
      for (const sender of connection.getSenders()) {
        if (sender.track?.kind !== "video") continue;
        const all = await sender.getStats();
        const streams = [...all.values()].filter(({ type }) => type === "outbound-rtp");
        const [one] = streams;
        return one && {
          streams: streams.length, codec: all.get(one.codecId)?.mimeType, mode: one.scalabilityMode,
          asked: sender.getParameters().encodings[0].scalabilityMode,
          height: one.frameHeight, frames: one.framesEncoded, target: one.targetBitrate, limited: one.qualityLimitationReason,
        };
      }
    return null;
  });
}

/** What `viewer` has of the picture and voice of `other`. */
async function got(viewer = party, other = judge) {
  const { seats } = await viewer.stats();
  const seat = seats.find(({ person }) => person === other.id);
  return { ...seat?.video, sound: seat?.audio.packets ?? 0 };
}

const facts = async () => JSON.stringify([await sent(), await got()]);

async function lines(wanted, seconds, viewer = party) {
  const from = Date.now();
  await until(`${wanted} lines`, seconds, async () => wanted.includes((await got(viewer)).height)).catch(async (error) => {
    throw new Error(`${error.message}: ${await facts()}`);
  });
  return Date.now() - from;
}

test("a camera is one stream of VP9 in three layers; a large picture is sent all its lines", { timeout: 60_000 }, async () => {
  await party.page.setViewport(LARGE);
  await lines([720], 30);
  const { streams, codec, mode, height } = await sent();
  assert.deepEqual({ streams, codec, mode, height }, { streams: 1, codec: "video/VP9", mode: "L3T3_KEY", height: 720 });
});

/** Waits until the judge's page encodes so; how long it took, ms. */
async function modeIs(mode) {
  const from = Date.now();
  await until(mode, OFF_WITHIN_S, async () => (await sent()).asked === mode).catch(async (error) => {
    throw new Error(`${error.message}: ${await facts()}`);
  });
  return Date.now() - from;
}

test("layers nobody looks at are not made, and come back when somebody does", { timeout: 60_000 }, async () => {
  await party.page.setViewport(SMALL);
  await lines([180], 10);
  const off = await modeIs("L1T3");
  await until("180 lines are encoded", 10, async () => (await sent()).height === 180);
  const { frames } = await got();
  await until("pictures go on", 10, async () => (await got()).frames > frames + 20);
  await party.page.setViewport(LARGE);
  const on = await modeIs("L3T3_KEY");
  console.log(`off after ${off} ms, on after ${on} ms, seen ${await lines([720], 10)} ms later`);
});

test("a slow line is sent a smaller layer, and the best again once it is fast", { timeout: 60_000 }, async () => {
  link.rate = SLOW;
  const down = await lines([180, 360], 15);
  const { frames, freezes } = await got();
  await until("pictures go on", 15, async () => (await got()).frames > frames + 40);
  const after = await got();
  link.rate = FAST;
  console.log(`smaller after ${down} ms, ${after.freezes - freezes} freezes in 40 frames, the best again after ${await lines([720], 20)} ms`);
});

test("losses on the way up are repaired", { timeout: 60_000 }, async () => {
  const before = await got(judge, party);
  link.loss = 0.1;
  await until("pictures go on", 20, async () => (await got(judge, party)).frames > before.frames + 60);
  link.loss = 0;
  const { frames, freezes, height } = await got(judge, party);
  console.log(`10 % lost on the way up: ${frames - before.frames} frames of ${height} lines, ${freezes - before.freezes} freezes, ${link.lost} lost`);
  assert.ok(link.lost > 0);
});

test("Firefox, which makes no such layers, sends VP8 beside it, and both see each other", { timeout: 60_000 }, async () => {
  await lawyer.join();
  await judge.admit(lawyer);
  await lawyer.sees("page-courtroom", 20);
  for (const [viewer, other] of [[lawyer, judge], [judge, lawyer], [party, lawyer]])
    await until(`${viewer.name} sees ${other.name}`, 20, async () => (await got(viewer, other)).frames > 20);
  for (const person of [judge, party, lawyer]) assert.deepEqual(person.page.complaints, []);
});

/** Whether `viewer` sees the counter of `other` move. */
async function moves(viewer, other) {
  const look = async () => (await seen(viewer.page, COUNTER, COUNTER_BITS))[other.id];
  const before = await until(`${viewer.name} sees ${other.name}`, 20, look);
  return until(`${viewer.name} sees ${other.name} move`, 10, async () => {
    const now = await look();
    return now && now.counter !== before.counter && now.frames > before.frames + 20;
  });
}

test("the record holds the best layer of each, frame by frame", { timeout: 120_000 }, async () => {
  const hearing = await stack.hearing([{ role: "judge", name: "Judge Adeyemi" }, { role: "party", name: "王芳" }], { vp9: true });
  const people = [];
  for (const n of [0, 1]) people.push(await Person.arrive(browsers[n], hearing.people[n], { prepare: [keepConnections] }));
  const [first, second] = people;
  await first.join();
  await second.join();
  await first.admit(second);
  await second.sees("page-courtroom", 20);
  await first.press("open-hearing");
  await first.waitState("record", "on", 10);
  await moves(first, second);
  await moves(second, first);
  // A browser may begin with the smaller layer alone until it knows its line.
  for (const person of people)
    await until(`${person.name} sends ${HEIGHT} lines`, 30, async () => (await sent(person))?.height === HEIGHT);
  await first.page.waitForFunction((from, wait) => performance.now() - from > wait * 1000, { timeout: 40_000 },
    await first.page.evaluate(() => performance.now()), IN_SESSION_S);
  await first.press("close-hearing");
  await first.press("close-question-yes");
  await first.waitState("record-progress", "ready", 120);

  const folder = join(stack.dir, "records", hearing.hearing);
  const tiles = [{ x: 0, y: 0.25, width: 0.5, height: 0.5 }, { x: 0.5, y: 0.25, width: 0.5, height: 0.5 }];
  const composite = await probe(join(folder, "hearing.mp4"));
  const composed = await counters(join(folder, "hearing.mp4"), tiles);
  for (const [n, person] of people.entries()) {
    const file = join(folder, `${person.id}.webm`);
    const { streams, format, warnings } = await probe(file);
    const video = streams.find(({ codec_type }) => codec_type === "video");
    assert.equal(warnings, "");
    assert.equal(video.codec_name, "vp9");
    const all = await heights(file);
    const latest = all.slice(-Math.round(all.length * (IN_SESSION_S - 1) / Number(format.duration)));
    const best = latest.filter((height) => height === HEIGHT).length / latest.length;
    console.log(`${person.name}, track: since it was sent, ${Math.round(best * 100)} % of the frames of ${HEIGHT} lines`);
    assert.ok(best >= 0.95, `${person.name}: ${latest}`);
    const [own] = await counters(file);
    for (const [what, list, seconds] of [["track", own, Number(format.duration)], ["composite", composed[n], Number(composite.format.duration)]]) {
      const hole = longestHole(list, 2, seconds - 0.5);
      console.log(`${person.name}, ${what}: ${list.length} frames of ${seconds} s, longest time without a new one ${hole} s`);
      assert.ok(hole <= 1, `${person.name}, ${what}: ${hole} s without a new frame`);
    }
    assert.deepEqual(person.page.complaints, []);
  }
});
