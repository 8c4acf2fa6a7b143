// SPDX-License-Identifier: Apache-2.0
// build: asan
// The HTTP side of signaling: the page and its headers, sessions, and records by byte range.
import assert from "node:assert/strict";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import https from "node:https";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, until } from "./lib/stack.mjs";

let stack, hearing, other, origin, clerk, pass;
const token = (person) => person.link.split("#")[1];
const GIB = 1024 ** 3;

before(async () => {
  stack = await Stack.start();
  origin = stack.base;
  const people = [{ role: "judge", name: "Judge" }, { role: "clerk", name: "Clerk" }, { role: "party", name: "Party" }];
  hearing = await stack.hearing(people);
  other = await stack.hearing(people, { case: "(2026) Test 2" });
  for (const one of [hearing, other]) {
    const judge = await PageSocket.open(stack);
    await judge.ask("hello", { protocol: 1, token: token(one.people[0]) });
    await judge.ask("join", { seats: 1 });
    await judge.ask("setState", { state: "open" });
    await judge.event("record", (event) => event.state === "on");
    assert.equal((await judge.ask("setState", { state: "closed" })).type, "ok");
    await judge.event("record", (event) => ["ready", "failed"].includes(event.state), 60);
    judge.vanish();
  }
  pass = JSON.parse(await stack.admin("records-pass", "create", "--json", "--base-url", stack.base)).records;
}, { timeout: 120_000 });

after(async () => {
  const end = await stack?.stop();
  assert.deepEqual(end, { code: 0, signal: null }, stack?.log);
  assert.doesNotMatch(stack.log, /ERROR: AddressSanitizer|runtime error:|LeakSanitizer/);
});

const get = (path, headers = {}, method = "GET", body) =>
  stack.get(path, { method, headers: { Host: `localhost:${stack.port}`, ...headers }, body });
const login = (of, from = origin) =>
  get("/api/session", { Origin: from, "Content-Type": "application/json" }, "POST", JSON.stringify({ token: token(of) }));
const cookie = (answer) => answer.headers["set-cookie"][0].split(";")[0];

