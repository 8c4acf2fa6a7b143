// SPDX-License-Identifier: Apache-2.0
/** One person's part in one hearing: ties the connection, the media and the devices to the state drawn. */
import { Connection, RequestError } from "./connection.ts";
import type { World } from "./connection.ts";
import { apply, emptyHearing, isAside, isHeard, isPaused, isSpeaker, refusalOf } from "./hearing.ts";
import type { Ending, Hearing, PageEvent } from "./hearing.ts";
import { Local } from "./local.ts";
import type { Health, Media, MediaListener, SeatTracks } from "./media.ts";
import {
  CLOSE_HEARING_CLOSED, CLOSE_REMOVED, CLOSE_TAKEN_OVER,
} from "./protocol.ts";
import type { Connections, ErrorCode, Joined, Request, RtpCapabilities, ServerEvent, Welcome } from "./protocol.ts";
import { keepResume, keptResume } from "./route.ts";
import type { Keep } from "./route.ts";
import { looked, mayGrow, noEffort, pictureTried } from "./effort.ts";
import type { Effort } from "./effort.ts";
import { heightsOf, isNews } from "./views.ts";
import type { Shown } from "./views.ts";
import { SLEPT_MS } from "./pulse.ts";
import { noNumbers } from "./stats.ts";
import type { PageNumbers } from "./stats.ts";
import { Store } from "./store.ts";
import { seatsWanted, takesRed } from "./support.ts";

/** Between two tries to join while the media core is away. Ours; a restart takes it about a second. */
const JOIN_AGAIN_MS = 700;
/** When the server is full: it is not asked more often, and a place may become free. */
const JOIN_AGAIN_FULL_MS = 5000;

/** The layout rests this long before the server is told of it. Ours: a few times a second at most. */
const VIEW_RESTS_MS = 300;
/** In what outlives a reload: the person wants sound alone. */
const SOUND_ONLY = "assize.soundOnly";
/** How often we look over what our sound and pictures go. Ours. */
const PATH_EVERY_MS = 5000;

const SOURCES = ["microphone", "camera", "screen"] as const;

/** Ends after which the place may still be there: the same secret gets it back. */
const PLACE_STAYS: readonly Ending[] = ["elsewhere", "already-joined", "internal", "full", "protocol-version"];

export interface SessionState {
  readonly hearing: Hearing;
  /** Sound and pictures of each seat; empty until joined. */
  readonly tracks: readonly SeatTracks[];
  readonly health: Health;
  /** The person wants no pictures, to save the line. */
  readonly soundOnly: boolean;
  /** What device and line bear. */
  readonly effort: Effort;
}

/** What the session asks of the media; Media, or a fake in tests. */
export type MediaPart = Pick<Media, "seats" | "close" | "publish" | "hold" | "withdraw" | "doubt" | "path" | "seatNumbers" | "upNumbers" | "load" | "setReceived" | "spare" | "nudge" | "setThin" | "beat" | "mendSilent">;

export interface MediaLibrary {
  /** Half of the page's bytes, and not needed to draw the first one: fetched, and made ready for these
   * capabilities, while devices are chosen. */
  preload(capabilities: RtpCapabilities): Promise<unknown>;
  open(capabilities: RtpCapabilities, joined: Joined, listener: MediaListener): Promise<MediaPart>;
}

export class Session {
  readonly store: Store<SessionState>;
  readonly local = new Local();
  private connection: Connection;
  private capabilities: RtpCapabilities | null = null;
  private media: MediaPart | null = null;
  /** Counts joins, so that the answer to an older one is dropped. */
  private joinTurn = 0;
  private joining = false;
  private takeOver = false;
  /** The last connection was lost because nothing answered any more. */
  private wentSilent = false;
  private beatMs: number | null = null;
  private resumed = false;
  private work: Promise<void> = Promise.resolve();
  private shown: readonly Shown[] = [];
  private ratio = 1;
  private hidden = false;
  /** As the server knows it; null: not since the last join or welcome. */
  private toldHeights: readonly number[] | null = null;
  private toldSoundOnly: boolean | null = null;
  private toldSpared: boolean | null = null;
  private toldThin: boolean | null = null;
  private toldWatch = false;
  private viewTimer: number | null = null;
  private watching: ((event: Connections) => void) | null = null;

