// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestError } from "../../web-client/src/connection.ts";
import { Media } from "../../web-client/src/media.ts";
import type { DevicePart } from "../../web-client/src/media.ts";
import type { Answer, Joined, Request, RtpCapabilities, Source } from "../../web-client/src/protocol.ts";
import { BEAT_EVERY_MS, felt, noPulse, QUIET_AFTER_MS } from "../../web-client/src/pulse.ts";
import { sample } from "./samples.ts";

interface FakeTrack {
  enabled: boolean;
  readyState?: "live" | "ended";
  getSettings: () => { width?: number; height?: number };
}

/** What was made last. */
let made: FakeProducer;

type Encoding = { readonly maxBitrate?: number; readonly scalabilityMode?: string; readonly scaleResolutionDownBy?: number; readonly active?: boolean };

/** What the library is asked to send. */
type Offer = { readonly track: FakeTrack; readonly codec?: { mimeType: string }; readonly encodings?: readonly Encoding[] };
let offered: Offer;

/** As much of the library as media.ts asks for: what it leaves alone is left alone here too. */
class FakeProducer {
  closed = false;
  paused = false;
  readonly id = "00000000000000c1";
  readonly track: FakeTrack;
  readonly rtpParameters: { encodings: readonly Encoding[] };
  readonly rtpSender;
  constructor({ track, encodings = [{}] }: Offer) {
    this.track = track;
    this.rtpParameters = { encodings };
    this.rtpSender = {
      parameters: { encodings },
      getParameters: () => structuredClone(this.rtpSender.parameters),
      setParameters: (parameters: { encodings: readonly Encoding[] }) => {
        this.rtpSender.parameters = parameters;
        return Promise.resolve();
      },
    };
    made = this;
  }
  close(): void {
    this.closed = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

/** What came by the paths so far: bytes up, and when the newest sound was played. */
const came = { up: 0, down: 0 };

/** What the last transport made calls when its state changes. */
let says: (state: string) => void = () => undefined;

const transport = () => ({
  connectionState: "connected",
  on(event: string, heard: (state: string) => void) {
    if (event !== "connectionstatechange") return;
    says = (state) => {
      this.connectionState = state;
      heard(state);
    };
  },
  close: () => undefined,
  updateIceServers: () => Promise.resolve(),
  consume: () => Promise.resolve({ track: {}, rtpReceiver: { getSynchronizationSources: () => [{ timestamp: came.down }] } }),
  produce: (offer: Offer) => {
    offered = offer;
    return Promise.resolve(new FakeProducer(offer));
  },
  getStats: () => Promise.resolve(new Map([["p", { type: "candidate-pair", bytesReceived: came.up, responsesReceived: 3 }]])),
  restartIce: () => Promise.resolve(),
});

/** What the hearing offers. */
const court = { codecs: ["video/VP8"] };

/** Whether there is a connection to ask by. */
const link = { up: true };

async function open(joined = JSON.parse(sample("joined.json")) as Joined): Promise<{ media: Media; asked: string[] }> {
  if (!("window" in globalThis)) Object.defineProperty(globalThis, "window", { value: globalThis, configurable: true });
  const restarted = { ...(JSON.parse(sample("ice-restarted.json")) as Answer), iceServers: joined.iceServers };
  const asked: string[] = [];
  let loads = 0;
  const device = {
    get sendRtpCapabilities() {
      return { codecs: court.codecs.map((mimeType) => ({ mimeType })) };
    },
    load: () => Promise.resolve(void (loads += 1)), createSendTransport: transport, createRecvTransport: transport,
  };
  const ready = await Media.prepare({} as RtpCapabilities, Promise.resolve(device as unknown as DevicePart));
  assert.equal(loads, 1);
  const media = await Media.open(
    ready, joined,
    {
      request: (request: Request) => {
        asked.push(request.type);
        if (!link.up) return Promise.reject(new RequestError("lost", "no connection"));
        return Promise.resolve((request.type === "restartIce" ? restarted : { type: "ok", id: 1 }) as unknown as Answer);
      },
      onHealth: () => undefined,
      onHopeless: () => undefined,
      onQuiet: () => asked.push("quiet"),
    },
  );
  assert.equal(loads, 1, "what was made ready in the lobby is not made again at the join");
  return { media, asked };
}

/** What is sent as `source`, then held, as in a recess. */
async function held(source: Source): Promise<{ media: Media; asked: string[]; track: FakeTrack }> {
  const { media, asked } = await open();
  const track: FakeTrack = { enabled: true, getSettings: () => ({}) };
  await media.publish(source, track as unknown as MediaStreamTrack);
  await media.hold(source);
  assert.equal(track.enabled, false, "in a recess nothing of it goes out");
  return { media, asked, track };
}

test("sent back to the waiting room in a recess: the camera shows its owner the own picture again", async () => {
  const { media, asked, track } = await held("camera");
  await media.withdraw("camera");
  assert.deepEqual(asked, ["pause", "closeProducer"]);
  assert.equal(track.enabled, true);
});

test("media lost in a recess: the own picture is there as before", async () => {
  const { media, track } = await held("camera");
  media.close();
  assert.equal(track.enabled, true);
});

test("a microphone that is held stays silent when it is given up", async () => {
  const first = await held("microphone");
  await first.media.withdraw("microphone");
  const second = await held("microphone");
  second.media.close();
  assert.deepEqual([first.track.enabled, second.track.enabled], [false, false]);
});

test("what came with nearly every look and comes no more fell silent; what comes now and then did not", () => {
  const rows: readonly (readonly [number[], boolean])[] = [
    // counts of looks, 250 ms apart; quiet at the end
    [[1, 2, 3, 4, 4, 4], false], [[1, 2, 3, 4, 4, 4, 4], true], [[1, 2, 3, 3, 3, 3, 3], false],
    [[1, 2, 3, 3, 4, 4, 5, 5, 5, 5], true], [[1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4], false],
    [[1, 2, 3, 4, 4, 4, 4, 5], false], [[1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5], false],
  ];
  for (const [counts, quiet] of rows) {
    const end = counts.reduce((pulse, count, n) => felt(pulse, count, n * BEAT_EVERY_MS), noPulse);
    assert.equal(end.quiet, quiet && (counts.length - 1) * BEAT_EVERY_MS > QUIET_AFTER_MS, `${counts}`);
  }
});

/** A page that sends and hears for 2 s; then what `more` says comes, for a while. */
async function thenOnly(more: Partial<typeof came>, { muted = false, welcome = false } = {}): Promise<string[]> {
  const { media, asked } = await open();
  const track = { enabled: true, getSettings: () => ({}) };
  await media.publish("microphone", track as unknown as MediaStreamTrack);
  for (let ms = 0; ms < 6000; ms += BEAT_EVERY_MS) {
    const now = ms < 2000 ? { up: 1, down: 1 } : { up: 0, down: 0, ...more };
    came.up += now.up;
    came.down += now.down;
    if (ms === 2000 && muted) await media.hold("microphone");
    if (ms === 5000 && welcome) media.mendSilent(false);
    await media.beat(ms);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  media.close();
  return asked;
}

test("nothing comes any more: the connection is doubted and both ways get a new path", async () => {
  assert.deepEqual(await thenOnly({}), ["quiet", "restartIce", "restartIce"]);
});

test("nobody else speaks any more: the connection is doubted, and no path given up", async () => {
  assert.deepEqual(await thenOnly({ up: 1 }), ["quiet"]);
  assert.deepEqual(await thenOnly({ up: 1 }, { welcome: true }), ["quiet"], "not at a new connection either");
});

test("what we send is not answered any more: a new path up; what is heard stays", async () => {
  assert.deepEqual(await thenOnly({ down: 1 }), ["quiet", "restartIce"]);
});

test("muted ourselves, no answer is missed", async () => {
  assert.deepEqual(await thenOnly({ down: 1 }, { muted: true }), ["pause"]);
});

/** Runs with a window whose timers are run by hand; `due` gives how long the only one was to wait, and runs it. */
async function withTimers(run: (due: () => Promise<number>) => Promise<void>): Promise<void> {
  const timers = new Map<number, { run: () => void; afterMs: number }>();
  let last = 0;
  const window = {
    setTimeout: (run: () => void, afterMs: number) => (timers.set((last += 1), { run, afterMs }), last),
    clearTimeout: (timer: number) => timers.delete(timer),
  };
  Object.defineProperty(globalThis, "window", { value: window, configurable: true });
  try {
    await run(async () => {
      const [[timer, { run, afterMs }]] = [...timers] as [[number, { run: () => void; afterMs: number }]];
      assert.equal(timers.size, 1);
      timers.delete(timer);
      run();
      await new Promise((settled) => setImmediate(settled));
      return afterMs;
    });
  } finally {
    Reflect.deleteProperty(globalThis, "window");
  }
}

test("a way that never comes is tried anew, one that was lost sooner; a relay is given the time it takes", () => withTimers(async (due) => {
  const joined = JSON.parse(sample("joined.json")) as Joined;
  const waits = async (count: number) => {
    const waited = [];
    for (let i = 0; i < count; i += 1) waited.push(await due());
    return waited;
  };
  const { asked } = await open(joined);
  says("connecting");
  assert.deepEqual(await waits(3), [8000, 8000, 8000]);
  assert.deepEqual(asked, Array(3).fill("restartIce"));
  says("connected");
  await assert.rejects(due(), "nothing waits any more");
  says("disconnected");
  assert.deepEqual(await waits(7), [0, 2000, 2000, 8000, 2000, 2000, 8000]);
  assert.equal(asked.filter((one) => one === "restartIce").length, 10);
  says("connected");

  const direct = await open({ ...joined, iceServers: [] });
  says("connected");
  says("disconnected");
  assert.deepEqual(await waits(5), [0, 2000, 2000, 2000, 2000]);
  assert.equal(direct.asked.filter((one) => one === "restartIce").length, 5);
}));

test("a new path that could not be asked for is asked for at the next welcome, not a while after", () => withTimers(async (due) => {
  const { media, asked } = await open();
  says("connected");
  link.up = false;
  says("disconnected");
  assert.equal(await due(), 0);
  link.up = true;
  media.mendSilent(false);
  assert.equal(await due(), 0);
  assert.deepEqual(asked, ["quiet", "restartIce", "restartIce"]);
  says("connected");
  media.mendSilent(false);
  await assert.rejects(due(), "and not once more");
}));

test("on a thin line sound takes less, also of a microphone that is opened later; on a wide one as much as before", async () => {
  const { media } = await open();
  const track: FakeTrack = { enabled: true, getSettings: () => ({}) };
  const most = () => made.rtpSender.parameters.encodings[0]!.maxBitrate;
  await media.publish("microphone", track as unknown as MediaStreamTrack);
  assert.equal(most(), undefined);
  media.setThin(true);
  await new Promise((settled) => setImmediate(settled));
  assert.equal(most(), 16_000);
  await media.withdraw("microphone");
  await media.publish("microphone", track as unknown as MediaStreamTrack);
  assert.equal(most(), 16_000);
  media.setThin(false);
  await new Promise((settled) => setImmediate(settled));
  assert.equal(most(), undefined);
});

/** A browser that knows of scalability modes reads which. */
function capabilities(knows: boolean) {
  const encodingInfo = ({ video }: { video: { scalabilityMode: string } }) =>
    Promise.resolve({ supported: !knows || video.scalabilityMode.endsWith("_KEY") });
  Object.defineProperty(globalThis, "navigator", { value: { mediaCapabilities: { encodingInfo } }, configurable: true });
}

const large: FakeTrack = { enabled: true, getSettings: () => ({ width: 1280, height: 720 }) };
const settled = () => new Promise((done) => setImmediate(done));

test("VP9 where the hearing offers it and the browser makes its layers: as many of them as somebody receives", async () => {
  capabilities(true);
  court.codecs = ["video/VP8", "video/VP9"];
  const { media } = await open();
  await media.publish("camera", large as unknown as MediaStreamTrack);
  assert.equal(offered.codec?.mimeType, "video/VP9");
  const sent = () => made.rtpSender.parameters.encodings.map(({ scalabilityMode, scaleResolutionDownBy, maxBitrate }) =>
    [scalabilityMode, scaleResolutionDownBy, maxBitrate]);
  const all = [["L3T3_KEY", 1, 1_500_000]];
  assert.deepEqual(sent(), all);
  for (const [received, wanted] of [
    [[0], [["L1T3", 4, 120_000]]], [[0, 1], [["L2T3_KEY", 2, 450_000]]], [[0, 2], all], [[], [["L1T3", 4, 120_000]]], [[0, 1, 2], all],
  ] as const) {
    media.setReceived(made.id, received);
    await settled();
    assert.deepEqual(sent(), wanted);
  }
  media.spare(true);
  await settled();
  assert.deepEqual(sent(), [["L2T3_KEY", 2, 450_000]]);
  media.spare(false);
  await settled();
  assert.deepEqual(sent(), all);
});

test("a stream a layer where the hearing offers no VP9, or the browser makes no layers of it; each by itself on or off", async () => {
  for (const [knows, codecs] of [[false, ["video/VP8", "video/VP9"]], [true, ["video/VP8"]]] as const) {
    capabilities(knows);
    court.codecs = [...codecs];
    const { media } = await open();
    await media.publish("camera", large as unknown as MediaStreamTrack);
    assert.equal(offered.codec, undefined);
    assert.deepEqual(offered.encodings?.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy), [4, 2, 1]);
    media.setReceived(made.id, [0, 2]);
    await settled();
    assert.deepEqual(made.rtpSender.parameters.encodings.map(({ active }) => active), [true, false, true]);
  }
});

test("a camera that is turned off while the browser is asked what it makes is passed over", async () => {
  let answer = (_: { supported: boolean }) => {};
  const encodingInfo = () => new Promise((done) => { answer = done; });
  Object.defineProperty(globalThis, "navigator", { value: { mediaCapabilities: { encodingInfo } }, configurable: true });
  court.codecs = ["video/VP8", "video/VP9"];
  const { media } = await open();
  const before = made;
  const track: FakeTrack = { ...large, readyState: "live" };
  const published = media.publish("camera", track as unknown as MediaStreamTrack);
  track.readyState = "ended";
  answer({ supported: true });
  await assert.rejects(published, { code: "lost" });
  assert.equal(made, before);
});

test("a nudge wants a little more of the best layer, or a little less again, and touches no other", async () => {
  for (const [codecs, before, after] of [
    [["video/VP8"], [120_000, 400_000, 1_500_000], [120_000, 400_000, 1_501_000]],
    [["video/VP8", "video/VP9"], [1_500_000], [1_501_000]],
  ] as const) {
    capabilities(true);
    court.codecs = [...codecs];
    const { media } = await open();
    await media.publish("camera", large as unknown as MediaStreamTrack);
    const most = () => made.rtpSender.parameters.encodings.map(({ maxBitrate }) => maxBitrate);
    await settled();
    for (const wanted of [before, after, before, after]) {
      assert.deepEqual(most(), wanted);
      media.nudge();
      await settled();
    }
  }
});
