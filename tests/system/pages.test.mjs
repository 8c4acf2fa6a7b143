// SPDX-License-Identifier: Apache-2.0
// build: asan
// What a hostile page may try: each is refused with the documented error, while two people beside it
// go on as if nothing were.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import net from "node:net";
import tls from "node:tls";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, top, until } from "./lib/stack.mjs";

let stack, hearing, other, judge, party;
const token = (person) => person.link.split("#")[1];
const [JUDGE, PARTY, WITNESS, CLERK] = [0, 1, 2, 3];
const sample = async (name) => JSON.parse(await readFile(`${top}/tests/protocol/${name}.json`, "utf8"));

async function arrive(person, more = {}) {
  const page = await PageSocket.open(stack);
  page.welcome = await page.ask("hello", { protocol: 1, token: token(person), ...more });
  return page;
}

before(async () => {
  stack = await Stack.start();
  const people = [
    { role: "judge", name: "Judge" },
    { role: "party", name: "李伟" },
    { role: "witness", name: "Witness" },
    { role: "clerk", name: "Clerk" },
  ];
  hearing = await stack.hearing(people);
  other = await stack.hearing(people, { case: "(2026) Test 2" });
  judge = await arrive(hearing.people[JUDGE]);
  assert.equal((await judge.ask("join", { seats: 2 })).room, "courtroom");
  party = await arrive(hearing.people[PARTY]);
  assert.equal((await party.ask("join", { seats: 2 })).room, "waiting");
  assert.equal((await judge.ask("setState", { state: "open" })).type, "ok");
  assert.equal((await judge.ask("admit", { person: hearing.people[PARTY].person })).type, "ok");
  await party.event("room", (event) => event.room === "courtroom");
}, { timeout: 60_000 });

after(async () => {
  const end = await stack?.stop();
  assert.deepEqual(end, { code: 0, signal: null }, stack?.log);
  assert.doesNotMatch(stack.log, /ERROR: AddressSanitizer|runtime error:|LeakSanitizer/);
});

/** The people beside it notice nothing: both are still there and reach each other. */
async function goesOn() {
  assert.equal(judge.closed, null);
  assert.equal(party.closed, null);
  party.events.length = 0;
  // The judge's hand: a party may not raise its own as often as these tests come one after another.
  for (const up of [true, false]) {
    assert.equal((await judge.ask("hand", { up })).type, "ok");
    await party.event("person", (event) => event.person.person === hearing.people[JUDGE].person && event.person.hand === up);
  }
  assert.equal((await party.ask("ping")).type, "pong");
}

const refused = [
  ["not JSON", '{"type":"hello","id":1,', "bad-message", null],
  ["not an object", "[1,2]", "bad-message", null],
  ["nothing", "", "bad-message", null],
  ["an id below 1", '{"type":"ping","id":0}', "bad-message", null],
  ["an id that is a text", '{"type":"ping","id":"1"}', "bad-message", null],
  ["a member twice", '{"type":"ping","id":1,"id":1}', "bad-message", null],
  ["nested 17 deep", `{"type":"ping","id":1,"x":${"[".repeat(16)}${"]".repeat(16)}}`, "bad-message", null],
  ["nested 60,000 deep", "[".repeat(60000), "bad-message", null],
  ["an unknown type", '{"type":"seize","id":1}', "unknown-type", 1],
  ["an unknown member", '{"type":"ping","id":1,"king":true}', "bad-message", 1],
  ["a missing member", '{"type":"admit","id":1}', "bad-message", 1],
  ["a NUL in a text", '{"type":"hello","id":1,"protocol":1,"token":"a\\u0000b"}', "bad-message", null],
  ["another version", '{"type":"hello","id":1,"protocol":2,"token":"x","later":1}', "protocol-version", 1],
  ["anything before hello", '{"type":"ping","id":1}', "hello-first", 1],
  ["joining before hello", '{"type":"join","id":1,"seats":1}', "hello-first", 1],
];

for (const [what, text, code, id] of refused)
  test(`refused: ${what}`, async () => {
    const page = await PageSocket.open(stack);
    page.text(text);
    const answer = await page.event("error");
    assert.equal(answer.code, code);
    assert.equal(answer.id, id);
    page.vanish();
    await goesOn();
  });

test("every good sample of the protocol is understood, every bad one refused, in a joined page", async () => {
  const page = await arrive(hearing.people[CLERK]);
  for (const name of ["bad-unknown-type", "bad-id", "bad-missing-member", "bad-unknown-member", "bad-person", "bad-state", "bad-seats"]) {
    page.text(JSON.stringify(await sample(name)));
    const answer = await page.event("error", () => true, 5);
    assert.ok(["bad-message", "unknown-type"].includes(answer.code), name);
  }
  page.vanish();
  await until("the clerk is gone", 5, async () => (await stack.metric("assize_websockets")) === 2);
  await goesOn();
});

