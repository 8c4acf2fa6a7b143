// SPDX-License-Identifier: Apache-2.0
// A page's WebSocket without a browser: says requests, waits for answers and events, and can also
// break the rules of RFC 6455 on purpose. Node 18 has no client of its own.
import { createHash, randomBytes } from "node:crypto";
import tls from "node:tls";

export class PageSocket {
  events = [];
  latest = {}; // the newest event of each type, taken out or not
  closed = null; // {code, reason} once closed
  #waiting = new Map(); // request id -> {done, failed}
  #watchers = new Set();
  #buffer = Buffer.alloc(0);
  #id = 0;

  /** Opens /ws of a stack; `options` may override path, origin and extra header lines. */
  static async open(stack, { path = "/ws", origin = stack.base, headers = [] } = {}) {
    const page = new PageSocket();
    const key = randomBytes(16).toString("base64");
    page.socket = tls.connect({ host: "127.0.0.1", port: stack.port, ca: stack.ca, servername: "localhost", ALPNProtocols: ["http/1.1"] });
    await new Promise((done, failed) => page.socket.once("secureConnect", done).once("error", failed));
    page.socket.write(
      [
        `GET ${path} HTTP/1.1`,
        `Host: localhost:${stack.port}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        ...(origin ? [`Origin: ${origin}`] : []),
        ...headers,
        "",
        "",
      ].join("\r\n"),
    );
    const head = await page.#readHead();
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    if (!head.startsWith("HTTP/1.1 101 ") || !head.includes(accept)) {
      page.socket.destroy();
      throw new Error(`no upgrade: ${head.split("\r\n")[0]}`);
    }
    page.head = head;
    page.socket.on("data", (data) => page.#take(data));
    page.socket.on("close", () => page.#end({ code: 1006, reason: "" }));
    page.socket.on("error", () => {});
    page.#take(Buffer.alloc(0));
    return page;
  }

  #readHead() {
    return new Promise((done, failed) => {
      const onData = (data) => {
        this.#buffer = Buffer.concat([this.#buffer, data]);
        const end = this.#buffer.indexOf("\r\n\r\n");
        if (end < 0) return;
        this.socket.off("data", onData);
        const head = this.#buffer.subarray(0, end).toString();
        this.#buffer = this.#buffer.subarray(end + 4);
        done(head);
      };
      this.socket.on("data", onData);
      this.socket.once("error", failed);
      this.socket.once("close", () => failed(new Error("no upgrade: closed")));
    });
  }

  #take(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      if (this.#buffer.length < 2) return;
      const opcode = this.#buffer[0] & 15;
      let len = this.#buffer[1] & 127;
      let at = 2;
      if (len === 126) [len, at] = this.#buffer.length < 4 ? [Infinity, 4] : [this.#buffer.readUInt16BE(2), 4];
      else if (len === 127) [len, at] = this.#buffer.length < 10 ? [Infinity, 10] : [Number(this.#buffer.readBigUInt64BE(2)), 10];
      if (this.#buffer.length < at + len) return;
      const payload = this.#buffer.subarray(at, at + len);
      this.#buffer = this.#buffer.subarray(at + len);
      if (opcode === 1) this.#message(JSON.parse(payload.toString()));
      else if (opcode === 9) this.frame(10, payload);
      else if (opcode === 8)
        this.#end(payload.length >= 2 ? { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() } : { code: 1005, reason: "" });
    }
  }

  #message(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting) {
      this.#waiting.delete(message.id);
      waiting.done(message);
    } else this.events.push((this.latest[message.type] = message));
    for (const watcher of [...this.#watchers]) watcher();
  }

  #end(how) {
    if (this.closed) return;
    this.closed = how;
    this.socket.destroy();
    for (const { failed } of this.#waiting.values()) failed(new Error(`closed: ${how.code} ${how.reason}`));
    this.#waiting.clear();
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** One frame, masked as a client must. */
  frame(opcode, payload, { fin = true } = {}) {
    const body = Buffer.from(payload);
    const mask = randomBytes(4);
    const head = Buffer.alloc(body.length < 126 ? 2 : body.length < 65536 ? 4 : 10);
    head[0] = (fin ? 128 : 0) | opcode;
    if (body.length < 126) head[1] = 128 | body.length;
    else if (body.length < 65536) (head[1] = 128 | 126), head.writeUInt16BE(body.length, 2);
    else (head[1] = 128 | 127), head.writeBigUInt64BE(BigInt(body.length), 2);
    const masked = Buffer.from(body);
    for (let i = 0; i < masked.length; i++) masked[i] ^= mask[i % 4];
    this.socket.write(Buffer.concat([head, mask, masked]));
  }

  text(text) {
    this.frame(1, text);
  }

  /** Says a request and gives its answer, also when that is an error. */
  ask(type, members = {}) {
    const id = ++this.#id;
    return this.askRaw(JSON.stringify({ type, id, ...members }), id);
  }

  askRaw(text, id) {
    return new Promise((done, failed) => {
      if (this.closed) return failed(new Error(`closed: ${this.closed.code}`));
      const late = setTimeout(() => failed(new Error(`no answer in 10 s to ${text.slice(0, 60)}`)), 10000);
      const end = (call) => (value) => (clearTimeout(late), call(value));
      this.#waiting.set(id, { done: end(done), failed: end(failed) });
      this.text(text);
    });
  }

  /** Waits for an event that fits; takes it and those before it out of `events`. */
  event(type, fits = () => true, seconds = 10) {
    return this.#wait(`event ${type}`, seconds, () => {
      const at = this.events.findIndex((event) => event.type === type && fits(event));
      return at < 0 ? null : this.events.splice(0, at + 1).at(-1);
    });
  }

  /** Waits until the newest event of a type fits: how things are, not how they came to be. */
  state(type, fits, seconds = 10) {
    return this.#wait(`state ${type}`, seconds, () => (this.latest[type] && fits(this.latest[type]) ? this.latest[type] : null));
  }

  /** Waits until the server has closed; gives code and reason. */
  end(seconds = 10) {
    return this.#wait("close", seconds, () => this.closed);
  }

  #wait(what, seconds, probe) {
    return new Promise((done, failed) => {
      const watcher = () => {
        const got = probe();
        if (got) finish(() => done(got));
        else if (this.closed) finish(() => failed(new Error(`closed (${this.closed.code}) before: ${what}`)));
      };
      const late = setTimeout(() => finish(() => failed(new Error(`after ${seconds} s still not: ${what}`))), seconds * 1000);
      const finish = (call) => (clearTimeout(late), this.#watchers.delete(watcher), call());
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Gone without a word, as when a network fails. */
  vanish() {
    this.socket.destroy();
  }
}
