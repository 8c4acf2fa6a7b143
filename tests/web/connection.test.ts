// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANSWER_WITHIN_MS, BACK_OFF_MOST_MS, Connection, INTERNAL_MOST, PING_EVERY_MS, PONG_WITHIN_MS, RequestError,
  WELCOME_WITHIN_MS, backOffMs,
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
  hello() {
    return { type: "hello", protocol: 1, token: "t" } as const;
  }
  onWelcome(): void {
    this.happened.push("welcome");
  }
  onEvent(event: { type: string }): void {
    this.happened.push(event.type);
  }
  onLost(): void {
    this.happened.push("lost");
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
    [0, 125, 250], [1, 188, 375], [2, 281, 563], [4, 633, 1266], [8, 2500, 5000], [1000, 2500, BACK_OFF_MOST_MS],
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
  assert.deepEqual(stage.happened, ["welcome", "lost"]);
  await stage.pass(1000);
  assert.equal(stage.sockets.length, 2);
});

test("a closed socket is replaced, later each time, and at once after a good one", async () => {
  const stage = await started();
  stage.chance = 1;
  stage.socket.onclose?.({ code: 1006 });
  for (const waitMs of [250, 375, 563, 844, 1266, 1898, 2848, 4271, 5000, 5000]) {
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
    await stage.pass(BACK_OFF_MOST_MS);
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
  await inside.pass(BACK_OFF_MOST_MS);
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