const forged = [
  ["a forged token", (t) => `${t.slice(0, -4)}AAAA`, "bad-token"],
  ["an altered token", (t) => `A${t.slice(1)}`, "bad-token"],
  ["rubbish for a token", () => "rubbish", "bad-token"],
  ["half a token", (t) => t.split(".")[0], "bad-token"],
  ["400 characters for a token", () => "x".repeat(400), "bad-token"],
];

for (const [what, change, code] of forged)
  test(`refused: ${what}`, async () => {
    const page = await PageSocket.open(stack);
    const answer = await page.ask("hello", { protocol: 1, token: change(token(hearing.people[WITNESS])) });
    assert.equal(answer.code, code);
    page.vanish();
    await goesOn();
  });

/** A token with another expiry (seconds since 1970), as the server would have signed it; signaling/token.h has its form. */
async function signed(text, change) {
  const parts = Buffer.from(text.split(".")[0], "base64url").toString().split(".");
  parts[3] = change(parts[3]);
  const body = Buffer.from(parts.join(".")).toString("base64url");
  const mac = createHmac("sha256", await readFile(`${stack.dir}/token.key`)).update(body).digest("base64url");
  return `${body}.${mac}`;
}

test("refused: an expired token, a revoked token, a pass to records", async () => {
  // Signed with the server's own key: what differs is the time alone.
  const good = await signed(token(hearing.people[WITNESS]), (expiry) => expiry);
  assert.equal(good, token(hearing.people[WITNESS]));
  const now = Math.floor(Date.now() / 1000);
  const late = await PageSocket.open(stack);
  for (const expiry of [now - 1, now - 86400])
    assert.equal((await late.ask("hello", { protocol: 1, token: await signed(good, () => expiry) })).code, "expired-token");
  assert.equal((await late.ask("join", { seats: 1 })).code, "hello-first");
  late.vanish();
  const short = await stack.hearing([{ role: "judge", name: "J" }], { case: "(2026) Test 3" });
  const page = await PageSocket.open(stack);
  await stack.admin("invitation", "revoke", short.people[0].invitation);
  assert.equal((await page.ask("hello", { protocol: 1, token: token(short.people[0]) })).code, "revoked-token");
  const pass = JSON.parse(await stack.admin("records-pass", "create", "--json", "--base-url", stack.base));
  assert.equal((await page.ask("hello", { protocol: 1, token: token(pass.records) })).code, "not-allowed");
  page.vanish();
});

test("refused: a token of another hearing does nothing in this one", async () => {
  const foreign = await PageSocket.open(stack);
  const welcome = await foreign.ask("hello", { protocol: 1, token: token(other.people[JUDGE]) });
  assert.equal(welcome.hearing.hearing, other.hearing);
  assert.equal((await foreign.ask("join", { seats: 1 })).room, "courtroom");
  for (const type of ["admit", "dismiss", "mute", "remove", "lowerHand"])
    assert.equal((await foreign.ask(type, { person: hearing.people[PARTY].person })).code, "not-found", type);
  assert.equal((await foreign.ask("leave")).type, "ok");
  foreign.vanish();
  await goesOn();
});

test("refused: what a party may not do, and what nobody may do now", async () => {
  const somebody = { person: hearing.people[JUDGE].person };
  for (const type of ["admit", "dismiss", "mute", "remove", "lowerHand"])
    assert.equal((await party.ask(type, somebody)).code, "not-allowed", type);
  for (const state of ["open", "recess", "closed"])
    assert.equal((await party.ask("setState", { state })).code, "not-allowed", state);
  assert.equal((await judge.ask("setState", { state: "open" })).code, "wrong-state");
  assert.equal((await judge.ask("dismiss", somebody)).code, "not-allowed");
  assert.equal((await judge.ask("admit", { person: "00000000000000ff" })).code, "not-found");
  assert.equal((await judge.ask("hello", { protocol: 1, token: "x" })).code, "wrong-state");
  await goesOn();
});