  constructor(
    private readonly token: string,
    private readonly world: World,
    private readonly keep: Keep,
    private readonly library: MediaLibrary,
  ) {
    this.store = new Store<SessionState>({
      hearing: emptyHearing, tracks: [], health: "connecting", soundOnly: keep.getItem(SOUND_ONLY) !== null, effort: noEffort,
    });
    this.connection = this.makeConnection();
    this.local.store.watch(() => this.reconcile());
  }

  /** Begins; called again (the network came back) it tries at once instead of waiting. */
  start(): void {
    this.connection.start();
  }

  /** To be called every BEAT_EVERY_MS: a dead path is noticed before the browser says so. */
  beat(nowMs: number): void {
    const slept = this.beatMs !== null && nowMs - this.beatMs > SLEPT_MS;
    this.beatMs = nowMs;
    void this.media?.beat(nowMs);
    if (slept) this.doubt();
  }

  /** The device slept, or its network changed: the connection proves that it lives, or another is made. */
  doubt(): void {
    this.connection.startAnew();
  }

  /** Puts the other window of this invitation out and takes its place. */
  useHere(): void {
    this.takeOver = true;
    this.store.patch({ hearing: emptyHearing, tracks: [], health: "connecting", effort: noEffort });
    this.connection = this.makeConnection();
    this.connection.start();
  }

  /** Asks for the devices of those who may speak; the others are asked for nothing. */
  openDevices(): Promise<void> {
    return isSpeaker(this.store.get().hearing) ? this.local.begin() : this.local.listen();
  }

  join(): void {
    this.change({ type: "page:joining" });
    void this.takeSeats();
  }

  leave(): void {
    this.connection.request({ type: "leave" }).catch(ignore).then(() => this.finish("left")).catch(ignore);
  }

  /** One action of a person; what fails is told to them. Resolves to whether it was done. */
  async act(request: Request): Promise<boolean> {
    try {
      await this.connection.request(request);
      return true;
    } catch (error) {
      const missing = error instanceof RequestError ? error.missing : null;
      this.change({ type: "page:failed", code: codeOf(error), ...(missing ? { missing } : {}) });
      return false;
    }
  }

  noticeSeen(id: number): void {
    this.change({ type: "page:noticeSeen", id });
  }

  /** The pictures that stand on the page, or stand there otherwise now; told to the server once that rests. */
  looks(shown: readonly Shown[], ratio: number, hidden: boolean): void {
    this.shown = shown;
    this.ratio = ratio;
    this.hidden = hidden;
    this.tellViewSoon();
  }

  /** Sound alone, and back: the person's choice, never ours. Outlives a reload of the page. */
  setSoundOnly(on: boolean): void {
    if (on) this.keep.setItem(SOUND_ONLY, "1");
    else this.keep.removeItem(SOUND_ONLY);
    this.store.patch({ soundOnly: on });
    this.tellViewSoon();
  }

  /** No more proposals of sound alone. */
  dismissProposal(): void {
    this.store.patch({ effort: { ...this.store.get().effort, dismissed: true } });
  }

  /** The person wants their picture sent again, however thin the line was. */
  tryPicture(): void {
    this.heed(pictureTried(this.store.get().effort));
  }

  /** Has `told` told of everybody's connection, also after a lost one; returns the way to stop. */
  watchConnections(told: (event: Connections) => void): () => void {
    this.watching = told;
    this.tellViewSoon();
    return () => {
      if (this.watching === told) this.watching = null;
      this.tellViewSoon();
    };
  }

  /** To be called every LOOK_EVERY_MS while there are pictures. */
  async look(): Promise<void> {
    const { media } = this;
    if (!media) return;
    const load = await media.load();
    if (media !== this.media) return;
    const { effort: before, hearing } = this.store.get();
    this.heed(looked(before, load, hearing));
  }

