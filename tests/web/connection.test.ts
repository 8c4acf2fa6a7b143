// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_WITHIN_MS, BACK_OFF_MOST_MS, Connection, INTERNAL_MOST, PING_EVERY_MS, PONG_WITHIN_MS, RequestError,
  DOUBT_WITHIN_MS, OPEN_WITHIN_LONG_MS, OPEN_WITHIN_MS, WELCOME_WITHIN_MS, backOffMs, openWithinMs,
} from "../../web-client/src/connection.ts";
import type { Listener, Socket, World } from "../../web-client/src/connection.ts";
import type { ErrorCode } from "../../web-client/src/protocol.ts";
import { sample } from "./samples.ts";

/** A socket that does what the test says. */
class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: { id: number; type: string; [key: string]: unknown }[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { id: number; type: string });
  }
  close(): void {
    this.closed = true;
  }
  say(value: object | string): void {
    this.onmessage?.({ data: typeof value === "string" ? value : JSON.stringify(value) });
  }
  get last(): { id: number; type: string; [key: string]: unknown } {
    const last = this.sent[this.sent.length - 1];
    assert.ok(last, "nothing was sent");
    return last;
  }
}

/** Time that moves only when told to, and everything that happens in it. */
class Stage implements World, Listener {
  readonly sockets: FakeSocket[] = [];
  readonly happened: string[] = [];
  chance = 0.5;
  private nowMs = 0;
  private lastTimer = 0;
  private readonly timers = new Map<number, { atMs: number; run: () => void }>();
  readonly connection = new Connection(this, this);

  open(): Socket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }
  setTimer(run: () => void, afterMs: number): number {
    this.lastTimer += 1;
    this.timers.set(this.lastTimer, { atMs: this.nowMs + afterMs, run });
    return this.lastTimer;
  }
  clearTimer(timer: number): void {
    this.timers.delete(timer);
  }
  random(): number {
    return this.chance;
  }
  now(): number {
    return this.nowMs;
  }
  hello() {
    return { type: "hello", protocol: 1, token: "t" } as const;
  }
  onWelcome(): void {
    this.happened.push("welcome");
  }
  onEvent(event: { type: string }): void {
    this.happened.push(event.type);
  }
  onLost(silent: boolean): void {
    this.happened.push(silent ? "lost in silence" : "lost");
  }
  onEnd(reason: ErrorCode | number): void {
    this.happened.push(`end ${reason}`);
  }

  get timersLeft(): number {
    return this.timers.size;
  }

  /** Runs what falls due in the next `ms`, and what promises follow from it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, timer]) => timer.atMs <= endMs).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.nowMs = due[1].atMs;
      due[1].run();
    }
    this.nowMs = endMs;
    await settle();
  }

  get socket(): FakeSocket {
    const socket = this.sockets[this.sockets.length - 1];
    assert.ok(socket, "no socket was opened");
    return socket;
  }

  async welcome(): Promise<void> {
    this.socket.onopen?.();
    this.socket.say({ ...(JSON.parse(sample("welcome.json")) as object), id: this.socket.last.id });
    await settle();
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function started(): Promise<Stage> {
  const stage = new Stage();
  stage.connection.start();
  await stage.welcome();
  return stage;
}

test("waits grow up to a bound, and half of each is chance", () => {
  const rows: readonly (readonly [number, number, number])[] = [
    // attempt, least, most
    [0, 125, 250], [1, 188, 375], [2, 281, 563], [3, 422, 844], [4, 500, 1000], [9, 500, 1000], [10, 1500, 3000], [1000, 1500, BACK_OFF_MOST_MS],
  ];
  for (const [attempt, least, most] of rows) {
    assert.equal(backOffMs(attempt, 0), least);
    assert.equal(backOffMs(attempt, 1), most);
  }
});

test("hello is said on opening, and nothing else can be before the welcome", async () => {
  const stage = new Stage();
  stage.connection.start();
  await assert.rejects(stage.connection.request({ type: "leave" }), { code: "lost" });
  stage.socket.onopen?.();
  assert.deepEqual(stage.socket.sent, [{ type: "hello", protocol: 1, token: "t", id: 1 }]);
  stage.socket.say(sample("speaking.json"));
  assert.deepEqual(stage.happened, []);
  stage.socket.say(sample("welcome.json"));
  await settle();
  stage.socket.say(sample("speaking.json"));
  assert.deepEqual(stage.happened, ["welcome", "speaking"]);
});

test("each answer finds its own question", async () => {
  const stage = await started();
  const first = stage.connection.request({ type: "hand", up: true });
  const one = stage.socket.last.id;
  const second = stage.connection.request({ type: "hand", up: false });
  const two = stage.socket.last.id;
  stage.socket.say({ type: "error", id: two, code: "not-allowed", detail: "" });
  stage.socket.say({ type: "ok", id: one });
  stage.socket.say({ type: "ok", id: 999 });
  assert.equal((await first).type, "ok");
  await assert.rejects(second, (error: RequestError) => error.code === "not-allowed");
});

test("a ping every five seconds; no pong within five more and the socket is given up", async () => {
  const stage = await started();
  for (let round = 0; round < 3; round++) {
    await stage.pass(PING_EVERY_MS - 1);
    assert.notEqual(stage.socket.last.type, "ping");
    await stage.pass(1);
    assert.equal(stage.socket.last.type, "ping");
    stage.socket.say({ type: "pong", id: stage.socket.last.id, serverTime: "2026-11-22T09:32:00.000Z" });
    stage.socket.sent.push({ id: 0, type: "marker" });
    await settle();
  }
  await stage.pass(PING_EVERY_MS);
  const { socket } = stage;
  await stage.pass(PONG_WITHIN_MS);
  assert.ok(socket.closed);
  assert.deepEqual(stage.happened, ["welcome", "lost in silence"]);
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 2);
});

/** Answers the ping that was asked last, after `ms`. */
async function pong(stage: Stage, ms: number): Promise<void> {
  assert.equal(stage.socket.last.type, "ping");
  await stage.pass(ms);
  stage.socket.say({ type: "pong", id: stage.socket.last.id, serverTime: "2026-11-22T09:32:00.000Z" });
  await settle();
}