test("the page comes with every header that keeps it to itself", async () => {
  for (const path of ["/", "/hearing", "/records", "/index.html"]) {
    const { status, headers, body } = await get(path);
    assert.equal(status, 200, path);
    assert.match(headers["content-type"], /^text\/html/);
    const csp = headers["content-security-policy"];
    assert.doesNotMatch(csp, /unsafe|\*/);
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", `connect-src 'self' wss://localhost:${stack.port}`, "base-uri 'none'", "media-src 'self' blob:"])
      assert.ok(csp.includes(part), part);
    assert.match(headers["permissions-policy"], /camera=\(self\), microphone=\(self\), display-capture=\(self\)/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cross-origin-opener-policy"], "same-origin");
    assert.equal(headers["strict-transport-security"], undefined); // localhost would lock out other ports
    assert.match(body.toString(), /<!doctype html>/i);
    assert.doesNotMatch(body.toString(), /<script>|<style>|onload=/i);
  }
});

test("hashed files are kept for good, compressed, and not sent twice", async () => {
  const page = (await get("/")).body.toString();
  const [path] = page.match(/\/assets\/[^"]+\.js/);
  const plain = await get(path);
  assert.match(plain.headers["cache-control"], /immutable/);
  assert.match(plain.headers["content-type"], /javascript/);
  const packed = await get(path, { "Accept-Encoding": "gzip, br" });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  const again = await get(path, { "If-None-Match": plain.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
  const head = await get(path, {}, "HEAD");
  assert.equal(head.headers["content-length"], String(plain.body.length));
  assert.equal(head.body.length, 0);
});

test("what is not there is not there, whatever it is called", async () => {
  for (const path of ["/x", "/assets/", "/assets/../index.html", "/assets/%2e%2e/index.html", "/%00", "/index.html/", "//index.html", "/metrics", "/records/x", "/api", "/.git/config"]) {
    const { status, headers } = await get(path);
    assert.ok([404, 403, 200].includes(status), path);
    if (status === 200) assert.match(headers["content-type"], /^text\/html/, path); // a path that names the page after all
    assert.ok(headers["content-security-policy"], path);
  }
  assert.equal((await get("/metrics")).status, 404);
  assert.equal((await get("/", {}, "POST", "x")).status, 405);
  assert.equal((await get("/", {}, "DELETE")).status, 405);
});

test("health and readiness", async () => {
  assert.equal((await get("/healthz")).body.toString(), "alive\n");
  const ready = await get("/readyz");
  assert.equal(ready.status, 200, ready.body.toString());
});

test("a session is for judges, clerks and record passes, from our own page", async () => {
  assert.equal((await login(hearing.people[1], "https://evil.example")).status, 403);
  assert.equal((await login(hearing.people[2])).status, 403);
  assert.equal((await get("/api/session", { Origin: origin }, "POST", "{")).status, 400);
  assert.equal((await get("/api/session", { Origin: origin }, "POST", '{"token":"x"}')).body.toString().trim(), "bad-token");
  const answer = await login(hearing.people[1]);
  assert.equal(answer.status, 204);
  assert.match(answer.headers["set-cookie"][0], /^__Host-assize=[\w-]{22}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$/);
  clerk = cookie(answer);
});

test("records are listed for those they belong to", async () => {
  assert.equal((await get("/api/records")).status, 403);
  assert.equal((await get("/api/records", { Cookie: "__Host-assize=AAAAAAAAAAAAAAAAAAAAAA" })).status, 403);
  const own = JSON.parse((await get("/api/records", { Cookie: clerk })).body);
  assert.deepEqual(own.records.map((record) => record.hearing), [hearing.hearing]);
  const all = JSON.parse((await get("/api/records", { Cookie: cookie(await login(pass)) })).body);
  assert.deepEqual(all.records.map((record) => record.hearing).sort(), [hearing.hearing, other.hearing].sort());
  for (const record of all.records) {
    assert.ok(["ready", "failed"].includes(record.state), record.state);
    assert.ok(record.openedAt < record.closedAt);
  }
});

test("a record of 5 GiB comes by ranges, whole or in part", { timeout: 60_000 }, async () => {
  const file = await open(join(stack.dir, "records", hearing.hearing, "large.mp4"), "w");
  await file.truncate(5 * GIB);
  await file.write("MARK", 5 * GIB - 4);
  await file.write("middle", 3 * GIB);
  await file.close();
  const path = `/records/${hearing.hearing}/large.mp4`;
  const range = (range, more = {}) => get(path, { Cookie: clerk, Range: range, ...more });
  assert.equal((await get(path)).status, 403);
  const head = await get(path, { Cookie: clerk }, "HEAD");
  assert.equal(head.headers["content-length"], String(5 * GIB));
  assert.equal(head.headers["accept-ranges"], "bytes");
  assert.match(head.headers["cache-control"], /no-store/);
  const last = await range("bytes=-4");
  assert.equal(last.status, 206);
  assert.equal(last.body.toString(), "MARK");
  assert.equal(last.headers["content-range"], `bytes ${5 * GIB - 4}-${5 * GIB - 1}/${5 * GIB}`);
  assert.equal((await range(`bytes=${3 * GIB}-${3 * GIB + 5}`)).body.toString(), "middle");
  assert.equal((await range(`bytes=0-${300000}`)).body.length, 300001);
  const beyond = await range(`bytes=${5 * GIB}-`);
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers["content-range"], `bytes */${5 * GIB}`);
  assert.equal((await range("bytes=0-3", { "If-Range": head.headers.etag })).status, 206);
  const changed = await get(path, { Cookie: clerk, Range: "bytes=0-3", "If-Range": '"older"' }, "HEAD");
  assert.equal(changed.status, 200);
  assert.equal((await get(path, { Cookie: clerk, "If-None-Match": head.headers.etag })).status, 304);
  const named = await get(`${path}?download`, { Cookie: clerk }, "HEAD");
  assert.equal(named.headers["content-disposition"], 'attachment; filename="large.mp4"');
});

test("a download that stops reading is ended, and others go on meanwhile", { timeout: 90_000 }, async () => {
  const path = `/records/${hearing.hearing}/large.mp4`;
  const agent = new https.Agent({ keepAlive: false });
  const stalled = await new Promise((done, failed) =>
    https.get({ host: "127.0.0.1", port: stack.port, path, ca: stack.ca, servername: "localhost", agent, headers: { Host: `localhost:${stack.port}`, Cookie: clerk } }, done).on("error", failed),
  );
  stalled.on("error", () => {});
  const ended = new Promise((end) => stalled.socket.on("close", end));
  stalled.pause();
  assert.equal((await get(path, { Cookie: clerk, Range: "bytes=-4" })).body.toString(), "MARK");
  // Reading the socket's own buffers again is what notices the end.
  const drain = setInterval(() => stalled.read?.(1), 2000);
  await Promise.race([ended, new Promise((late) => setTimeout(late, 60_000))]);
  clearInterval(drain);
  stalled.destroy();
  await until("its place is free", 10, async () => (await stack.metric("assize_connections")) <= 1);
});

test("of another hearing, and under names that lead elsewhere, there is nothing", async () => {
  await writeFile(join(stack.dir, "records", hearing.hearing, "secret.key"), "x");
  for (const path of [
    `/records/${other.hearing}/manifest.json`,
    `/records/${hearing.hearing}/../${other.hearing}/manifest.json`,
    `/records/${hearing.hearing}/..%2f${other.hearing}%2fmanifest.json`,
    `/records/${hearing.hearing}/secret.key`,
    `/records/${hearing.hearing}/`,
    `/records/${hearing.hearing}/nothing.mp4`,
    "/records/0000000000000001/manifest.json",
  ])
    assert.equal((await get(path, { Cookie: clerk })).status, 404, path);
  const render = (id, from) => get(`/api/records/${id}/render`, { Cookie: clerk, Origin: from }, "POST", "");
  assert.equal((await render(hearing.hearing, "https://evil.example")).status, 403);
  assert.equal((await render(other.hearing, origin)).status, 404);
  assert.equal((await render(hearing.hearing, origin)).status, 202);
});

test("a session ends when it is told to, and when its invitation is revoked", async () => {
  const judge = cookie(await login(hearing.people[0]));
  assert.equal((await get("/api/records", { Cookie: judge })).status, 200);
  assert.equal((await get("/api/session", { Origin: origin, Cookie: judge }, "DELETE")).status, 204);
  assert.equal((await get("/api/records", { Cookie: judge })).status, 403);
  await stack.admin("invitation", "revoke", hearing.people[1].invitation);
  assert.equal((await get("/api/records", { Cookie: clerk })).status, 403);
});