  private heed(effort: Effort): void {
    const { effort: before } = this.store.get();
    this.store.patch({ effort });
    this.media?.spare(effort.spared);
    this.media?.setThin(effort.thin);
    if (mayGrow(effort)) this.media?.nudge();
    if (effort.thin !== before.thin) this.reconcile();
    if (effort.spared !== before.spared || effort.thin !== before.thin) this.tellViewSoon();
  }

  private tellViewSoon(): void {
    if (this.viewTimer !== null) return;
    this.viewTimer = this.world.setTimer(() => {
      this.viewTimer = null;
      void this.tellView();
    }, VIEW_RESTS_MS);
  }

  /** What differs from what the server knows. A lost answer is made good by the next welcome. */
  private async tellView(): Promise<void> {
    const { hearing, soundOnly, effort } = this.store.get();
    if (!this.media || !this.connection.isUp) return;
    try {
      if (this.toldSoundOnly !== soundOnly) {
        await this.connection.request({ type: "soundOnly", on: soundOnly });
        this.toldSoundOnly = soundOnly;
      }
      if (this.toldSpared !== effort.spared || this.toldThin !== effort.thin) {
        await this.connection.request({ type: "device", overloaded: effort.spared, thinLine: effort.thin });
        this.toldSpared = effort.spared;
        this.toldThin = effort.thin;
      }
      const watch = this.watching !== null;
      if (this.toldWatch !== watch) {
        await this.connection.request({ type: "watchConnections", on: watch });
        this.toldWatch = watch;
      }
      const heights = heightsOf(hearing.seats.length, this.shown, { ratio: this.ratio, hidden: this.hidden, halved: effort.spared });
      if (!isNews(this.toldHeights, heights)) return;
      await this.connection.request({ type: "view", heights });
      this.toldHeights = heights;
    } catch (error) {
      if (codeOf(error) === "too-fast") this.tellViewSoon();
    }
  }

  /** A join is of a peer with pictures; after a lost connection nothing is sure. */
  private tellViewAnew(soundOnly: false | null): void {
    this.toldHeights = null;
    this.toldSoundOnly = soundOnly;
    this.toldSpared = soundOnly;
    this.toldThin = soundOnly;
    this.toldWatch = false;
    this.tellViewSoon();
  }

  async numbers(): Promise<PageNumbers> {
    const media = this.media;
    if (!media) return { seats: [], up: { microphone: noNumbers, camera: noNumbers } };
    const { seats } = this.store.get().hearing;
    const [down, microphone, camera] = await Promise.all([
      media.seatNumbers(), media.upNumbers("microphone"), media.upNumbers("camera"),
    ]);
    return {
      seats: down.map((one) => ({ ...one, person: seats[one.seat]?.person ?? null })),
      up: { microphone, camera },
    };
  }

  private makeConnection(): Connection {
    return new Connection(this.world, {
      hello: () => this.hello(),
      onWelcome: (welcome) => this.onWelcome(welcome),
      onEvent: (event) => this.onEvent(event),
      onLost: (silent) => {
        this.wentSilent = silent;
        this.change({ type: "page:linkLost" });
      },
      onEnd: (reason) => this.onEnd(reason),
    });
  }

  private hello(): Request {
    const resume = keptResume(this.keep);
    this.resumed = resume !== null;
    return {
      type: "hello",
      protocol: 1,
      token: this.token,
      ...(resume === null ? {} : { resume }),
      ...(this.takeOver ? { takeOver: true as const } : {}),
    };
  }

  private onWelcome(welcome: Welcome): void {
    const wasSilent = this.wentSilent;
    this.wentSilent = false;
    this.takeOver = false;
    keepResume(this.keep, welcome.resume);
    this.capabilities = welcome.rtpCapabilities;
    this.change({ type: "page:welcome", welcome, atMs: Date.now() });
    // What is in use stays so; a failure shows at the join, which fetches again.
    if (!this.media) this.library.preload(welcome.rtpCapabilities).catch(ignore);
    const { stage, waitsForRoom } = this.store.get().hearing;
    const hasPlace = welcome.you.room !== "outside";
    if (stage === "lobby" && this.resumed && hasPlace && welcome.hearing.state !== "closed") void this.comeBack();
    // A signaling server that lost our place in its own restart gives it back on a new join.
    else if (welcome.hearing.state === "closed") this.closeDown();
    // A media core that was restarted meanwhile has nothing of ours either.
    else if (stage === "present" && (!hasPlace || !welcome.media || (!this.media && !this.joining))) void this.takeSeats();
    else if (waitsForRoom) void this.takeSeats();
    else {
      if (this.media) this.tellViewAnew(null);
      this.media?.mendSilent(wasSilent);
      this.hearWhatChanged(welcome);
      this.reconcile();
    }
  }

