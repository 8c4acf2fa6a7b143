// SPDX-License-Identifier: Apache-2.0
/** The way of sound and pictures: two transports, all seats down, what we publish up. Only file with mediasoup-client. */
import { Device } from "mediasoup-client";
import type { types } from "mediasoup-client";
import { RequestError } from "./connection.ts";
import { pathOf, worse } from "./path.ts";
import type { Path } from "./path.ts";
import type {
  Answer, ConsumerOffer, IceServers, Joined, Request, RtpCapabilities, Source, TransportOffer,
} from "./protocol.ts";
import { noLoad } from "./effort.ts";
import type { Load } from "./effort.ts";
import { felt, noPulse, QUIET_AFTER_MS } from "./pulse.ts";
import type { Pulse } from "./pulse.ts";
import { addLoads, heardOn, loadOf, lostOf, mayBpsOf, noNumbers, numbersOf } from "./stats.ts";
import type { SeatNumbers, StreamNumbers } from "./stats.ts";

/** Between two tries to mend a transport. Ours. */
const MEND_EVERY_MS = 2000;
/** So long until a way has carried for the first time, and every third where there is a relay: over TLS that takes
 * seven ways there and back, and a new try takes them all anew. Ours. */
const MEND_PATIENT_MS = 8000;

/** A person's picture in layers, the smallest first, by what the camera gives at least, in pixels; of each how
 * much smaller it is, and bit/s. Each receiver is sent one of them. Browsers send no more layers than this of so small a picture anyway. */
const CAMERA_LAYERS: readonly (readonly [number, readonly (readonly [number, number])[]])[] = [
  [960 * 540, [[4, 120_000], [2, 400_000], [1, 1_500_000]]],
  [480 * 270, [[2, 150_000], [1, 700_000]]],
  [0, [[1, 300_000]]],
];
/** The same in one stream of VP9, where the hearing offers it and the browser makes it: a spatial layer for each
 * number, which is what it takes with all below it, bit/s. */
const SPATIAL_LAYERS: readonly (readonly [number, readonly number[]])[] = [
  [960 * 540, [120_000, 450_000, 1_500_000]], [480 * 270, [150_000, 700_000]], [0, [300_000]],
];
/** One layer: a screen made smaller cannot be read. */
const SCREEN_BPS = 1_500_000;
const START_KBPS = 400;
/** So much more the best layer may take at every other nudge. */
const NUDGE_BPS = 1000;
/** Of sound, where the line carries nothing else: with headers it takes 52 kbit/s of the line instead of 68. Opus
 * leaves speech clear at this (RFC 6716 section 2.1.1: wideband from 16 on). Ours. */
const THIN_SOUND_BPS = 16_000;

export interface SeatTracks {
  readonly audio: MediaStreamTrack;
  readonly video: MediaStreamTrack;
}

export type Health = "connecting" | "up" | "trouble";

export interface MediaListener {
  request(request: Request): Promise<Answer>;
  onHealth(health: Health): void;
  /** What came all the time comes no more: the path may be dead. */
  onQuiet(): void;
  /** These transports cannot be mended: join again. */
  onHopeless(): void;
}

/** What is asked of the library; its Device, or a fake in tests. */
export type DevicePart = Pick<Device, "sendRtpCapabilities" | "load" | "createSendTransport" | "createRecvTransport">;

type Way = "up" | "down";

interface Stream {
  readonly producer: types.Producer;
  /** What the server last confirmed; null when we cannot know. */
  toldPaused: boolean | null;
}

