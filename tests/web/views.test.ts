// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { noLoad, THIN_BPS } from "../../web-client/src/effort.ts";
import { heightsOf, isNews } from "../../web-client/src/views.ts";
import { devices, inCourt, onAir, settle } from "./court.ts";

beforeEach(() => {
  devices.opened.length = 0;
});

const plain = { ratio: 1, hidden: false, halved: false };
const tiles = [{ seat: 0, width: 640, height: 360 }, { seat: 2, width: 160, height: 360 }];

test("heights are those of the picture within its box, in pixels of the screen", () => {
  assert.deepEqual(heightsOf(3, tiles, plain), [360, 0, 90]);
  assert.deepEqual(heightsOf(3, tiles, { ...plain, ratio: 2 }), [720, 0, 180]);
  assert.deepEqual(heightsOf(3, tiles, { ...plain, halved: true }), [180, 0, 45]);
  assert.deepEqual(heightsOf(3, tiles, { ...plain, hidden: true }), [0, 0, 0]);
  assert.deepEqual(heightsOf(1, tiles, plain), [360], "a seat that is not ours is not told");
  assert.deepEqual(heightsOf(1, [{ seat: 0, width: 1e9, height: 1e9 }], plain), [65535]);
});

test("a pixel more is no news; coming and going is", () => {
  assert.ok(isNews(null, [360]));
  assert.ok(!isNews([360], [365]));
  assert.ok(isNews([360], [180]));
  assert.ok(isNews([4], [0]));
  assert.ok(isNews([0], [4]));
});

const views = (court: { asked: readonly { type: string; heights?: unknown }[] }) =>
  court.asked.filter(({ type }) => type === "view").map(({ heights }) => heights);

test("what is looked at is told when it rests, once, and anew after a lost connection and a new join", async () => {
  const court = await inCourt();
  await court.later();
  assert.deepEqual(views(court), [[0]], "nothing is drawn yet");
  court.session.looks([{ seat: 0, width: 320, height: 180 }], 1, false);
  court.session.looks([{ seat: 0, width: 640, height: 360 }], 1, false);
  await court.later();
  assert.deepEqual(views(court), [[0], [360]]);
  court.session.looks([{ seat: 0, width: 640, height: 361 }], 1, false);
  await court.later();
  assert.equal(views(court).length, 2);
  court.session.looks([{ seat: 0, width: 640, height: 360 }], 1, true);
  await court.later();
  assert.deepEqual(views(court)[2], [0], "a hidden page looks at nothing");
  court.session.looks([{ seat: 0, width: 640, height: 360 }], 1, false);
  await court.later();
  court.cut();
  await court.later();
  await settle();
  await court.later();
  assert.deepEqual(views(court).slice(4), [[360]]);
  court.say({ type: "mediaLost" });
  await settle();
  await court.later();
  assert.deepEqual(views(court).slice(5), [[360]]);
});

test("sound alone is the person's choice, told to the server and kept over a reload", async () => {
  const court = await inCourt();
  const told = () => court.asked.filter(({ type }) => type === "soundOnly").map(({ on }) => on);
  await court.later();
  assert.deepEqual(told(), [], "a new place has pictures");
  court.session.setSoundOnly(true);
  await court.later();
  assert.deepEqual(told(), [true]);
  assert.equal(court.kept.get("assize.soundOnly"), "1");
  court.say({ type: "mediaLost" });
  await settle();
  await court.later();
  assert.deepEqual(told(), [true, true]);
  court.session.setSoundOnly(false);
  await court.later();
  assert.deepEqual(told(), [true, true, false]);
  assert.ok(!court.kept.has("assize.soundOnly"));
});

test("layers that somebody receives go to the media; an overloaded device asks for half and sends no top layer", async () => {
  const court = await inCourt();
  court.say({ type: "layers", producer: "00000000000000c2", received: [0, 2] });
  assert.deepEqual(court.last.received.get("00000000000000c2"), [0, 2]);
  court.session.looks([{ seat: 0, width: 640, height: 360 }], 1, false);
  await court.later();
  court.last.loads = { ...noLoad, limit: "cpu" };
  for (let n = 0; n < 3; n++) await court.session.look();
  assert.equal(court.last.spared, true);
  await court.later();
  assert.deepEqual(views(court).slice(-1), [[180]]);
});

test("a line up that carries sound alone: the camera is held, the court is told, and it is tried again when the person wants it", async () => {
  const court = await inCourt();
  const told = () => court.asked.filter(({ type }) => type === "device").map(({ thinLine }) => thinLine);
  court.last.loads = { ...noLoad, mayBps: THIN_BPS - 1, pictured: true };
  for (let n = 0; n < 2; n++) await court.session.look();
  await settle();
  await court.later();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "held" });
  assert.deepEqual([court.last.thin, told()], [true, [true]]);
  court.last.loads = noLoad;
  court.session.tryPicture();
  await settle();
  await court.later();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
  assert.deepEqual([court.last.thin, told()], [false, [true, false]]);
});
