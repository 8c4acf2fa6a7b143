// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { isLive } from "../../web-client/src/local.ts";
import type { Source } from "../../web-client/src/protocol.ts";
import { Court, devices, FakeTrack, inCourt, inTheLobby, onAir, settle } from "./court.ts";
import { calm, sample } from "./samples.ts";

beforeEach(() => {
  devices.opened.length = 0;
  devices.fails.clear();
  devices.answered = null;
});

test("nothing is sent from the waiting room; both on admission; nothing after being sent back", async () => {
  const court = await inTheLobby();
  court.session.join();
  await settle();
  assert.equal(court.session.store.get().hearing.you?.room, "waiting");
  assert.deepEqual(onAir(court.last), {});
  court.say({ type: "room", room: "courtroom", by: null, number: 0 });
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
  court.say({ type: "room", room: "waiting", by: null, number: 0 });
  await settle();
  assert.deepEqual(onAir(court.last), {});
});

test("a recess silences at once, and its end brings back what was wanted", async () => {
  const court = await inCourt();
  await court.session.local.set("camera", false);
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "held" });
  court.say({ type: "hearing", state: "recess", since: "2026-11-22T09:31:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm });
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "held", camera: "held" });
  court.say({ type: "hearing", state: "open", since: "2026-11-22T09:41:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm });
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "held" });
});

test("the judge's mute holds the microphone until the person opens it again", async () => {
  const court = await inCourt();
  court.say({ type: "muted", by: null });
  await settle();
  assert.equal(onAir(court.last)["microphone"], "held");
  await court.session.local.set("microphone", true);
  await settle();
  assert.equal(onAir(court.last)["microphone"], "on");
});

test("a microphone turned off is silent at once, whatever else waits for the server", async () => {
  const court = await inCourt();
  const [audio] = devices.opened;
  await court.session.local.set("camera", false);
  court.last.hangs = new Promise(() => undefined);
  await court.session.local.set("camera", true);
  await settle();
  await court.session.local.set("microphone", false);
  assert.equal(audio?.enabled, false);
  assert.equal(onAir(court.last)["microphone"], "on", "the server is not told yet");
  await court.session.local.set("microphone", true);
  assert.equal(audio?.enabled, true);
});

test("a microphone chosen or replaced while it is off is silent too", async () => {
  const court = await inCourt();
  await court.session.local.set("microphone", false);
  await court.session.local.choose("microphone", "another");
  const track = court.session.local.store.get().microphone.track as unknown as FakeTrack;
  assert.equal(devices.opened.length, 3);
  assert.equal(track, devices.opened[2]);
  assert.equal(track.enabled, false);
});

test("muted while the connection was away: the page says so and holds the microphone", async () => {
  const court = await inCourt();
  court.cut();
  court.microphone = "off";
  await court.later();
  await settle();
  assert.equal(court.session.local.store.get().microphone.wanted, false);
  assert.ok(court.session.store.get().hearing.notices.some(({ kind }) => kind === "muted"));
  assert.notEqual(onAir(court.last)["microphone"], "on");
  // Whoever was off before is told nothing new.
  court.session.store.get().hearing.notices.forEach(({ id }) => court.session.noticeSeen(id));
  court.cut();
  await court.later();
  await settle();
  assert.ok(!court.session.store.get().hearing.notices.some(({ kind }) => kind === "muted"));
});

test("a camera that the server lost while the connection was away is sent again", async () => {
  const court = await inCourt();
  court.cut();
  court.camera = "off";
  court.last.sent.set("camera", "on");
  const asked: Source[] = [];
  const { last } = court;
  const doubt = last.doubt.bind(last);
  last.doubt = (source) => (asked.push(source), doubt(source));
  await court.later();
  await settle();
  assert.deepEqual(asked, ["camera"]);
  assert.deepEqual(onAir(last), { microphone: "on", camera: "on" });
});

test("a camera turned off is released, and opened anew when turned on", async () => {
  const court = await inCourt();
  const [, video] = devices.opened;
  await court.session.local.set("camera", false);
  assert.ok(video?.stopped);
  await court.session.local.set("camera", true);
  await settle();
  assert.equal(devices.opened.length, 3);
  assert.equal(onAir(court.last)["camera"], "on");
});

test("a lost media core: joined again by itself until it is back, and on the air as before", async () => {
  const court = await inCourt();
  const [before] = court.media;
  court.refusals.push("media-unavailable", "media-unavailable");
  court.say({ type: "mediaLost" });
  await settle();
  assert.ok(before?.closed);
  assert.equal(court.session.store.get().hearing.stage, "present");
  await court.later();
  await court.later();
  assert.equal(court.count("join"), 4);
  assert.equal(court.media.length, 2);
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
});