export class Media {
  private readonly transports = new Map<Way, types.Transport>();
  private readonly streams = new Map<Source, Stream>();
  private consumers: readonly { audio: types.Consumer; video: types.Consumer }[] = [];
  private readonly timers = new Map<Way, number>();
  /** How often a way was tried since it last carried; none that never did. */
  private readonly tries = new Map<Way, number>();
  /** By producer: encodings that somebody receives, as the server told. */
  private readonly received = new Map<string, readonly number[]>();
  private readonly pulses: Record<Way, Pulse> = { up: noPulse, down: noPulse };
  /** Ways whose next new path may not be enough. */
  private readonly again = new Set<Way>();
  /** There was no connection to ask for a new path by. */
  private readonly unasked = new Set<Way>();
  private beatMs = 0;
  private beating = false;
  private spared = false;
  private thin = false;
  private nudged = false;
  /** One change of a sender's parameters at a time, as browsers want it. */
  private switching: Promise<void> = Promise.resolve();
  private closed = false;
  /** Whether there are TURN servers to try. */
  private isRelayed = false;

  private constructor(
    private readonly device: DevicePart,
    private readonly listener: MediaListener,
  ) {}

  /** What can be done before a place is taken: a twentieth of a second, and more on a phone. Serves any number of
   * joins. Rejects if the browser is not supported. */
  static async prepare(
    capabilities: RtpCapabilities, making: Promise<DevicePart> = Device.factory(),
  ): Promise<DevicePart> {
    const device = await making;
    await device.load({ routerRtpCapabilities: bare(capabilities) as types.RtpCapabilities });
    return device;
  }

  /** `device`: as prepare() made it. Rejects if the server refuses. */
  static async open(device: DevicePart, joined: Joined, listener: MediaListener): Promise<Media> {
    const media = new Media(device, listener);
    media.isRelayed = joined.iceServers.length > 0;
    try {
      media.makeTransport("up", joined.transports.up, joined.iceServers);
      const down = media.makeTransport("down", joined.transports.down, joined.iceServers);
      // One stream a seat: a browser keeps lips and voice together within a stream, and of one pair in it.
      const consume = (offer: ConsumerOffer) =>
        down.consume({ ...(bare(offer) as types.ConsumerOptions), streamId: offer.producerId });
      // All at once: one negotiation with ourselves instead of one a seat (clients.md: 75 ms against 400).
      media.consumers = await Promise.all(joined.seats.map(async (seat) => {
        const [audio, video] = await Promise.all([consume(seat.audio), consume(seat.video)]);
        return { audio, video };
      }));
    } catch (error) {
      media.close();
      throw error;
    }
    return media;
  }

  /** To be called every BEAT_EVERY_MS: looks whether anything comes. */
  async beat(nowMs: number): Promise<void> {
    if (this.beating) return;
    this.beating = true;
    try {
      const up = await this.heardUp();
      this.beatMs = nowMs;
      const before = { ...this.pulses };
      this.pulses.up = up === null ? noPulse : felt(before.up, up, nowMs);
      this.pulses.down = felt(before.down, this.heardDown(), nowMs);
      const fell = (["up", "down"] as const).filter((way) => this.pulses[way].quiet && !before[way].quiet);
      if (this.closed || fell.length === 0) return;
      for (const way of fell) this.again.add(way);
      this.listener.onQuiet();
      // Whoever sends is answered all the time. Others may just have nobody to listen to.
      if (fell.includes("up")) this.mendSilent(true);
    } finally {
      this.beating = false;
    }
  }

  /** A new path for each way that nothing came by of late, if that says anything: `all`, or what we send is
   * not answered, or the browser says so. And for each that none could be asked for. */
  mendSilent(all: boolean): void {
    for (const way of ["up", "down"] as const) {
      const state = this.transports.get(way)?.connectionState;
      if (state === undefined || state === "new" || state === "closed") continue;
      if (this.unasked.delete(way)) {
        this.startTimer(way, 0);
        continue;
      }
      if (this.beatMs - this.pulses[way].heardMs < QUIET_AFTER_MS) continue;
      if (!all && !this.pulses.up.quiet && state === "connected") continue;
      this.pulses[way] = { ...this.pulses[way], quiet: true };
      this.startTimer(way, 0);
    }
  }

