// SPDX-License-Identifier: Apache-2.0
/** A browser's devices, a media engine and a server for the page's session, each of which a test leads. */
import assert from "node:assert/strict";
import { noLoad } from "../../web-client/src/effort.ts";
import type { Load } from "../../web-client/src/effort.ts";
import type { Socket, World } from "../../web-client/src/connection.ts";
import type { MediaListener, SeatTracks } from "../../web-client/src/media.ts";
import type { Path } from "../../web-client/src/path.ts";
import type { Joined, Source } from "../../web-client/src/protocol.ts";
import { Session } from "../../web-client/src/session.ts";
import type { MediaPart } from "../../web-client/src/session.ts";
import { noNumbers } from "../../web-client/src/stats.ts";
import { sample } from "./samples.ts";

/** A device's track: it can be stopped, or end by itself. */
export class FakeTrack extends EventTarget {
  stopped = false;
  enabled = true;
  muted = false;
  constructor(readonly kind: "audio" | "video") {
    super();
  }
  stop(): void {
    this.stopped = true;
  }
}

/** What the browser would give; `fails` makes the next questions for a kind of device fail. */
export const devices = {
  opened: [] as FakeTrack[],
  fails: new Map<"audio" | "video", string>(),
  /** While set, the person has not answered the browser's question. */
  answered: null as Promise<void> | null,
  async getUserMedia(asked: { audio?: unknown; video?: unknown }): Promise<unknown> {
    await devices.answered;
    const kinds = (["audio", "video"] as const).filter((kind) => asked[kind] !== undefined);
    for (const kind of kinds) {
      const name = devices.fails.get(kind);
      if (name) throw Object.assign(new Error("no"), { name });
    }
    const tracks = kinds.map((kind) => new FakeTrack(kind));
    devices.opened.push(...tracks);
    return {
      getTracks: () => tracks,
      getAudioTracks: () => tracks.filter((track) => track.kind === "audio"),
      getVideoTracks: () => tracks.filter((track) => track.kind === "video"),
    };
  },
  getDisplayMedia: () => devices.getUserMedia({ video: true }),
  enumerateDevices: () => Promise.resolve([]),
};

Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: devices }, configurable: true });
Object.defineProperty(globalThis, "isSecureContext", { value: true, configurable: true });
Object.defineProperty(globalThis, "matchMedia", { value: () => ({ matches: false }), configurable: true });

/** Remembers what of ours is on the air. */
class FakeMedia implements MediaPart {
  readonly seats: readonly SeatTracks[] = [];
  readonly sent = new Map<Source, "on" | "held">();
  closed = false;
  goesOver: Path | null = null;
  /** Resolves what hangs; null: nothing hangs. */
  hangs: Promise<void> | null = null;
  constructor(readonly listener: MediaListener) {}
  close(): void {
    this.closed = true;
  }
  publish(source: Source): Promise<void> {
    this.sent.set(source, "on");
    return this.hangs ?? Promise.resolve();
  }
  doubt(source: Source): boolean {
    return this.sent.get(source) === "on" && this.sent.delete(source);
  }
  hold(source: Source): Promise<void> {
    if (this.sent.has(source)) this.sent.set(source, "held");
    return Promise.resolve();
  }
  withdraw(source: Source): Promise<void> {
    this.sent.delete(source);
    return Promise.resolve();
  }
  readonly received = new Map<string, readonly number[]>();
  spared = false;
  loads: Load = noLoad;
  load() {
    return Promise.resolve(this.loads);
  }
  setReceived(producer: string, received: readonly number[]): void {
    this.received.set(producer, received);
  }
  spare(spared: boolean): void {
    this.spared = spared;
  }
  nudges = 0;
  nudge(): void {
    this.nudges++;
  }
  thin = false;
  setThin(thin: boolean): void {
    this.thin = thin;
  }
  beats: number[] = [];
  readonly mended: boolean[] = [];
  beat(nowMs: number): Promise<void> {
    this.beats.push(nowMs);
    return Promise.resolve();
  }
  mendSilent(all: boolean): void {
    this.mended.push(all);
  }
  path(): Promise<Path | null> {
    return Promise.resolve(this.goesOver);
  }
  seatNumbers() {
    return Promise.resolve([]);
  }
  upNumbers() {
    return Promise.resolve(noNumbers);
  }
}

const you = (JSON.parse(sample("welcome.json")) as { you: object }).you;

