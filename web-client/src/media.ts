// SPDX-License-Identifier: Apache-2.0
/** The way of sound and pictures: two transports, all seats down, what we publish up. Only file with mediasoup-client. */
import { Device } from "mediasoup-client";
import type { types } from "mediasoup-client";
import { RequestError } from "./connection.ts";
import type {
  Answer, ConsumerOffer, Joined, Request, RtpCapabilities, Source, TransportOffer,
} from "./protocol.ts";
import { noNumbers, numbersOf } from "./stats.ts";
import type { SeatNumbers, StreamNumbers } from "./stats.ts";

/** A disconnected transport often mends itself; after this long we help. Ours. */
const PATIENCE_MS = 1200;
/** Between two tries to mend a transport. Ours. */
const MEND_EVERY_MS = 2000;

/** A person's picture: enough for a face; the browser sends less when the link is poor. One layer:
 * the media core shows everybody the best layer that flows, so a second one would only cost. It
 * takes simulcast as it is (tests/system/codecs). */
const CAMERA_BPS = 700_000;
const SCREEN_BPS = 1_500_000;
const START_KBPS = 400;

export interface SeatTracks {
  readonly audio: MediaStreamTrack;
  readonly video: MediaStreamTrack;
}

export type Health = "connecting" | "up" | "trouble";

export interface MediaListener {
  request(request: Request): Promise<Answer>;
  onHealth(health: Health): void;
  /** These transports cannot be mended: join again. */
  onHopeless(): void;
}

/** What is asked of the library; its Device, or a fake in tests. */
export type DevicePart = Pick<Device, "load" | "createSendTransport" | "createRecvTransport">;

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
  private closed = false;

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
    try {
      media.makeTransport("up", joined.transports.up);
      const down = media.makeTransport("down", joined.transports.down);
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

  /** Nothing to say when the server knows already; after a lost answer it is said again. */
  private async tell(stream: Stream, paused: boolean): Promise<void> {
    if (stream.toldPaused === paused) return;
    stream.toldPaused = null;
    await this.listener.request({ type: "pause", producer: stream.producer.id, paused });
    stream.toldPaused = paused;
  }

  private async produce(source: Source, track: MediaStreamTrack): Promise<void> {
    const up = this.transports.get("up");
    if (!up || this.closed) throw new RequestError("lost", "no transport");
    const producer = await up.produce({
      track,
      stopTracks: false,
      // A muted person sends not one packet. Whether the track is on is ours to say: the library would turn it
      // on again whenever it goes on, however long that waited and whatever the person did since.
      disableTrackOnPause: false,
      zeroRtpOnPause: true,
      ...(source === "microphone"
        // For the record: in-band repair on, no gaps in silence.
        ? { codecOptions: { opusFec: true, opusDtx: false, opusStereo: false } }
        : {
            encodings: [{ maxBitrate: source === "screen" ? SCREEN_BPS : CAMERA_BPS }],
            codecOptions: { videoGoogleStartBitrate: START_KBPS },
          }),
      appData: { source },
    });
    this.streams.set(source, { producer, toldPaused: false });
  }

  private makeTransport(way: Way, offer: TransportOffer): types.Transport {
    const options = bare(offer) as types.TransportOptions;
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
        this.stopTimer(way);
        break;
      case "disconnected":
        this.startTimer(way, PATIENCE_MS);
        break;
      case "failed":
        this.startTimer(way, 0);
        break;
      case "new": case "connecting": case "closed":
        break;
    }
    const states = [...this.transports.values()].map((transport) => transport.connectionState);
    if (states.some((one) => one === "disconnected" || one === "failed")) this.listener.onHealth("trouble");
    else this.listener.onHealth(states.some((one) => one === "connected") ? "up" : "connecting");
  }

  /** A new path for the same streams: nothing else is renegotiated. Tried until it works. */
  private async mend(way: Way): Promise<void> {
    const transport = this.transports.get(way);
    if (!transport || this.closed || transport.connectionState === "connected") return;
    this.startTimer(way, MEND_EVERY_MS);
    try {
      const answer = await this.listener.request({ type: "restartIce", transport: transport.id });
      if (answer.type === "iceRestarted" && !this.closed) {
        await transport.restartIce({ iceParameters: answer.iceParameters });
      }
    } catch (error) {
      const code = error instanceof RequestError ? error.code : null;
      if (!this.closed && (code === "not-found" || code === "not-joined")) this.listener.onHopeless();
    }
  }

  private startTimer(way: Way, afterMs: number): void {
    this.stopTimer(way);
    this.timers.set(way, window.setTimeout(() => void this.mend(way), afterMs));
  }

  private stopTimer(way: Way): void {
    window.clearTimeout(this.timers.get(way));
    this.timers.delete(way);
  }
}

/** Sent no more, a camera shows its owner the own picture again. A microphone stays as silent as it is. */
function giveBack(source: Source, { producer }: Stream): void {
  if (source === "camera" && producer.track) producer.track.enabled = true;
}

/** Empty while the stream is closing. */
async function reportOf(
  stream: types.Consumer | types.Producer,
): Promise<Iterable<readonly [string, unknown]>> {
  try {
    return (await stream.getStats()) as unknown as Iterable<readonly [string, unknown]>;
  } catch {
    return [];
  }
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