test("a lost connection leaves the media alone: the same place is resumed, nothing is joined again", async () => {
  const court = await inCourt();
  court.cut();
  assert.equal(court.session.store.get().hearing.linkUp, false);
  await court.later();
  await settle();
  const hello = court.asked.filter((one) => one.type === "hello")[1];
  assert.equal(hello?.["resume"], "q83vEjRWeJCrze8SNFZ4kA");
  assert.equal(court.session.store.get().hearing.linkUp, true);
  assert.equal(court.count("join"), 1);
  assert.equal(court.media.length, 1);
  assert.equal(court.last.closed, false);
});

test("a server that lost our place in its own restart is joined again", async () => {
  const court = await inCourt();
  court.room = "outside";
  court.cut(1001);
  await court.later();
  await settle();
  assert.equal(court.count("join"), 2);
});

test("a media core restarted while the connection was away: joined again at the welcome", async () => {
  const court = await inCourt();
  const [before] = court.media;
  court.cut();
  court.hasMedia = false;
  await court.later();
  await settle();
  assert.equal(court.count("join"), 2);
  assert.ok(before?.closed);
  assert.equal(court.media.length, 2);
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
});

test("media lost while our own join is on its way: the one refused is asked again", async () => {
  const court = await inCourt();
  court.refusals.push("wrong-state");
  court.say({ type: "mediaLost" });
  await settle();
  assert.deepEqual(court.session.store.get().hearing.notices.filter(({ kind }) => kind === "failed"), []);
  await court.later();
  assert.equal(court.count("join"), 3);
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
});

test("a page loaded again in mid-hearing is back without the lobby", async () => {
  const court = new Court();
  court.kept.set("assize.resume", "q83vEjRWeJCrze8SNFZ4kA");
  court.room = "courtroom";
  court.session.start();
  await settle();
  assert.equal(court.session.store.get().hearing.stage, "present");
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
});

test("what a join is refused for is told, and the lobby is there again", async () => {
  const court = await inTheLobby();
  court.refusals.push("full");
  court.session.join();
  await settle();
  const { stage, notices } = court.session.store.get().hearing;
  assert.equal(stage, "lobby");
  assert.deepEqual(notices.map((notice) => notice.code), ["full"]);
});

test("whoever has a place gets it back from a server that is full for a while, asking less often", async () => {
  const court = await inCourt();
  court.refusals.push("server-full", "media-unavailable");
  court.say({ type: "mediaLost" });
  await settle();
  const { stage, notices } = court.session.store.get().hearing;
  assert.equal(stage, "present");
  assert.deepEqual(notices.filter(({ kind }) => kind === "failed"), []);
  const pause = court.pauses.at(-1);
  await court.later();
  const shorter = court.pauses.at(-1);
  assert.ok(pause === 5000 && shorter !== undefined && shorter < 1000, `${pause} and ${shorter} ms`);
  await court.later();
  assert.equal(court.count("join"), 4);
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
});

test("whoever comes to a full server is told so, and comes in by themselves when there is room", async () => {
  const court = await inTheLobby();
  const hearing = () => court.session.store.get().hearing;
  court.refusals.push("server-full", "server-full", "media-unavailable", "late");
  court.session.join();
  await settle();
  for (const pause of [5000, 5000, 700, 700]) {
    const { stage, waitsForRoom, notices } = hearing();
    assert.deepEqual([stage, waitsForRoom, notices], ["joining", true, []]);
    assert.equal(court.pauses.at(-1), pause);
    await court.later();
  }
  assert.deepEqual([hearing().stage, hearing().waitsForRoom], ["present", false]);
  assert.equal(court.count("join"), 5);
});

test("who waits for a place waits on over a lost connection, and is told when it is no use", async () => {
  const court = await inTheLobby();
  const hearing = () => court.session.store.get().hearing;
  court.refusals.push("server-full", "server-full", "wrong-state", "not-allowed");
  court.session.join();
  await settle();
  court.cut();
  await court.later();
  await settle();
  assert.equal(court.count("join"), 2);
  assert.deepEqual([hearing().stage, hearing().waitsForRoom], ["joining", true]);
  await court.later();
  await court.later();
  const { stage, waitsForRoom, notices } = hearing();
  assert.deepEqual([stage, waitsForRoom, notices.at(-1)?.code], ["lobby", false, "not-allowed"]);
  await court.later();
  assert.equal(court.count("join"), 4);
});