test("in doubt a socket answers soon, or another is tried at once", async () => {
  const stage = await started();
  stage.connection.doubt();
  stage.connection.doubt();
  assert.deepEqual(stage.socket.sent.map(({ type }) => type), ["hello", "ping"], "asked once");
  await pong(stage, DOUBT_WITHIN_MS - 1);
  await stage.pass(1000);
  assert.deepEqual(stage.happened, ["welcome"]);
  // It took 499 ms of late, so it has three times as long.
  stage.connection.doubt();
  await stage.pass(3 * (DOUBT_WITHIN_MS - 1) - 1);
  assert.equal(stage.sockets.length, 1);
  await stage.pass(1);
  assert.deepEqual(stage.happened, ["welcome", "lost in silence"]);
  assert.equal(stage.sockets.length, 2, "no back-off");
  stage.connection.doubt();
  assert.deepEqual(stage.socket.sent, [], "one that is being tried has its own time");
  await stage.welcome();
  assert.ok(stage.connection.isUp);
});

test("where answers came fast a try that does not open is given up soon", async () => {
  const rows: readonly (readonly [number, number | null, number])[] = [
    // attempt, round trip, within
    [0, null, WELCOME_WITHIN_MS], [0, 20, OPEN_WITHIN_MS], [2, 400, 3200], [1, 5000, WELCOME_WITHIN_MS],
    [5, 20, OPEN_WITHIN_LONG_MS], [11, 20, OPEN_WITHIN_LONG_MS], [12, 20, OPEN_WITHIN_MS],
  ];
  for (const [attempt, roundTripMs, within] of rows) assert.equal(openWithinMs(attempt, roundTripMs), within);
  const stage = await started();
  stage.connection.doubt();
  await stage.pass(DOUBT_WITHIN_MS);
  const trying = stage.socket;
  await stage.pass(OPEN_WITHIN_MS);
  assert.ok(trying.closed);
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 3);
  // Another network: another try at once.
  stage.connection.startAnew();
  assert.deepEqual([stage.sockets.length, stage.sockets[2]?.closed], [4, true]);
  // One that opened has time for the welcome.
  stage.socket.onopen?.();
  await stage.pass(WELCOME_WITHIN_MS - 1);
  assert.ok(!stage.socket.closed);
});

test("a closed socket is replaced, later each time, and at once after a good one", async () => {
  const stage = await started();
  stage.chance = 1;
  stage.socket.onclose?.({ code: 1006 });
  for (const waitMs of [250, 375, 563, 844, 1000, 1000, 1000, 1000, 1000, 1000, 3000, 3000]) {
    const before = stage.sockets.length;
    await stage.pass(waitMs - 1);
    assert.equal(stage.sockets.length, before, `too early after ${waitMs}`);
    await stage.pass(1);
    assert.equal(stage.sockets.length, before + 1, `late after ${waitMs}`);
    stage.socket.onclose?.({ code: 1006 });
  }
  await stage.pass(5000);
  await stage.welcome();
  stage.socket.onclose?.({ code: 1001 });
  const before = stage.sockets.length;
  await stage.pass(250);
  assert.equal(stage.sockets.length, before + 1);
  assert.deepEqual(stage.happened, ["welcome", "lost", "welcome", "lost"]);
});