test("refused: media that is not one's own, not there, or not understood", async () => {
  const produce = await sample("produce");
  const { source, kind, rtpParameters } = produce;
  const mine = await party.ask("produce", { source, kind, paused: false, rtpParameters });
  assert.equal(mine.type, "produced", JSON.stringify(mine));
  assert.equal((await judge.ask("pause", { producer: mine.producer, paused: true })).code, "not-found");
  assert.equal((await judge.ask("closeProducer", { producer: mine.producer })).code, "not-found");
  // Published again, as by a page whose answer was lost: the first one ends.
  const again = await party.ask("produce", { source, kind, paused: false, rtpParameters });
  assert.equal(again.type, "produced", JSON.stringify(again));
  assert.equal((await party.ask("closeProducer", { producer: mine.producer })).code, "not-found");
  assert.equal((await party.ask("produce", { source: "camera", kind: "audio", paused: false, rtpParameters })).code, "bad-message");
  const strange = { ...rtpParameters, codecs: [{ mimeType: "video/theora", payloadType: 96, clockRate: 90000 }] };
  assert.equal((await party.ask("produce", { source: "camera", kind: "video", paused: false, rtpParameters: strange })).code, "unsupported-media");
  const { dtlsParameters } = await sample("connect");
  assert.equal((await party.ask("connect", { transport: "00000000000000b1", dtlsParameters })).code, "not-found");
  assert.equal((await party.ask("closeProducer", { producer: again.producer })).type, "ok");
  await goesOn();
});

test("a witness outside may not publish", async () => {
  const witness = await arrive(hearing.people[WITNESS]);
  const { source, kind, rtpParameters } = await sample("produce");
  assert.equal((await witness.ask("produce", { source, kind, paused: false, rtpParameters })).code, "not-joined");
  assert.equal((await witness.ask("join", { seats: 1 })).room, "waiting");
  assert.equal((await witness.ask("produce", { source, kind, paused: false, rtpParameters })).code, "wrong-state");
  assert.deepEqual(witness.welcome.people, []);
  assert.equal((await witness.ask("leave")).type, "ok");
  witness.vanish();
});

test("a second window is refused, and takes over when told to", async () => {
  const first = await arrive(hearing.people[CLERK]);
  const second = await arrive(hearing.people[CLERK]);
  assert.equal(second.welcome.code, "already-joined");
  const wrong = await second.ask("hello", { protocol: 1, token: token(hearing.people[CLERK]), resume: "AAAAAAAAAAAAAAAAAAAAAA" });
  assert.equal(wrong.code, "already-joined");
  const taken = await second.ask("hello", { protocol: 1, token: token(hearing.people[CLERK]), takeOver: true });
  assert.equal(taken.type, "welcome");
  assert.equal((await first.end()).code, 4001);
  second.vanish();
});

test("a message of 65,537 bytes ends the connection; one of 65,536 is read", async () => {
  const page = await PageSocket.open(stack);
  page.text(JSON.stringify({ type: "ping", id: 1 }).padEnd(65536));
  assert.equal((await page.event("error")).code, "hello-first");
  page.text("x".repeat(65537));
  assert.equal((await page.event("error")).code, "too-large");
  assert.equal((await page.end()).code, 4000);
  await goesOn();
});

test("a message in 70,000 pieces of a byte is too fast; a binary frame is refused", async () => {
  const page = await PageSocket.open(stack);
  page.frame(1, "{", { fin: false });
  for (let i = 0; i < 300; i++) page.frame(0, " ", { fin: false });
  assert.equal((await page.event("error")).code, "too-fast");
  assert.equal((await page.end()).code, 4000);
  const binary = await PageSocket.open(stack);
  binary.frame(2, "x");
  assert.equal((await binary.event("error")).code, "bad-message");
  assert.equal((await binary.end()).code, 4000);
  await goesOn();
});

test("10,000 messages in a second end only the one who sent them", async () => {
  const page = await arrive(hearing.people[CLERK]);
  for (let i = 1; i <= 10000; i++) page.text(`{"type":"ping","id":${i + 10}}`);
  const error = await page.event("error", (event) => event.code === "too-fast");
  assert.equal(error.id, null);
  assert.equal((await page.end()).code, 4000);
  await goesOn();
});

test("100 requests that write, in a second: most are refused by their ids, and nobody's connection ends", async () => {
  const page = await arrive(other.people[PARTY]);
  const answers = await Promise.all(Array.from({ length: 100 }, () => page.ask("hand", { up: true })));
  const refused = answers.filter((answer) => answer.code === "too-fast").length;
  assert.ok(refused >= 50, `${refused} refused`);
  assert.equal((await page.ask("ping")).type, "pong");
  page.vanish();
  await goesOn();
});

test("frames against RFC 6455 end the connection: reserved bits, unknown opcodes, lengths that lie", async () => {
  for (const bytes of [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 65]), Buffer.from([0x80, 0x80, 0, 0, 0, 0]), Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), Buffer.from([0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), Buffer.from([0x8b, 0x80, 0, 0, 0, 0])]) {
    const page = await PageSocket.open(stack);
    page.socket.write(bytes);
    await page.end();
  }
  await goesOn();
});