test("whoever was asleep too long has no room any more: a full server is told to them too", async () => {
  const court = await inCourt();
  court.room = "outside";
  court.refusals.push("server-full");
  court.cut();
  await court.later();
  await settle();
  const { stage, waitsForRoom } = court.session.store.get().hearing;
  assert.deepEqual([stage, waitsForRoom], ["joining", true]);
  assert.equal(court.pauses.at(-1), 5000);
  await court.later();
  assert.equal(court.session.store.get().hearing.stage, "present");
});

test("a media library is prepared before it is needed, and not beside the one in use", async () => {
  const court = await inCourt();
  assert.equal(court.preloads, 1);
  court.cut();
  await court.later();
  await settle();
  assert.equal(court.count("hello"), 2);
  assert.equal(court.preloads, 1);
});

test("a join waits while the media core is away", async () => {
  const court = await inTheLobby();
  court.refusals.push("media-unavailable");
  court.session.join();
  await settle();
  assert.equal(court.session.store.get().hearing.stage, "joining");
  await court.later();
  assert.equal(court.session.store.get().hearing.stage, "present");
});

test("an end stops everything: no device stays open, no socket is tried", async () => {
  const rows = [[4001, "elsewhere"], [4002, "removed"], [4003, "closed"], [4004, "token-gone"]] as const;
  for (const [code, ending] of rows) {
    const court = await inCourt();
    court.cut(code);
    await court.later();
    const { hearing } = court.session.store.get();
    assert.equal(hearing.stage, "over");
    assert.equal(hearing.ending, ending);
    assert.ok(court.last.closed);
    assert.ok(devices.opened.every((track) => track.stopped), `${code} leaves a device open`);
    assert.equal(court.sockets, 1);
  }
});

test("put out by somebody, the page ends at once, before the connection is closed", async () => {
  const court = await inCourt();
  court.say({ type: "room", room: "outside", by: null, number: 0 });
  assert.notEqual(court.session.store.get().hearing.stage, "over", "nobody did it: the hearing closed, or we left");
  court.say({ type: "room", room: "outside", by: "00000000000000d1", number: 0 });
  const { hearing } = court.session.store.get();
  assert.equal(hearing.stage, "over");
  assert.equal(hearing.ending, "removed");
  assert.ok(court.last.closed);
  assert.ok(devices.opened.every((track) => track.stopped));
  await court.later();
  assert.equal(court.sockets, 1);
});