test("what was asked is answered with lost when the socket goes", async () => {
  const stage = await started();
  const asked = stage.connection.request({ type: "leave" });
  stage.socket.onclose?.({ code: 1006 });
  await assert.rejects(asked, { code: "lost" });
});

test("an answer that does not come is given up, the connection is not", async () => {
  const stage = await started();
  const asked = stage.connection.request({ type: "leave" });
  const late = assert.rejects(asked, { code: "late" });
  // Pings go on being answered meanwhile.
  for (let ms = 0; ms < ANSWER_WITHIN_MS; ms += PING_EVERY_MS) {
    await stage.pass(PING_EVERY_MS);
    const ping = stage.socket.last;
    if (ping.type === "ping") stage.socket.say({ type: "pong", id: ping.id, serverTime: "2026-11-22T09:32:00.000Z" });
  }
  await late;
  assert.ok(stage.connection.isUp);
});

test("a server that opens but never welcomes is left for another try", async () => {
  const stage = new Stage();
  stage.connection.start();
  stage.socket.onopen?.();
  await stage.pass(WELCOME_WITHIN_MS);
  assert.ok(stage.sockets[0]?.closed);
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 2);
});

test("some ends are final: nothing is tried again and no timer is left", async () => {
  for (const code of [4001, 4002, 4003, 4004]) {
    const stage = await started();
    stage.socket.onclose?.({ code });
    await stage.pass(60000);
    assert.deepEqual(stage.happened, ["welcome", `end ${code}`]);
    assert.equal(stage.sockets.length, 1);
    assert.equal(stage.timersLeft, 0);
  }
  for (const code of [
    "bad-token", "expired-token", "revoked-token", "already-joined", "protocol-version", "not-allowed", "not-found",
    "full", "server-full", "bad-message", "unknown-type",
  ]) {
    const stage = new Stage();
    stage.connection.start();
    stage.socket.onopen?.();
    stage.socket.say({ type: "error", id: 1, code, detail: "" });
    await stage.pass(60000);
    assert.deepEqual(stage.happened, [`end ${code}`]);
    assert.equal(stage.sockets.length, 1);
  }
});

/** Answers each hello of the next tries with `internal`. */
async function fail(stage: Stage, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    stage.socket.onopen?.();
    stage.socket.say({ type: "error", id: stage.socket.last.id, code: "internal", detail: "" });
    await stage.pass(1000);
  }
}

test("a server at fault is asked three times; whoever was in goes on asking", async () => {
  const stage = new Stage();
  stage.connection.start();
  await fail(stage, INTERNAL_MOST);
  assert.deepEqual(stage.happened, ["end internal"]);
  assert.equal(stage.sockets.length, INTERNAL_MOST);
  const inside = await started();
  inside.socket.onclose?.({ code: 1006 });
  await inside.pass(1000);
  await fail(inside, 3 * INTERNAL_MOST);
  await inside.welcome();
  assert.deepEqual(inside.happened, ["welcome", "lost", "welcome"]);
});

test("other errors to hello, and code 4000, are tried again", async () => {
  const stage = new Stage();
  stage.connection.start();
  stage.socket.onopen?.();
  stage.socket.say({ type: "error", id: 1, code: "media-unavailable", detail: "" });
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 2);
  await stage.welcome();
  stage.socket.onclose?.({ code: 4000 });
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 3);
});

test("an old socket's late words change nothing", async () => {
  const stage = await started();
  const old = stage.socket;
  const say = old.onmessage;
  const close = old.onclose;
  old.onclose?.({ code: 1006 });
  await stage.pass(1000);
  await stage.welcome();
  say?.({ data: sample("speaking.json") });
  close?.({ code: 4002 });
  assert.deepEqual(stage.happened, ["welcome", "lost", "welcome"]);
});

test("stopping leaves nothing behind", async () => {
  const stage = await started();
  stage.connection.stop();
  assert.ok(stage.socket.closed);
  await stage.pass(60000);
  assert.equal(stage.sockets.length, 1);
  assert.equal(stage.timersLeft, 0);
  stage.connection.start();
  assert.equal(stage.sockets.length, 1);
});
