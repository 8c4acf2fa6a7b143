// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { followed, Mending, Pass, Watch } from "../../web-client/src/records.ts";
import type { Listing } from "../../web-client/src/records.ts";
import type { Keep } from "../../web-client/src/route.ts";
import { sample } from "./samples.ts";

/** The server's side of the cookie, and the browser's: one cookie for all windows, for whichever link came last. */
const server = {
  cookie: null as string | null,
  sessions: 0,
  /** Answers of the network that are no answer. */
  isAway: false,
  render: 202,
  file: 200,
  /** Runs before the next answer to anything but a session. */
  meanwhile: null as (() => void) | null,
  answer(address: string, token: string | null): { status: number; body: string } {
    if (address === "/api/session") {
      server.sessions += 1;
      if (token === "bad") return { status: 403, body: "" };
      server.cookie = token;
      return { status: 204, body: "" };
    }
    const { meanwhile } = server;
    server.meanwhile = null;
    meanwhile?.();
    if (server.cookie === null) return { status: 403, body: "" };
    if (address.startsWith("/records/")) return { status: address.includes(server.cookie) ? server.file : 404, body: "" };
    if (address.endsWith("/render")) return { status: address.includes(server.cookie) ? server.render : 404, body: "" };
    const { records } = JSON.parse(sample("records.json")) as { records: object[] };
    return { status: 200, body: JSON.stringify({ records: records.map((one) => ({ ...one, hearing: server.cookie })) }) };
  },
};

Object.defineProperty(globalThis, "fetch", {
  value: (address: string, how: { body?: string }) => {
    if (server.isAway) return Promise.reject(new TypeError("network"));
    const token = how.body ? (JSON.parse(how.body) as { token: string }).token : null;
    const { status, body } = server.answer(address, token);
    return Promise.resolve({ status, ok: status >= 200 && status < 300, text: () => Promise.resolve(body) });
  },
});

beforeEach(() => Object.assign(server, { cookie: null, sessions: 0, isAway: false, render: 202, file: 200, meanwhile: null }));

const A = "00000000000000a1";
const B = "00000000000000b2";

function storage(): Keep {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value), removeItem: (key) => void items.delete(key),
  };
}

async function listed(pass: Pass): Promise<string> {
  const listing = await pass.list();
  return listing.state === "here" ? listing.records.map((one) => one.hearing).join() : listing.state;
}

test("two windows with two links each list their own records, whoever came last", async () => {
  for (const shared of [storage(), null]) {
    const a = new Pass(A, shared);
    const b = new Pass(B, shared);
    for (const [pass, hearing] of [[a, A], [b, B], [a, A], [a, A], [b, B]] as const) assert.equal(await listed(pass), hearing);
    assert.equal(await a.renderAgain(A), "started");
    assert.equal(await b.renderAgain(B), "started");
  }
});

test("a window alone takes the cookie once", async () => {
  const pass = new Pass(A, storage());
  for (let n = 0; n < 3; n++) assert.equal(await listed(pass), A);
  assert.equal(server.sessions, 1);
});

test("another window's cookie in mid-question: the answer for the other is not believed", async () => {
  const shared = storage();
  const a = new Pass(A, shared);
  const b = new Pass(B, shared);
  assert.equal(await listed(a), A);
  server.meanwhile = () => void b.take();
  assert.equal(await listed(a), A);
});

test("a cookie whose time is over is taken again; a link that is good no more is refused", async () => {
  const pass = new Pass(A, storage());
  assert.equal(await listed(pass), A);
  server.cookie = null;
  assert.equal(await listed(pass), A);
  server.cookie = null;
  assert.equal(await pass.renderAgain(A), "started");
  assert.equal(await listed(new Pass("bad", storage())), "refused");
});

test("a server that refuses its own cookie is not asked for ever", async () => {
  const pass = new Pass(A, storage());
  const answer = server.answer;
  server.answer = (address, token) => (address === "/api/session" ? answer(address, token) : { status: 403, body: "" });
  assert.equal(await listed(pass), "refused");
  server.answer = answer;
});

test("what becomes of asking anew is told apart", async () => {
  const pass = new Pass(A, storage());
  for (const [status, told] of [[202, "started"], [409, "not-yet"], [503, "failed"], [404, "failed"]] as const) {
    server.render = status;
    assert.equal(await pass.renderAgain(A), told);
  }
  server.isAway = true;
  assert.equal(await pass.renderAgain(A), "failed");
  assert.equal(await listed(pass), "failed");
});

/** MediaError's codes. */
const [NETWORK, DECODE, UNKNOWN] = [2, 3, 4];