  /** Counts what comes back to what we send; null while nothing is sent. */
  private async heardUp(): Promise<number | null> {
    const up = this.transports.get("up");
    const sends = [...this.streams.values()].some(({ producer }) => !producer.closed && !producer.paused);
    if (!up || !sends || up.connectionState !== "connected") return null;
    try {
      return heardOn((await up.getStats()) as unknown as Iterable<readonly [string, unknown]>);
    } catch {
      return null; // closed meanwhile
    }
  }

  /** When the newest sound or picture was played: cheaper than a report of all seats. */
  private heardDown(): number {
    let newest = 0;
    for (const { audio, video } of this.consumers) {
      for (const { rtpReceiver } of [audio, video]) {
        for (const { timestamp } of rtpReceiver?.getSynchronizationSources() ?? []) newest = Math.max(newest, timestamp);
      }
    }
    return newest;
  }

  get seats(): readonly SeatTracks[] {
    return this.consumers.map(({ audio, video }) => ({ audio: audio.track, video: video.track }));
  }

  close(): void {
    this.closed = true;
    for (const timer of this.timers.values()) window.clearTimeout(timer);
    this.timers.clear();
    for (const transport of this.transports.values()) transport.close();
    for (const [source, stream] of this.streams) giveBack(source, stream);
    this.streams.clear();
  }