  /** While the connection was away the court may have muted us, or sent us out and let us in again. */
  private hearWhatChanged({ you }: Welcome): void {
    if (you.room === "outside" || you.room === "waiting") return;
    if (you.camera === "off") this.media?.doubt("camera");
    if (you.microphone === "on" || !this.media?.doubt("microphone")) return;
    this.change({ type: "muted", by: null });
    void this.local.set("microphone", false);
  }

  /** The page was loaded again in mid-hearing: back to the place, without the lobby. */
  private async comeBack(): Promise<void> {
    this.change({ type: "page:joining" });
    await this.openDevices();
    await this.takeSeats();
  }

  private onEvent(event: ServerEvent): void {
    // Every second, and nothing else on the page depends on it.
    if (event.type === "connections") return this.watching?.(event);
    this.change(event);
    switch (event.type) {
      case "mediaLost":
        this.dropMedia();
        void this.takeSeats();
        break;
      case "muted":
        void this.local.set("microphone", false);
        break;
      case "hearing":
        if (event.state === "closed") this.closeDown();
        else this.reconcile();
        break;
      case "room":
        // Put out by somebody. The server closes the connection too, but that may take a second.
        if (event.room === "outside" && event.by !== null) return this.finish("removed");
        // What stood on it in one room may be for nobody in the next.
        if (this.local.store.get().screen.wanted) void this.local.set("screen", false);
        this.reconcile();
        break;
      case "may":
        this.reconcile();
        break;
      case "layers":
        this.media?.setReceived(event.producer, event.received);
        break;
      case "seat": case "seatPicture": case "line": case "speaking": case "person": case "people": case "gone": case "record":
      case "asked": case "screens":
        break;
    }
  }

  private onEnd(reason: ErrorCode | number): void {
    switch (reason) {
      case CLOSE_TAKEN_OVER:
        return this.finish("elsewhere");
      case CLOSE_REMOVED:
        return this.finish("removed");
      case CLOSE_HEARING_CLOSED:
        return this.finish("closed");
      default:
        return this.finish(typeof reason === "number" ? "token-gone" : refusalOf(reason));
    }
  }

  private finish(ending: Ending): void {
    this.connection.stop();
    this.dropMedia();
    this.local.end();
    if (!PLACE_STAYS.includes(ending)) keepResume(this.keep, null);
    this.change({ type: "page:over", ending });
  }

  /** The hearing is closed: nothing is sent or received any more, the connection goes on telling of the record. */
  private closeDown(): void {
    this.dropMedia();
    this.local.end();
  }

  private dropMedia(): void {
    this.joinTurn += 1;
    this.media?.close();
    this.media = null;
    this.store.patch({ tracks: [], health: "connecting" });
  }

  /** Asks for a place and builds its transports; again and again while the media core is away. */
  private async takeSeats(): Promise<void> {
    this.dropMedia();
    const turn = this.joinTurn;
    const current = () => turn === this.joinTurn && this.store.get().hearing.stage !== "over";
    this.joining = true;
    try {
      const answer = await this.connection.request({ type: "join", seats: seatsWanted(), red: takesRed() });
      if (!current() || answer.type !== "joined" || !this.capabilities) return;
      this.change({ type: "page:joined", room: answer.room, number: answer.number, seats: answer.seats.length });
      const media = await this.library.open(this.capabilities, answer, {
        request: (request) => this.connection.request(request),
        onHealth: (health) => { if (current()) this.store.patch({ health }); },
        onQuiet: () => { if (current()) this.connection.doubt(); },
        onHopeless: () => { if (current()) void this.takeSeats(); },
      });
      if (!current()) return media.close();
      this.media = media;
      this.store.patch({ tracks: media.seats });
      this.tellViewAnew(false);
      this.watchPath(current);
      this.reconcile();
    } catch (error) {
      if (current()) this.joinFailed(codeOf(error), current);
    } finally {
      if (turn === this.joinTurn) this.joining = false;
    }
  }