/** A server that answers, with a clock of its own. */
export class Court implements World {
  readonly media: FakeMedia[] = [];
  readonly asked: { type: string; id: number; [key: string]: unknown }[] = [];
  readonly kept = new Map<string, string>();
  room = "outside";
  state = "open";
  /** What the media core has of this page, as the welcome tells. */
  hasMedia = true;
  microphone = "on";
  camera = "on";
  role = "party";
  may: readonly string[] = ["produce", "hand"];
  /** Answers to `join` that are errors, one after the other. */
  readonly refusals: string[] = [];
  /** Of every timer so far, ms. */
  readonly pauses: number[] = [];
  sockets = 0;
  /** Nothing that is asked reaches it. */
  deaf = false;
  /** How often a media library was asked for. */
  preloads = 0;
  private socket: Socket | null = null;
  private readonly timers = new Map<number, () => void>();
  private lastTimer = 0;
  readonly session = new Session("token", this, {
    getItem: (key) => this.kept.get(key) ?? null,
    setItem: (key, value) => void this.kept.set(key, value),
    removeItem: (key) => void this.kept.delete(key),
  }, {
    preload: () => {
      this.preloads += 1;
      return Promise.resolve();
    },
    open: (_capabilities, _joined: Joined, listener) => {
      const media = new FakeMedia(listener);
      this.media.push(media);
      return Promise.resolve(media);
    },
  });

  open(): Socket {
    this.sockets += 1;
    const socket: Socket = {
      onopen: null, onmessage: null, onclose: null, close: () => undefined,
      send: (text) => this.answer(socket, JSON.parse(text) as { type: string; id: number }),
    };
    this.socket = socket;
    setImmediate(() => socket.onopen?.());
    return socket;
  }
  now(): number {
    return 0;
  }
  setTimer(run: () => void, pauseMs: number): number {
    this.pauses.push(pauseMs);
    this.lastTimer += 1;
    this.timers.set(this.lastTimer, run);
    return this.lastTimer;
  }
  clearTimer(timer: number): void {
    this.timers.delete(timer);
  }
  random(): number {
    return 0;
  }

  /** Lets every timer that waits now run, as if its time had come. */
  async later(): Promise<void> {
    const due = [...this.timers.values()];
    this.timers.clear();
    for (const run of due) run();
    await settle();
  }

  say(value: object): void {
    this.socket?.onmessage?.({ data: JSON.stringify(value) });
  }

  cut(code = 1006): void {
    this.socket?.onclose?.({ code });
  }

  get last(): FakeMedia {
    const media = this.media[this.media.length - 1];
    assert.ok(media, "no media was opened");
    return media;
  }

  count(type: string): number {
    return this.asked.filter((one) => one.type === type).length;
  }

  private answer(socket: Socket, request: { type: string; id: number }): void {
    if (this.deaf) return;
    this.asked.push(request);
    const reply = this.replyTo(request);
    setImmediate(() => socket.onmessage?.({ data: JSON.stringify({ ...reply, id: request.id }) }));
  }

  private replyTo(request: { type: string }): object {
    switch (request.type) {
      case "hello": {
        const welcome = JSON.parse(sample("welcome.json")) as { hearing: object };
        return {
          ...welcome, you: { ...you, role: this.role, room: this.room, microphone: this.microphone, camera: this.camera },
          may: this.may, media: this.hasMedia && this.room !== "outside",
          hearing: { ...welcome.hearing, state: this.state },
        };
      }
      case "join": {
        const refusal = this.refusals.shift();
        if (refusal) return { type: "error", code: refusal, detail: "" };
        this.room = this.room === "outside" ? "waiting" : this.room;
        return { ...(JSON.parse(sample("joined.json")) as object), room: this.room };
      }
      default:
        return { type: "ok" };
    }
  }
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export async function inTheLobby(): Promise<Court> {
  const court = new Court();
  court.session.start();
  await settle();
  await court.session.local.begin();
  return court;
}

/** Joined, admitted, on the air. */
export async function inCourt(): Promise<Court> {
  const court = await inTheLobby();
  court.session.join();
  await settle();
  court.room = "courtroom";
  court.say({ type: "room", room: "courtroom", by: null, number: 0 });
  await settle();
  return court;
}

export function onAir(media: FakeMedia): { [source: string]: string } {
  return Object.fromEntries(media.sent);
}
