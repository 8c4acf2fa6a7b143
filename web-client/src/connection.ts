// SPDX-License-Identifier: Apache-2.0
/** One lasting conversation with signaling over sockets that come and go: hello, resume, ping, back-off. */
import { encodeRequest, isAnswer, parseServerMessage } from "./protocol.ts";
import type { Answer, ErrorCode, Missing, Request, ServerEvent, Welcome } from "./protocol.ts";

/** PROTOCOL.md: the page pings every 5 s. No answer for as long again means the socket is dead. */
export const PING_EVERY_MS = 5000;
export const PONG_WITHIN_MS = 5000;
/** From opening a socket until it is open, and from there to the welcome on it. Ours. */
export const WELCOME_WITHIN_MS = 8000;
/** Until it is open where answers came fast before: on a path that is back, another try is faster than the system's own,
 * which come 1, 3 and 7 s after the first. Each sixth has longer: what is back may be slower. Ours. */
export const OPEN_WITHIN_MS = 2500;
export const OPEN_WITHIN_LONG_MS = 5000;
const OPEN_ROUND_TRIPS = 8;
/** A socket in doubt answers within this, or three times as long as it took before. Ours. */
export const DOUBT_WITHIN_MS = 500;
/** An answer that takes longer is given up. Ours. */
export const ANSWER_WITHIN_MS = 15000;
/** First and longest wait before trying again; half as long again each time. A restart of signaling takes 1 s. Ours. */
export const BACK_OFF_FIRST_MS = 250;
export const BACK_OFF_MOST_MS = 3000;
/** The longest of the first tries, about half a minute if nothing answers: most networks are back by then. Ours. */
const BACK_OFF_EARLY_MS = 1000;
const EARLY_TRIES = 10;

/** What a page cannot mend by trying again. */
const FINAL_ERRORS: readonly ErrorCode[] = [
  "protocol-version", "bad-token", "expired-token", "revoked-token", "already-joined", "not-allowed", "not-found",
  "full", "server-full", "bad-message", "unknown-type",
];
/** The server's own fault may pass; so often in a row, from the first hello on, it does not. Ours. */
export const INTERNAL_MOST = 3;

/** The part of WebSocket used here. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

/** What the world gives: replaced by a fake in tests. Times in milliseconds. */
export interface World {
  open(): Socket;
  setTimer(run: () => void, afterMs: number): number;
  clearTimer(timer: number): void;
  /** From 0 up to but not including 1. */
  random(): number;
  /** Runs on, from anywhere. */
  now(): number;
}

export interface Listener {
  /** The hello for a new socket; asked for each time one opens. */
  hello(): Request;
  onWelcome(welcome: Welcome): void;
  onEvent(event: ServerEvent): void;
  /** The socket is gone; another is being tried. `silent`: no answer came, so the path may be gone too. */
  onLost(silent: boolean): void;
  /** Over for good: a final error to hello, or a close code from 4001 to 4004. */
  onEnd(reason: ErrorCode | number): void;
}

/** An `error` answer, or the connection's own: `lost`, `late`. */
export class RequestError extends Error {
  readonly code: ErrorCode | "lost" | "late";
  /** Of the code `missing`. */
  readonly missing: Missing | null;
  constructor(code: ErrorCode | "lost" | "late", detail: string, missing: Missing | null = null) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.missing = missing;
  }
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: RequestError): void;
  timer: number;
}

/** Wait before attempt number `attempt` (0 is the first): growing, with half of it by chance. */
export function backOffMs(attempt: number, random: number): number {
  const most = attempt < EARLY_TRIES ? BACK_OFF_EARLY_MS : BACK_OFF_MOST_MS;
  const full = Math.min(most, BACK_OFF_FIRST_MS * 1.5 ** Math.min(attempt, 20));
  return Math.round(full * (0.5 + random / 2));
}

/** How long attempt number `attempt` may take to open; null: no answer ever came. */
export function openWithinMs(attempt: number, roundTripMs: number | null): number {
  if (roundTripMs === null) return WELCOME_WITHIN_MS;
  const least = attempt % 6 === 5 ? OPEN_WITHIN_LONG_MS : OPEN_WITHIN_MS;
  return Math.min(WELCOME_WITHIN_MS, Math.max(least, OPEN_ROUND_TRIPS * roundTripMs));
}