test("a closed hearing ends media and devices, and the connection goes on telling of the record", async () => {
  const court = await inCourt();
  court.say({ type: "hearing", state: "closed", since: "2026-11-22T10:31:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm });
  court.say({ type: "room", room: "waiting", by: null, number: 0 });
  court.say(JSON.parse(sample("record-rendering.json")) as object);
  await settle();
  const { hearing } = court.session.store.get();
  assert.ok(court.last.closed);
  assert.ok(devices.opened.every((track) => track.stopped));
  assert.equal(hearing.record.percent, 40);
  assert.deepEqual(hearing.notices, []);
  assert.equal(court.count("join"), 1);
});

test("nobody can enter before it is known whether the microphone works, also the second time", async () => {
  const court = new Court();
  court.session.start();
  await settle();
  const opening = () => court.session.local.store.get().microphone.opening;
  assert.ok(opening());
  await court.session.local.begin();
  assert.ok(!opening());
  court.cut(4001);
  assert.ok(opening());
  court.session.useHere();
  await settle();
  assert.equal(court.asked.filter((one) => one.type === "hello")[1]?.["takeOver"], true);
});

test("who only hears and sees is asked for no device, in the lobby and after a reload", async () => {
  for (const role of ["observer", "technician"]) {
    for (const reloaded of [false, true]) {
      const court = new Court();
      Object.assign(court, { role, may: [], room: reloaded ? "courtroom" : "outside" });
      if (reloaded) court.kept.set("assize.resume", "q83vEjRWeJCrze8SNFZ4kA");
      court.session.start();
      await settle();
      if (!reloaded) {
        await court.session.openDevices();
        court.session.join();
        await settle();
      }
      const { microphone, camera } = court.session.local.store.get();
      assert.deepEqual(devices.opened, []);
      for (const own of [microphone, camera]) assert.deepEqual([own.opening, own.wanted, own.problem], [false, false, null]);
      assert.equal(court.session.store.get().hearing.stage, "present");
      assert.deepEqual(onAir(court.last), {});
    }
  }
});

test("a shared screen ends with a recess, or out of the courtroom, and does not come back by itself", async () => {
  const ways = [
    [{ type: "hearing", state: "recess", since: "2026-11-22T09:31:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm }, { type: "hearing", state: "open", since: "2026-11-22T09:41:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm }],
    [{ type: "room", room: "waiting", by: null, number: 0 }, { type: "room", room: "courtroom", by: null, number: 0 }],
  ] as const;
  for (const [away, back] of ways) {
    const court = await inCourt();
    await court.session.local.set("screen", true);
    await settle();
    assert.equal(onAir(court.last)["screen"], "on");
    const screen = devices.opened[devices.opened.length - 1];
    court.say(away);
    await settle();
    assert.ok(screen?.stopped);
    court.say(back);
    await settle();
    assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
  }
});

test("a device that is allowed only after the end is stopped at once", async () => {
  const ends: readonly ((court: Court) => void)[] = [
    (court) => court.session.leave(),
    (court) => court.cut(4003),
    (court) => court.say({ type: "hearing", state: "closed", since: "2026-11-22T10:31:00.000Z", openedAt: "2026-11-22T09:31:00.000Z", ...calm }),
  ];
  for (const wish of ["both", "microphone", "screen"] as const) {
    for (const end of ends) {
      const court = wish === "both" ? new Court() : await inCourt();
      if (wish === "both") {
        court.session.start();
        await settle();
      }
      devices.opened.length = 0;
      let answer = () => undefined as void;
      devices.answered = new Promise((resolve) => { answer = resolve; });
      if (wish === "both") void court.session.local.begin();
      else if (wish === "screen") void court.session.local.set("screen", true);
      else void court.session.local.choose("microphone", "another");
      await settle();
      end(court);
      await settle();
      answer();
      await settle();
      assert.ok(devices.opened.length > 0 && devices.opened.every((track) => track.stopped), wish);
      const { microphone, camera, screen } = court.session.local.store.get();
      assert.deepEqual([microphone.track, camera.track, screen.track], [null, null, null]);
    }
  }
});

test("leaving says so, then ends", async () => {
  const court = await inCourt();
  court.session.leave();
  await settle();
  assert.equal(court.count("leave"), 1);
  assert.equal(court.session.store.get().hearing.ending, "left");
  assert.equal(court.kept.has("assize.resume"), false);
});

test("a camera that fails keeps nobody out, and says why", async () => {
  devices.fails.set("video", "NotReadableError");
  const court = await inTheLobby();
  const { microphone, camera } = court.session.local.store.get();
  assert.equal(microphone.problem, null);
  assert.ok(microphone.track);
  assert.equal(camera.problem, "busy");
  court.session.join();
  await settle();
  court.say({ type: "room", room: "courtroom", by: null, number: 0 });
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "on" });
});

test("a device that the system turns off is not said to be on, until it is on again", async () => {
  const court = await inCourt();
  const { local } = court.session;
  const [audio, video] = devices.opened;
  assert.ok(audio && video);
  for (const [source, track] of [["microphone", audio], ["camera", video]] as const) {
    const live = () => isLive(local.store.get()[source]);
    assert.ok(live());
    for (const [type, muted] of [["mute", true], ["unmute", false], ["mute", true]] as const) {
      track.muted = muted;
      track.dispatchEvent(new Event(type));
      assert.equal(live(), !muted);
      assert.ok(local.store.get()[source].wanted, "what the person wants stays");
    }
  }
  // Another device is another matter; and what a device before it tells is old.
  await local.choose("microphone", "another");
  assert.ok(isLive(local.store.get().microphone));
  audio.dispatchEvent(new Event("mute"));
  assert.ok(isLive(local.store.get().microphone));
});

test("a microphone pulled out is replaced by another without a word from the person", async () => {
  const court = await inCourt();
  const [audio] = devices.opened;
  audio?.dispatchEvent(new Event("ended"));
  await settle();
  const { track, problem } = court.session.local.store.get().microphone;
  assert.notEqual(track as unknown, audio);
  assert.equal(problem, null);
  assert.equal(onAir(court.last)["microphone"], "on");
});

test("a connection that fell silent comes back with new paths; one that was closed keeps them", async () => {
  const court = await inCourt();
  court.cut();
  await court.later();
  assert.deepEqual([court.count("hello"), court.last.mended], [2, [false]]);
  court.deaf = true;
  court.last.listener.onQuiet();
  await court.later();
  court.deaf = false;
  await court.later();
  await settle();
  assert.deepEqual([court.count("hello"), court.last.mended, court.media.length], [3, [false, true], 1]);
});

test("after a sleep the connection is asked whether it lives, and only then", async () => {
  const court = await inCourt();
  for (const atMs of [0, 250, 1250]) court.session.beat(atMs);
  assert.equal(court.count("ping"), 0);
  court.session.beat(21_250);
  assert.deepEqual([court.count("ping"), court.last.beats.length], [1, 4]);
});