  /** The court sees over what we are here; what it knows is what it told us of ourselves. */
  private watchPath(current: () => boolean): void {
    const look = async () => {
      if (!current() || !this.media) return;
      const path = await this.media.path().catch(() => null);
      const { you } = this.store.get().hearing;
      if (path && you && path !== you.path && this.connection.isUp) {
        await this.connection.request({ type: "path", path }).catch(ignore);
      }
      if (current()) this.watchPath(current);
    };
    this.world.setTimer(() => void look(), PATH_EVERY_MS);
  }

  private joinFailed(code: ErrorCode | "lost" | "late", current: () => boolean): void {
    const { stage, waitsForRoom, you } = this.store.get().hearing;
    if (code === "server-full") {
      // Whoever has no room, or none any more, is told so and comes in as soon as there is one.
      if (stage === "joining" || you?.room === "outside") this.change({ type: "page:serverFull" });
      this.joinLater(JOIN_AGAIN_FULL_MS, current);
      return;
    }
    // wrong-state: an earlier join of ours is not answered yet, and nobody here waits for its answer any more.
    const passing = code === "media-unavailable" || code === "late" || code === "lost" || code === "internal"
      || code === "wrong-state";
    // Whoever had a place gets it back without a word.
    if (passing && (stage === "present" || waitsForRoom)) this.joinLater(JOIN_AGAIN_MS, current);
    else if (stage === "joining" && code === "media-unavailable") {
      this.world.setTimer(() => { if (current()) void this.takeSeats(); }, JOIN_AGAIN_MS);
    } else this.change({ type: "page:joinFailed", code });
  }

  /** A lost connection tries again at its welcome. */
  private joinLater(pauseMs: number, current: () => boolean): void {
    this.world.setTimer(() => { if (current() && this.connection.isUp) void this.takeSeats(); }, pauseMs);
  }

  /** Makes what is sent equal to what the person wants and the hearing allows; one step at a time. */
  private reconcile(): void {
    this.endScreen();
    this.work = this.work.then(() => this.reconcileNow()).catch((error: unknown) => {
      const code = codeOf(error);
      // The welcome, the room or the state that follows brings us here again.
      if (code !== "lost" && code !== "wrong-state" && code !== "not-found" && code !== "not-joined") {
        this.change({ type: "page:failed", code });
      }
    });
  }

  /** A screen is shown anew by its owner: what stands on it after a recess may be for nobody else. */
  private endScreen(): void {
    const { hearing } = this.store.get();
    const inSession = hearing.you?.room === "courtroom" && !isPaused(hearing);
    if (this.local.store.get().screen.wanted && !inSession && !isAside(hearing.you)) void this.local.set("screen", false);
  }

  private async reconcileNow(): Promise<void> {
    const media = this.media;
    if (!media) return;
    for (const source of SOURCES) {
      const { hearing } = this.store.get();
      const { wanted, track } = this.local.store.get()[source];
      const isCarried = source !== "camera" || !this.store.get().effort.thin;
      if (isHeard(hearing) && wanted && track && isCarried) await media.publish(source, track);
      else if ((hearing.you?.room === "courtroom" || isAside(hearing.you)) && source !== "screen") await media.hold(source);
      else await media.withdraw(source).catch(ignore);
    }
  }

  private change(event: ServerEvent | PageEvent): void {
    const { hearing } = this.store.get();
    this.store.patch({ hearing: apply(hearing, event) });
  }
}

function codeOf(error: unknown): ErrorCode | "lost" | "late" {
  return error instanceof RequestError ? error.code : "internal";
}

function ignore(): void {
  // Asked for on the way out; nothing depends on the answer.
}
