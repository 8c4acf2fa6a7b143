// SPDX-License-Identifier: Apache-2.0
// Who gets out by TLS alone is heard and seen through coturn with the configuration of deploy/turn; nobody
// gets anywhere else by it, nor anywhere without what signaling gave.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { heard, seen, tonesIn } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, addresses, build, until } from "./lib/stack.mjs";
import { Turn, TurnClient, credential } from "./lib/turn.mjs";

const ROLES = [
  { role: "judge", name: "Judge Okafor" },
  { role: "party", name: "Li Wei" },
  { role: "lawyer", name: "Maria Rossi" },
];
const own = addresses().at(-1);
const now = () => Date.now() / 1000;

let turn, stack, hearing;
const browsers = [];
const people = [];

before(async () => {
  turn = await Turn.prepare();
  stack = await Stack.start({ env: turn.env });
  await turn.start(`${stack.dir}/tls`, [own, "::1"], [own]);
  hearing = await stack.hearing(ROLES);
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  await turn?.stop();
});

/** Asks for a relay address; closes the connection. */
async function allocate(login) {
  const client = await TurnClient.connect(turn);
  const code = await client.allocate(login);
  client.close();
  return { code, software: client.software };
}

test("all who come first, at the same moment, are let in", async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => TurnClient.connect(turn)));
  const codes = await Promise.all(clients.map((client, i) => client.allocate(credential(turn.secret, now() + 600, `${i}`.padStart(16, "0")))));
  for (const client of clients) client.close();
  assert.deepEqual(codes, Array(8).fill(0));
});

test("what signaling gives logs in; what is forged, altered or over does not", async () => {
  const good = credential(turn.secret, now() + 600, "0123456789abcdef");
  assert.deepEqual(await allocate(good), { code: 0, software: null });
  for (const [what, login] of [
    ["over", credential(turn.secret, now() - 5, "0123456789abcdef")],
    ["by another secret", credential("0".repeat(64), now() + 600, "0123456789abcdef")],
    ["for longer than given", { ...good, user: good.user.replace(/^\d/, "9") }],
    ["another's", { ...good, user: good.user.replace(/f$/, "e") }],
    ["no time", credential(turn.secret, NaN, "0123456789abcdef")],
  ])
    assert.equal((await allocate(login)).code, 401, what);
});

test("it relays to the media core and to nobody else, its own machine first of all", async () => {
  const login = credential(turn.secret, now() + 600, "0123456789abcdef");
  const client = await TurnClient.connect(turn);
  assert.equal(await client.allocate(login), 0);
  assert.equal(await client.permit(own), 0, "the media core");
  const others = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.0.1", "192.0.2.77", "8.8.8.8", "224.0.0.1", "255.255.255.255"];
  for (const other of others) {
    assert.equal(await client.permit(other), 403, other);
    assert.equal(await client.bind(other), 403, other);
  }
  // Another family than the relay's own is never mixed in, whatever it maps to (RFC 8656 section 9.2).
  for (const other of ["::1", "::ffff:7f00:1", "::ffff:a00:1"]) assert.notEqual(await client.permit(other), 0, other);
  client.close();
  const six = await TurnClient.connect(turn);
  assert.equal(await six.allocate(login, 6), 0);
  // Mapped, compatible, NAT64 and 6to4 addresses mean an IPv4 one; the rest is our own network, and the world.
  for (const other of ["::1", "::", "::ffff:7f00:1", "::ffff:a00:1", "::7f00:1", "64:ff9b::a00:1", "2002:a00:1::1", "fe80::1", "fd00::1", "2001:4860::8888", "ff02::1"]) {
    assert.equal(await six.permit(other), 403, other);
    assert.equal(await six.bind(other), 403, other);
  }
  six.close();
  const tcp = await TurnClient.connect(turn);
  assert.equal(await tcp.allocate(login, 4, 6), 442, "no TCP to anybody (RFC 6062)");
  tcp.close();
});

test("who is there when the time of its user ends stays; nobody new comes with it", async () => {
  const login = credential(turn.secret, now() + 2, "00000000000000bb");
  const client = await TurnClient.connect(turn);
  assert.equal(await client.allocate(login), 0);
  await until("it is over", 10, async () => (await allocate(login)).code === 401);
  assert.equal(await client.refresh(), 0);
  client.close();
});

test("TLS 1.2 at least, and with the name's certificate", async () => {
  const version = (maxVersion) => TurnClient.connect(turn, { minVersion: "TLSv1", maxVersion, ciphers: "DEFAULT@SECLEVEL=0" });
  // It is not told no: it is not understood, and waits.
  let old = null;
  version("TLSv1.1").then((client) => (old = client), () => {});
  (await version("TLSv1.2")).close();
  assert.equal(old, null);
  await assert.rejects(TurnClient.connect(turn, { servername: "court.example.org" }), /does not match/);
});

