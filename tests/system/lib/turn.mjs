// SPDX-License-Identifier: Apache-2.0
// coturn with the configuration of deploy/turn, and a client that asks it over TLS as a page would
// (RFC 8656), or as nobody should.
import { execFile, spawn } from "node:child_process";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { isIP, isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { freePorts, top, until } from "./stack.mjs";

const run = promisify(execFile);

/** The shipped settings with `values` in the place of theirs; each must be among them. */
export async function settings(values) {
  let text = await readFile(join(top, "deploy/turn/turnserver.conf"), "utf8");
  for (const [key, list] of Object.entries(values)) {
    const line = new RegExp(`^${key}=.*$`, "m");
    if (!line.test(text)) throw new Error(`deploy/turn/turnserver.conf has no ${key}`);
    text = text.replace(line, list.map((value) => `${key}=${value}`).join("\n"));
  }
  return text;
}

export class Turn {
  /** Before the server starts: its secret and port, so that `env` can say them. */
  static async prepare({ name = "localhost", port } = {}) {
    const turn = new Turn();
    turn.name = name;
    turn.dir = await mkdtemp(join(tmpdir(), "assize-turn-"));
    turn.secret = randomBytes(32).toString("hex");
    turn.secretFile = join(turn.dir, "turn.secret");
    await writeFile(turn.secretFile, `${turn.secret}\n`, { mode: 0o600 });
    const [one, other] = [await freePorts(), await freePorts()];
    turn.port = port ?? one.tcp;
    turn.plainPort = other.tcp;
    turn.log = "";
    turn.env = {
      ASSIZE_TURN_URLS: `turns:${name}:${turn.port}?transport=tcp`,
      ASSIZE_TURN_SECRET_FILE: turn.secretFile,
    };
    return turn;
  }

  /** Reached at `at` with the certificate in `tlsDir`; relays from `relay` to `peers` alone. */
  async start(tlsDir, relay, peers, at = "127.0.0.1") {
    this.at = at;
    const [given, out] = [join(this.dir, "given.conf"), join(this.dir, "turnserver.conf")];
    this.ca = await readFile(join(tlsDir, "ca.pem"));
    const text = await settings({
      realm: [this.name],
      "server-name": [this.name],
      "listening-ip": [at],
      "relay-ip": relay,
      "allowed-peer-ip": peers,
      cert: [join(tlsDir, "server.pem")],
      pkey: [join(tlsDir, "server.key")],
      "tls-listening-port": [this.port],
      "listening-port": [this.plainPort],
    });
    // A machine that has no address but loopback is its own network.
    await writeFile(given, peers.some((peer) => peer.startsWith("127.")) ? `${text}allow-loopback-peers\n` : text);
    await run(join(top, "deploy/turn/turn-config"), [given, this.secretFile, this.dir]);
    this.process = spawn("turnserver", ["-c", out, "--pidfile", join(this.dir, "pid"), "--userdb", join(this.dir, "turndb")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = new Promise((end) => this.process.on("exit", end));
    for (const stream of [this.process.stdout, this.process.stderr])
      stream.on("data", (part) => {
        this.log += part;
        if (process.env.ASSIZE_TEST_VERBOSE) process.stderr.write(part);
      });
    await until("the TURN server listens", 10, async () => {
      if (this.process.exitCode !== null) throw new Error(`it ended:\n${this.log}`);
      const client = await TurnClient.connect(this).catch(() => null);
      client?.close();
      return client;
    });
  }

  async halt() {
    if (this.process?.exitCode !== null) return;
    this.process.kill("SIGTERM");
    await this.ended;
  }

  async stop() {
    await this.halt();
    await rm(this.dir, { recursive: true, force: true });
  }
}

const ALLOCATE = 0x0003, REFRESH = 0x0004, CREATE_PERMISSION = 0x0008, CHANNEL_BIND = 0x0009;
const USERNAME = 0x0006, INTEGRITY = 0x0008, ERROR_CODE = 0x0009, CHANNEL = 0x000c, PEER = 0x0012, REALM = 0x0014, NONCE = 0x0015;
const REQUESTED_FAMILY = 0x0017, REQUESTED_TRANSPORT = 0x0019, SOFTWARE = 0x8022;
const MAGIC = 0x2112a442;

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function ipv6Bytes(text) {
  const [left, right] = text.split("::");
  const words = (part) => (part ? part.split(":").map((word) => parseInt(word, 16)) : []);
  const [a, b] = [words(left), words(right)];
  const all = right === undefined ? a : [...a, ...Array(8 - a.length - b.length).fill(0), ...b];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]));
}

/** XOR-PEER-ADDRESS (RFC 8489 section 14.2). */
function peerAddress(address, port, id) {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : Buffer.from(address.split(".").map(Number));
  const mask = Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);
  const head = Buffer.from([0, bytes.length === 16 ? 2 : 1, 0, 0]);
  head.writeUInt16BE(port ^ (MAGIC >>> 16), 2);
  return attribute(PEER, Buffer.concat([head, bytes.map((byte, i) => byte ^ mask[i])]));
}

