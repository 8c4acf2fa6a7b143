// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Pass } from "../../web-client/src/records.ts";
import type { Keep } from "../../web-client/src/route.ts";
import { sample } from "./samples.ts";

/** The server's side of the cookie, and the browser's: one cookie for all windows, for whichever link came last. */
const server = {
  cookie: null as string | null,
  sessions: 0,
  /** Answers of the network that are no answer. */
  isAway: false,
  render: 202,
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

beforeEach(() => Object.assign(server, { cookie: null, sessions: 0, isAway: false, render: 202, meanwhile: null }));

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