  /** Sends `track` as `source` from now on. The caller keeps the track and stops it. */
  async publish(source: Source, track: MediaStreamTrack): Promise<void> {
    // Now, and not after something was waited for: the person may turn it off meanwhile.
    track.enabled = true;
    const stream = this.streams.get(source);
    if (!stream || stream.producer.closed) return this.produce(source, track);
    const { producer } = stream;
    if (producer.track !== track) await producer.replaceTrack({ track });
    if (producer.paused) producer.resume();
    try {
      await this.tell(stream, false);
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "not-found") throw error;
      // The server closed it (a recess, a removal): a new one.
      producer.close();
      await this.produce(source, track);
    }
  }

  /** Sends nothing as `source`, but keeps its place: for a moment's mute. Silence here comes before any answer. */
  async hold(source: Source): Promise<void> {
    const stream = this.streams.get(source);
    if (!stream || stream.producer.closed) return;
    const { producer } = stream;
    if (producer.track) producer.track.enabled = false;
    if (!producer.paused) producer.pause();
    await this.tell(stream, true);
  }

  /** Gives `source` up. */
  async withdraw(source: Source): Promise<void> {
    const stream = this.streams.get(source);
    if (!stream) return;
    this.streams.delete(source);
    stream.producer.close();
    giveBack(source, stream);
    await this.listener.request({ type: "closeProducer", producer: stream.producer.id });
  }

  /** The server says that nothing of `source` is live. True when we were told that it is: it is said again. */
  doubt(source: Source): boolean {
    const stream = this.streams.get(source);
    if (!stream || stream.toldPaused !== false) return false;
    stream.toldPaused = null;
    return true;
  }

  /** Somebody receives these encodings of the producer; it may be one that is only being made. */
  setReceived(producer: string, received: readonly number[]): void {
    this.received.set(producer, received);
    this.switchAll();
  }

  /** The line limits what is sent, or did: browsers find out sooner whether it carries more when something else is wanted. */
  nudge(): void {
    this.nudged = !this.nudged;
    this.switchAll();
  }

  /** The device is overloaded, or was: the top layer is not sent. */
  spare(spared: boolean): void {
    if (this.spared === spared) return;
    this.spared = spared;
    this.switchAll();
  }

  /** The line up carries sound alone, or does no more: the sound takes less. The picture is the caller's to hold. */
  setThin(thin: boolean): void {
    this.thin = thin;
    // Also where nothing changed: a browser may have refused it the last time, in mid-negotiation.
    const microphone = this.streams.get("microphone")?.producer;
    if (microphone) this.switching = this.switching.then(() => this.switchSound(microphone));
  }

  /** How device and line bear what is sent and received. */
  async load(): Promise<Load> {
    const camera = this.streams.get("camera")?.producer;
    const microphone = this.streams.get("microphone")?.producer;
    const [up, down] = [this.transports.get("up"), this.transports.get("down")];
    const [carried, received, heard, sent] = await Promise.all(
      [up, down, microphone, camera].map((one) => (one ? reportOf(one) : [])));
    const pictured = camera !== undefined && !camera.closed && !camera.paused;
    const load = { ...noLoad, atMs: performance.now(), mayBps: mayBpsOf(carried ?? []), lost: lostOf(heard ?? []), pictured };
    return addLoads(load, addLoads(loadOf(received ?? []), loadOf(sent ?? [])));
  }

  async seatNumbers(): Promise<readonly SeatNumbers[]> {
    return Promise.all(this.consumers.map(async ({ audio, video }, seat) => ({
      seat,
      person: null,
      audio: numbersOf(await reportOf(audio)),
      video: numbersOf(await reportOf(video)),
    })));
  }

  async upNumbers(source: Source): Promise<StreamNumbers> {
    const stream = this.streams.get(source);
    return stream ? numbersOf(await reportOf(stream.producer)) : noNumbers;
  }

  /** Over what it all goes; null while that is not known. */
  async path(): Promise<Path | null> {
    const paths = await Promise.all([...this.transports.values()].map(async (one) => pathOf(await reportOf(one))));
    return paths.reduce(worse, null);
  }

  /** Nothing to say when the server knows already; after a lost answer it is said again. */
  private async tell(stream: Stream, paused: boolean): Promise<void> {
    if (stream.toldPaused === paused) return;
    stream.toldPaused = null;
    await this.listener.request({ type: "pause", producer: stream.producer.id, paused });
    stream.toldPaused = paused;
  }

  private async produce(source: Source, track: MediaStreamTrack): Promise<void> {
    const up = this.transports.get("up");
    const encoded = await this.encodedAs(source, track);
    if (!up || this.closed) throw new RequestError("lost", "no transport");
    if (track.readyState === "ended") throw new RequestError("lost", "turned off meanwhile");
    const producer = await up.produce({
      track,
      stopTracks: false,
      // A muted person sends not one packet. Whether the track is on is ours to say: the library would turn it
      // on again whenever it goes on, however long that waited and whatever the person did since.
      disableTrackOnPause: false,
      zeroRtpOnPause: true,
      ...encoded,
      appData: { source },
    });
    this.streams.set(source, { producer, toldPaused: false });
    if (source === "microphone") await this.switchSound(producer);
    else await this.switchLayers(producer);
  }

  private async encodedAs(source: Source, track: MediaStreamTrack): Promise<types.ProducerOptions> {
    // For the record: in-band repair on, no gaps in silence.
    if (source === "microphone") return { codecOptions: { opusFec: true, opusDtx: false, opusStereo: false } };
    const codecOptions = { videoGoogleStartBitrate: START_KBPS };
    if (source === "screen") return { encodings: [{ maxBitrate: SCREEN_BPS }], codecOptions };
    // A camera goes in spatial layers of one stream, or in layers of a stream each.
    const codec = this.device.sendRtpCapabilities?.codecs?.find(({ mimeType }) => mimeType === "video/VP9");
    const encoding = spatial(fitting(SPATIAL_LAYERS, track)[1]);
    if (!codec || !await makes(encoding.scalabilityMode, track)) return { encodings: layersOf(track), codecOptions };
    return { codec, encodings: [encoding], codecOptions };
  }

  private async switchSound({ rtpSender }: types.Producer): Promise<void> {
    const wanted = rtpSender?.getParameters();
    const sound = wanted?.encodings?.[0];
    if (!rtpSender || !sound || this.closed || (sound.maxBitrate !== undefined) === this.thin) return;
    if (this.thin) sound.maxBitrate = THIN_SOUND_BPS;
    else delete sound.maxBitrate;
    try {
      await rtpSender.setParameters(wanted);
    } catch {
      // Closed or renegotiated meanwhile: the next look sets it.
    }
  }

  /** Makes the layers that are sent equal to those somebody receives, less the top one while the device is spared. */
  private async switchLayers({ id, rtpSender, rtpParameters }: types.Producer): Promise<void> {
    const received = this.received.get(id);
    if (!rtpSender || this.closed) return;
    const wanted = rtpSender.getParameters();
    const { encodings } = wanted;
    // Not negotiated yet.
    if (!encodings?.[0]) return;
    const first = rtpParameters.encodings?.[0]?.scalabilityMode;
    const bps = SPATIAL_LAYERS.map(([, each]) => each).find((each) => each.length > 1 && modeOf(each.length) === first);
    const layers = bps?.length ?? encodings.length;
    // One layer alone is paused with its stream.
    if (layers < 2) return;
    const active = Array.from({ length: layers }, (_, n) => n === 0
      || ((received?.includes(n) ?? true) && !(this.spared && n === layers - 1)));
    const before = JSON.stringify(encodings);
    // All below the best are in it anyway.
    if (bps) Object.assign(encodings[0], spatial(bps, active.lastIndexOf(true) + 1));
    else encodings.forEach((encoding, n) => { encoding.active = active[n] ?? true; });
    const best = encodings.at(-1)!;
    // What layers may take are even thousands: a nudge is all that is odd.
    if (best.maxBitrate) best.maxBitrate += (this.nudged ? NUDGE_BPS : 0) - best.maxBitrate % (2 * NUDGE_BPS);
    if (JSON.stringify(encodings) === before) return;
    try {
      await rtpSender.setParameters(wanted);
    } catch {
      // Closed or renegotiated meanwhile: the next event says it again.
    }
  }

  private switchAll(): void {
    for (const { producer } of this.streams.values()) {
      this.switching = this.switching.then(() => this.switchLayers(producer));
    }
  }

  private makeTransport(way: Way, offer: TransportOffer, servers: IceServers): types.Transport {
    const options = { ...(bare(offer) as types.TransportOptions), iceServers: lent(servers) };
    const transport = way === "up"
      ? this.device.createSendTransport(options)
      : this.device.createRecvTransport(options);
    this.transports.set(way, transport);
    transport.on("connect", ({ dtlsParameters }, done, fail) => {
      this.listener.request({ type: "connect", transport: offer.id, dtlsParameters: slim(dtlsParameters) })
        .then(() => done(), fail);
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, fail) => {
      const source = appData["source"] as Source;
      this.listener.request({ type: "produce", source, kind, paused: false, rtpParameters }).then(
        (answer) => (answer.type === "produced" ? done({ id: answer.producer }) : fail(new Error(answer.type))),
        fail,
      );
    });
    transport.on("connectionstatechange", (state) => this.onState(way, state));
    return transport;
  }

  private onState(way: Way, state: types.ConnectionState): void {
    if (this.closed) return;
    switch (state) {
      case "connected":
        this.tries.set(way, 0);
        this.stopTimer(way);
        break;
      case "connecting":
        // A browser may look for a first way for ever, as when the relay refused it once.
        if (!this.timers.has(way)) this.startTimer(way, MEND_PATIENT_MS);
        break;
      case "disconnected": case "failed":
        this.startTimer(way, 0);
        this.listener.onQuiet();
        break;
      case "new": case "closed":
        break;
    }
    const states = [...this.transports.values()].map((transport) => transport.connectionState);
    if (states.some((one) => one === "disconnected" || one === "failed")) this.listener.onHealth("trouble");
    else this.listener.onHealth(states.some((one) => one === "connected") ? "up" : "connecting");
  }

  /** A new path for the same streams: nothing else is renegotiated. Tried until it works. */
  private async mend(way: Way): Promise<void> {
    const transport = this.transports.get(way);
    if (!transport || this.closed || (transport.connectionState === "connected" && !this.pulses[way].quiet)) return;
    const before = this.tries.get(way);
    if (before !== undefined) this.tries.set(way, before + 1);
    const isPatient = before === undefined || (this.isRelayed && before % 3 === 2);
    this.startTimer(way, isPatient ? MEND_PATIENT_MS : MEND_EVERY_MS);
    try {
      const answer = await this.listener.request({ type: "restartIce", transport: transport.id });
      if (answer.type === "iceRestarted" && !this.closed) {
        // What we logged in with at the TURN server may have ended meanwhile.
        this.isRelayed = answer.iceServers.length > 0;
        await transport.updateIceServers({ iceServers: lent(answer.iceServers) });
        await transport.restartIce({ iceParameters: answer.iceParameters });
        // Once more should it stay silent: Chromium learns of a new address 2 s late. Then the rest is the browser's.
        if (!this.again.delete(way)) this.pulses[way] = noPulse;
      }
    } catch (error) {
      const code = error instanceof RequestError ? error.code : null;
      if (code === "lost") this.unasked.add(way);
      if (!this.closed && (code === "not-found" || code === "not-joined")) this.listener.onHopeless();
    }
  }

  private startTimer(way: Way, afterMs: number): void {
    this.stopTimer(way);
    this.timers.set(way, window.setTimeout(() => {
      this.timers.delete(way);
      void this.mend(way);
    }, afterMs));
  }

  private stopTimer(way: Way): void {
    window.clearTimeout(this.timers.get(way));
    this.timers.delete(way);
  }
}