test("one page may not have everything: the quota of a person is kept", async () => {
  const clients = [];
  const codes = [];
  for (let i = 0; i < 65; i++) {
    clients.push(await TurnClient.connect(turn));
    // Whoever asks signaling for a new user remains the same person.
    codes.push(await clients[i].allocate(credential(turn.secret, now() + 600 + i, "00000000000000aa")));
  }
  for (const client of clients) client.close();
  assert.deepEqual(codes, [...Array(64).fill(0), 486]);
});

test("each join brings a user that ends soon and says nothing of who it is; the secret is nowhere", async () => {
  const page = await PageSocket.open(stack);
  const welcome = await page.ask("hello", { protocol: 1, token: hearing.people[0].link.split("#")[1] });
  const joined = await page.ask("join", { seats: 1 });
  assert.equal(joined.iceServers.length, 1);
  const [{ urls, username, credential: password }] = joined.iceServers;
  assert.deepEqual(urls, [turn.env.ASSIZE_TURN_URLS]);
  const [endsAt, person] = username.split(":");
  assert.ok(Math.abs(Number(endsAt) - now() - 3600) < 30, username);
  assert.equal(person, welcome.you.person);
  assert.deepEqual({ user: username, password }, credential(turn.secret, Number(endsAt), person));
  assert.equal((await allocate({ user: username, password })).code, 0);
  await until("a new one is another", 10, async () => {
    const answer = await page.ask("restartIce", { transport: joined.transports.up.id });
    return answer.iceServers[0].username !== username;
  });
  assert.ok(!stack.log.includes(turn.secret) && !stack.log.includes(password) && !turn.log.includes(turn.secret));
  assert.equal((await stat(`${turn.dir}/turnserver.conf`)).mode & 0o777, 0o600);
  await page.ask("leave");
  page.socket.destroy();
});

/** Runs in the page: nothing but a relay is used, as where nothing else gets out. */
function relayAlone() {
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(options) {
      super({ ...options, iceTransportPolicy: "relay" });
    }
  };
}

test("pages that have only the relay are heard and seen, hear and see, and the court sees how they are here", { timeout: 120_000 }, async () => {
  const trusts = `${stack.dir}/tls/ca.pem`;
  browsers.push(await Browser.launch("chromium", 0), await Browser.launch("chromium", 1, { trusts }), await Browser.launch("firefox", 2, { trusts }));
  for (const [n, browser] of browsers.entries())
    people.push(await Person.arrive(browser, hearing.people[n], n > 0 ? { prepare: [relayAlone] } : {}));
  const [judge, ...relayed] = people;
  for (const person of people) await person.join();
  await judge.press("open-hearing");
  for (const person of relayed) {
    await judge.admit(person);
    await person.sees("page-courtroom", 10);
  }
  for (const [listener, speaker] of relayed.flatMap((person) => [[judge, person], [person, judge]])) {
    await until(`${listener.name} hears ${speaker.name}`, 20, async () =>
      (tonesIn(await heard(listener.page, TONES)).get(speaker.browser.tone) ?? 0) >= 30);
    let first;
    await until(`${listener.name} sees ${speaker.name} move`, 20, async () => {
      const picture = (await seen(listener.page, COUNTER, COUNTER_BITS))[speaker.id];
      first ??= picture;
      return picture && first && picture.counter !== first.counter;
    });
  }
  const shown = (viewer, person) => viewer.page.evaluate((id) =>
    document.querySelector(`[data-testid="person"][data-person="${id}"] [data-testid="quality"]`)?.title ?? null, person.id);
  for (const person of relayed)
    await until(`the judge sees that ${person.name} comes through the relay`, 30, async () =>
      (await shown(judge, person))?.endsWith(", through the court’s relay (TLS)"));
  await until("and who does not", 10, async () => (await shown(judge, judge))?.endsWith(", direct"));
  // With the relay away who has another way comes as ever, and is told nothing.
  await turn.halt();
  await judge.page.reload({ waitUntil: "domcontentloaded" });
  await judge.sees("page-courtroom", 20);
  await until("the judge is here again, directly", 30, async () => (await shown(judge, judge))?.endsWith(", direct"));
  assert.deepEqual(await judge.page.evaluate(() => [...document.querySelectorAll('[role="alert"]')].map(({ textContent }) => textContent)), []);
  for (const person of people) assert.deepEqual(person.page.complaints, [], person.name);
});

test("signaling does not start with a secret that others may read, and does not say it", async () => {
  await chmod(turn.secretFile, 0o640);
  const { status, said } = await new Promise((ended) =>
    execFile(join(build, "signaling/assize-signaling"), ["--config", stack.config], { env: { ...process.env, ...turn.env }, timeout: 10_000 }, (error, out, said) => ended({ status: error?.code, said: out + said })));
  assert.equal(status, 1, said);
  assert.match(said, /turn\.secret is no secret of the TURN server: .*docs\/firewall\.md/);
  assert.ok(!said.includes(turn.secret));
});