test("whether a file can be had is asked with our own cookie, taken at most once", async () => {
  for (const shared of [storage(), null]) {
    const a = new Pass(A, shared);
    const b = new Pass(B, shared);
    assert.equal(await b.reach(`/records/${B}/x.mp4`), "here");
    server.sessions = 0;
    assert.equal(await a.reach(`/records/${A}/x.mp4`), "here");
    assert.equal(server.sessions, 1);
    assert.equal(await a.reach(`/records/${B}/x.mp4`), "lost");
    server.sessions = 0;
    assert.equal(await new Pass("bad", shared).reach(`/records/${A}/x.mp4`), "refused");
    assert.equal(server.sessions, 1);
  }
  server.isAway = true;
  assert.equal(await new Pass(A, storage()).reach(`/records/${A}/x.mp4`), "lost");
});

test("a player that stopped: loaded again once, then it is said what is wrong", async () => {
  for (const shared of [storage(), null]) {
    const pass = new Pass(A, shared);
    const mending = () => new Mending(pass, `/records/${A}/x.mp4`);
    let one = mending();
    for (const said of ["again", "unplayable", "unplayable"]) assert.equal(await one.broken(UNKNOWN), said);
    one = mending();
    for (const said of ["again", "lost"]) assert.equal(await one.broken(NETWORK), said);
    // Once it plays, or when the person asks, there is another try.
    one.renew();
    for (const said of ["again", "unplayable"]) assert.equal(await one.broken(UNKNOWN), said);
    assert.equal(await mending().broken(DECODE), "unplayable");
    server.file = 404;
    for (const code of [NETWORK, DECODE, UNKNOWN]) assert.equal(await mending().broken(code), "lost");
    server.file = 200;
  }
});

test("a link withdrawn while another window has the cookie: refused, after one question", async () => {
  for (const shared of [storage(), null]) {
    await new Pass(B, shared).take();
    server.sessions = 0;
    assert.equal(await new Mending(new Pass("bad", shared), `/records/${A}/x.mp4`).broken(UNKNOWN), "refused");
    assert.equal(server.sessions, 1);
  }
});

/** A clock that runs what waits when told. */
function clock() {
  const waits = new Map<number, { run: () => void; afterMs: number }>();
  let last = 0;
  return {
    setTimer: (run: () => void, afterMs: number) => (waits.set((last += 1), { run, afterMs }), last),
    clearTimer: (timer: number) => void waits.delete(timer),
    /** What is waited for, in ms. */
    due: () => [...waits.values()].map(({ afterMs }) => afterMs),
    later: () => {
      const all = [...waits.values()];
      waits.clear();
      all.forEach(({ run }) => run());
    },
  };
}

test("the list asked for at once: the answer to an older question is dropped, and there is one next time", async () => {
  const answers: ((listing: Listing) => void)[] = [];
  const told: Listing[] = [];
  const world = clock();
  const watch = new Watch({ list: () => new Promise((resolve) => answers.push(resolve)) }, world, (listing) => told.push(listing));
  const list = (): Listing => ({ state: "here", records: [], isOld: false });
  const answer = async (n: number, listing: Listing) => {
    answers[n]?.(listing);
    await new Promise((resolve) => setImmediate(resolve));
  };
  void watch.ask();
  await answer(0, list());
  assert.deepEqual(world.due(), [15000]);
  world.later();
  void watch.ask(true);
  const [old, fresh] = [list(), list()];
  await answer(1, old);
  await answer(2, fresh);
  assert.equal(told.length, 2);
  assert.equal(told[1], fresh);
  // Soon once more, then as ever.
  assert.deepEqual(world.due(), [2000]);
  world.later();
  await answer(3, list());
  assert.deepEqual(world.due(), [15000]);
  void watch.ask();
  watch.stop();
  await answer(4, list());
  assert.equal(told.length, 3);
  assert.deepEqual(world.due(), []);
  void watch.ask();
  await answer(5, { state: "refused" });
  assert.deepEqual(world.due(), [], "refused is not asked again");
});

test("a list once here stays in sight while the server is away, and says that it is old", () => {
  const here: Listing = { state: "here", records: [], isOld: false };
  const old: Listing = { ...here, isOld: true };
  const [loading, failed, refused] = [{ state: "loading" }, { state: "failed" }, { state: "refused" }] as const;
  const rows: readonly (readonly [Listing, Listing, Listing])[] = [
    [loading, here, here], [loading, failed, failed], [here, failed, old], [old, failed, old], [old, here, here], [old, refused, refused],
  ];
  for (const [shown, next, wanted] of rows) assert.deepEqual(followed(shown, next), wanted, `${shown.state} ${next.state}`);
});