export class TurnClient {
  /** Over TLS, whose certificate must be the name's; `options` are tls.connect's. */
  static async connect(turn, options = {}) {
    const client = new TurnClient();
    client.waiting = [];
    client.received = Buffer.alloc(0);
    client.socket = tls.connect({ host: turn.at, port: turn.port, servername: isIP(turn.name) ? "" : turn.name, ca: turn.ca, ...options });
    await new Promise((done, failed) => {
      client.socket.once("secureConnect", done);
      client.socket.once("error", failed);
    });
    client.socket.on("error", () => {});
    client.socket.on("data", (part) => client.take(part));
    return client;
  }

  take(part) {
    this.received = Buffer.concat([this.received, part]);
    while (this.received.length >= 20) {
      const length = 20 + this.received.readUInt16BE(2);
      if (this.received.length < length) return;
      this.waiting.shift()?.(answerOf(this.received.subarray(0, length)));
      this.received = this.received.subarray(length);
    }
  }

  /** Asks with the long-term credential, if `login` is one; {code: 0} for success. */
  ask(method, login, parts) {
    const id = randomBytes(12);
    const body = parts.map((part) => (typeof part === "function" ? part(id) : part));
    if (login?.realm)
      body.push(attribute(USERNAME, Buffer.from(login.user)), attribute(REALM, login.realm), attribute(NONCE, login.nonce));
    const head = Buffer.alloc(20);
    let text = Buffer.concat(body);
    head.writeUInt16BE(method, 0);
    head.writeUInt32BE(MAGIC, 4);
    id.copy(head, 8);
    head.writeUInt16BE(text.length + (login?.realm ? 24 : 0), 2);
    if (login?.realm) {
      const key = createHash("md5").update(`${login.user}:${login.realm}:${login.password}`).digest();
      text = Buffer.concat([text, attribute(INTEGRITY, createHmac("sha1", key).update(head).update(text).digest())]);
    }
    this.socket.write(Buffer.concat([head, text]));
    return new Promise((done) => this.waiting.push(done));
  }

  /** A relay address of `family` 4 or 6 for who logs in so; `protocol` as IP counts them. Resolves to the error's
   * code, 0: none. */
  async allocate({ user, password }, family = 4, protocol = 17) {
    const wanted = [attribute(REQUESTED_TRANSPORT, Buffer.from([protocol, 0, 0, 0])), attribute(REQUESTED_FAMILY, Buffer.from([family === 6 ? 2 : 1, 0, 0, 0]))];
    const first = await this.ask(ALLOCATE, null, wanted);
    this.software = first.software;
    if (first.code !== 401) return first.code;
    this.login = { user, password, realm: first.realm, nonce: first.nonce };
    return (await this.ask(ALLOCATE, this.login, wanted)).code;
  }

  /** Whether something may be sent to `address`; the error's code, 0: it may. */
  async permit(address) {
    return (await this.ask(CREATE_PERMISSION, this.login, [(id) => peerAddress(address, 40000, id)])).code;
  }

  /** The same by the other of the two ways to say it: a channel. */
  async bind(address) {
    const channel = attribute(CHANNEL, Buffer.from([0x40, 0, 0, 0]));
    return (await this.ask(CHANNEL_BIND, this.login, [channel, (id) => peerAddress(address, 40000, id)])).code;
  }

  /** Whether it may stay longer; the error's code, 0: it may. Asked with a nonce that is over first, as after 10 min. */
  async refresh() {
    const { code, nonce } = await this.ask(REFRESH, { ...this.login, nonce: Buffer.from("0000000000000000") }, []);
    if (code !== 438) return code;
    this.login.nonce = nonce;
    return (await this.ask(REFRESH, this.login, [])).code;
  }

  close() {
    this.socket.destroy();
  }
}

function answerOf(message) {
  const answer = { code: 0, software: null };
  for (let at = 20; at + 4 <= message.length; ) {
    const [type, length] = [message.readUInt16BE(at), message.readUInt16BE(at + 2)];
    const value = Buffer.from(message.subarray(at + 4, at + 4 + length));
    if (type === ERROR_CODE) answer.code = value[2] * 100 + value[3];
    if (type === REALM) answer.realm = value;
    if (type === NONCE) answer.nonce = value;
    if (type === SOFTWARE) answer.software = value.toString();
    at += 4 + length + (-length & 3);
  }
  return answer;
}

/** What the REST convention gives `person` until `endsAt`, in seconds, by `secret`. */
export function credential(secret, endsAt, person) {
  const user = `${Math.floor(endsAt)}:${person}`;
  return { user, password: createHmac("sha1", secret).update(user).digest("base64") };
}