/** Of what is by the pixels a camera gives at least, most first, that for `track`. */
function fitting<T extends readonly [number, ...unknown[]]>(choices: readonly T[], track: MediaStreamTrack): T {
  const { width = 640, height = 360 } = track.getSettings();
  return choices.find(([pixels]) => width * height >= pixels)!;
}

function layersOf(track: MediaStreamTrack): types.RtpEncodingParameters[] {
  return fitting(CAMERA_LAYERS, track)[1]
    .map(([scaleResolutionDownBy, maxBitrate]) => ({ scaleResolutionDownBy, maxBitrate }));
}

/** Whether the browser makes VP9 so. One that does not know of modes does not read which, and says yes. */
async function makes(mode: string, track: MediaStreamTrack): Promise<boolean> {
  const { width = 640, height = 360, frameRate: framerate = 30 } = track.getSettings();
  let read = false;
  const video = {
    contentType: "video/VP9", width, height, framerate, bitrate: START_KBPS * 1000,
    get scalabilityMode() {
      read = true;
      return mode;
    },
  };
  try {
    return (await navigator.mediaCapabilities.encodingInfo({ type: "webrtc", video })).supported && read;
  } catch {
    return false;
  }
}

/** So many spatial layers, predicted from each other in key pictures alone: each can be sent on by itself. */
function modeOf(layers: number): string {
  return `L${layers}T3${layers > 1 ? "_KEY" : ""}`;
}