test("another site's page gets no WebSocket; nor does another path, nor none at all", async () => {
  for (const options of [{ origin: "https://evil.example" }, { origin: "" }, { origin: `https://localhost.evil.example:${stack.port}` }, { origin: "null" }, { path: "/" }, { path: "/ws/../wsx" }])
    await assert.rejects(PageSocket.open(stack, options), /no upgrade/, JSON.stringify(options));
  await goesOn();
});

test("no compression is agreed on", async () => {
  const page = await PageSocket.open(stack, { headers: ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"] });
  assert.doesNotMatch(page.head, /deflate/i);
  page.vanish();
});

/** Says something raw over TLS and gives all that comes back. */
function raw(text, { plain = false, ms = 5000 } = {}) {
  return new Promise((done) => {
    const options = { host: "127.0.0.1", port: stack.port, ca: stack.ca, servername: "localhost" };
    const socket = plain ? net.connect(options) : tls.connect(options);
    let got = "";
    socket.on("data", (data) => (got += data));
    socket.on("error", () => {});
    socket.on("close", () => done(got));
    socket.setTimeout(ms, () => socket.destroy());
    socket.write(text);
  });
}

test("upgrades to anything else, and malformed requests, are refused without a crash", async () => {
  const host = `Host: localhost:${stack.port}\r\n`;
  const requests = [
    `GET / HTTP/1.1\r\n${host}Upgrade: foo\r\nConnection: Upgrade\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}\r\nGET / HTTP/1.1\r\n${host}Upgrade: foo\r\nConnection: Upgrade\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    `GET ${"/a".repeat(5000)} HTTP/1.1\r\n${host}\r\n`,
    `GET / HTTP/1.1\r\n${host}X: ${"y".repeat(20000)}\r\n\r\n`,
    `GET /../../etc/passwd HTTP/1.1\r\n${host}\r\n`,
    `GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n${host}\r\n`,
    `POST /api/session HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `POST /api/session HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\nx`,
    `POST /api/session HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nx`,
    `GET / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
    "GET / HTTP/1.1\r\n\r\n",
    "\r\n\r\n\0\0\0",
    `BREW / HTTP/1.1\r\n${host}\r\n`,
    `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`,
  ];
  for (const request of requests) {
    const answer = await raw(request, { ms: 300 });
    assert.doesNotMatch(answer, /root:|101 Switching/, request.slice(0, 60));
    assert.equal((await stack.get("/healthz")).status, 200, request.slice(0, 60));
  }
  await goesOn();
});

test("half-open TLS and slow requests take nobody's place and are ended", { timeout: 60_000 }, async () => {
  const before = await stack.metric("assize_connections");
  const sockets = [];
  for (let i = 0; i < 100; i++) {
    const socket = net.connect({ host: "127.0.0.1", port: stack.port });
    socket.on("error", () => {});
    socket.ended = new Promise((end) => socket.on("close", end));
    if (i % 2) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]));
    sockets.push(socket);
  }
  const slow = tls.connect({ host: "127.0.0.1", port: stack.port, ca: stack.ca, servername: "localhost" });
  slow.on("error", () => {});
  slow.ended = new Promise((end) => slow.on("close", end));
  await new Promise((ready) => slow.on("secureConnect", ready));
  slow.write("GET / HTTP/1.1\r\nHost: loc");
  const drip = setInterval(() => slow.write("a"), 1000);
  sockets.push(slow);
  await until("all are connected", 5, async () => (await stack.metric("assize_connections")) >= before + 101);
  await goesOn();
  await Promise.all(sockets.map((socket) => socket.ended));
  clearInterval(drip);
  await until("their places are free", 5, async () => (await stack.metric("assize_connections")) <= before);
  await goesOn();
});

test("a page that says no hello for 10 s is closed", { timeout: 30_000 }, async () => {
  const page = await PageSocket.open(stack);
  assert.equal((await page.end(15)).code, 4000);
  await goesOn();
});

test("a page that reads nothing is dropped before it costs memory", { timeout: 60_000 }, async () => {
  const page = await arrive(hearing.people[CLERK]);
  const slow = await stack.metric("assize_pages_slow_total");
  page.socket.pause();
  // Each answer has 24 seats, about 40 kB; one at a time, as a second join would be refused meanwhile.
  const joins = setInterval(() => page.text(`{"type":"join","id":5,"seats":24}`), 20);
  await until("it is dropped", 50, async () => (await stack.metric("assize_pages_slow_total")) > slow, 200);
  clearInterval(joins);
  page.vanish();
  await goesOn();
});