export class Connection {
  private socket: Socket | null = null;
  private up = false;
  private ended = false;
  /** Whoever was in goes on trying, whatever the server suffers from. */
  private wasWelcome = false;
  private internals = 0;
  private attempt = 0;
  /** The slowest answers of late; null: none yet. */
  private roundTripMs: number | null = null;
  private doubted = false;
  private lastId = 0;
  private timer: number | null = null;
  private readonly pending = new Map<number, Pending>();

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
  ) {}

  /** The network is another: what is waited for, or being tried, is tried at once; what lives proves it. */
  startAnew(): void {
    if (this.up) return this.doubt();
    this.forgetSocket()?.close();
    this.start();
  }

  /** Starts, or tries at once instead of waiting. No effect while a socket lives. */
  start(): void {
    if (this.ended || this.socket) return;
    this.stopTimer();
    const socket = this.world.open();
    this.socket = socket;
    socket.onopen = () => this.sayHello(socket);
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event) => this.onClose(socket, event.code);
    this.startTimer(() => this.drop(), openWithinMs(this.attempt, this.roundTripMs));
  }

  /** The path seems dead: unless the socket answers soon, another is tried at once. */
  doubt(): void {
    const { socket } = this;
    if (!socket || !this.up || this.doubted) return;
    this.doubted = true;
    this.ask(socket, { type: "ping" }, Math.min(PONG_WITHIN_MS, Math.max(DOUBT_WITHIN_MS, 3 * (this.roundTripMs ?? 0)))).then(
      () => { if (socket === this.socket) this.doubted = false; },
      () => { if (socket === this.socket) this.drop({ silent: true, atOnce: true }); },
    );
  }

  /** Ends for good, from our side. */
  stop(): void {
    this.ended = true;
    this.forgetSocket()?.close();
  }

  get isUp(): boolean {
    return this.up;
  }

  /** Rejects with RequestError; at once with `lost` while there is no connection. */
  request(request: Request): Promise<Answer> {
    const socket = this.socket;
    if (!socket || !this.up) return Promise.reject(new RequestError("lost", "no connection"));
    return this.ask(socket, request, ANSWER_WITHIN_MS);
  }

  private ask(socket: Socket, request: Request, withinMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.lastId = this.lastId >= 2147483647 ? 1 : this.lastId + 1;
      const id = this.lastId;
      const askedMs = this.world.now();
      const answered = (answer: Answer) => {
        this.roundTripMs = Math.max(this.world.now() - askedMs, (this.roundTripMs ?? 0) / 2);
        resolve(answer);
      };
      const timer = this.world.setTimer(() => {
        this.pending.delete(id);
        reject(new RequestError("late", request.type));
      }, withinMs);
      this.pending.set(id, { resolve: request.type === "ping" || request.type === "hello" ? answered : resolve, reject, timer });
      socket.send(encodeRequest(id, request));
    });
  }

  private sayHello(socket: Socket): void {
    this.stopTimer(); // the question has its own
    this.ask(socket, this.listener.hello(), WELCOME_WITHIN_MS).then(
      (answer) => {
        if (socket !== this.socket) return;
        if (answer.type !== "welcome") return this.drop();
        this.up = true;
        this.wasWelcome = true;
        this.attempt = 0;
        this.schedulePing(socket);
        this.listener.onWelcome(answer);
      },
      (error: RequestError) => {
        if (socket !== this.socket) return;
        const final = FINAL_ERRORS.find((code) => code === error.code);
        this.internals = error.code === "internal" ? this.internals + 1 : 0;
        if (final) this.end(final);
        else if (this.internals >= INTERNAL_MOST && !this.wasWelcome) this.end("internal");
        else this.drop();
      },
    );
  }

  private schedulePing(socket: Socket): void {
    this.startTimer(() => {
      this.ask(socket, { type: "ping" }, PONG_WITHIN_MS).then(
        () => { if (socket === this.socket) this.schedulePing(socket); },
        () => { if (socket === this.socket) this.drop({ silent: true }); },
      );
    }, PING_EVERY_MS);
  }

  private receive(socket: Socket, data: unknown): void {
    if (socket !== this.socket || typeof data !== "string") return;
    const message = parseServerMessage(data);
    if (!message) return;
    if (!isAnswer(message)) {
      if (this.up) this.listener.onEvent(message);
      return;
    }
    const waiting = message.id === null ? undefined : this.pending.get(message.id);
    if (!waiting || message.id === null) return;
    this.pending.delete(message.id);
    this.world.clearTimer(waiting.timer);
    if (message.type === "error") waiting.reject(new RequestError(message.code, message.detail, message.missing));
    else waiting.resolve(message);
  }

  private onClose(socket: Socket, code: number): void {
    if (socket !== this.socket) return;
    if (code >= 4001 && code <= 4004) this.end(code);
    else this.drop();
  }

  /** Gives the socket up and tries another after a while, or at once. */
  private drop({ silent = false, atOnce = false } = {}): void {
    const wasUp = this.up;
    this.forgetSocket()?.close();
    if (this.ended) return;
    const waitMs = atOnce ? 0 : backOffMs(this.attempt, this.world.random());
    this.attempt += 1;
    this.startTimer(() => this.start(), waitMs);
    if (wasUp) this.listener.onLost(silent);
  }

  private end(reason: ErrorCode | number): void {
    this.ended = true;
    this.forgetSocket()?.close();
    this.listener.onEnd(reason);
  }

  private forgetSocket(): Socket | null {
    const socket = this.socket;
    this.stopTimer();
    this.socket = null;
    this.up = false;
    this.doubted = false;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const one of waiting) {
      this.world.clearTimer(one.timer);
      one.reject(new RequestError("lost", "the connection was lost"));
    }
    return socket;
  }

  private startTimer(run: () => void, afterMs: number): void {
    this.stopTimer();
    this.timer = this.world.setTimer(run, afterMs);
  }

  private stopTimer(): void {
    if (this.timer !== null) this.world.clearTimer(this.timer);
    this.timer = null;
  }
}