/** The lowest `count` of these spatial layers. */
function spatial(bps: readonly number[], count = bps.length) {
  return { scalabilityMode: modeOf(count), maxBitrate: bps[count - 1]!, scaleResolutionDownBy: 2 ** (bps.length - count) };
}

/** Sent no more, a camera shows its owner the own picture again. A microphone stays as silent as it is. */
function giveBack(source: Source, { producer }: Stream): void {
  if (source === "camera" && producer.track) producer.track.enabled = true;
}

/** Empty while the stream is closing. */
async function reportOf(
  stream: types.Consumer | types.Producer | types.Transport,
): Promise<Iterable<readonly [string, unknown]>> {
  try {
    return (await stream.getStats()) as unknown as Iterable<readonly [string, unknown]>;
  } catch {
    return [];
  }
}

/** In the library's words. */
function lent(servers: IceServers): RTCIceServer[] {
  return servers.map(({ urls, username, credential }) => ({ urls: [...urls], username, credential }));
}

/** Only what PROTOCOL.md names: the server refuses members it does not know. */
function slim(dtls: types.DtlsParameters): object {
  return {
    role: dtls.role ?? "auto",
    fingerprints: dtls.fingerprints.map(({ algorithm, value }) => ({ algorithm, value })),
  };
}

/** The library takes an absent member, not a null one. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(entries.map(([key, member]) => [key, bare(member)]));
}
