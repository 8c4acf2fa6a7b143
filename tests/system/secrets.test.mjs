// SPDX-License-Identifier: Apache-2.0
// What is nobody else's business stays out of logs, command lines and other users' reach, and goes
// over the network under TLS alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import tls from "node:tls";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, addresses, build, freePorts, until } from "./lib/stack.mjs";

const run = promisify(execFile);
const NAMES = ["Judge Okonkwo-Lindqvist", "李伟明", "Maria Rossi-Bianchi", "Clerk Aldous Fairweather"];
const CASE = { case: "(2026) Secret 4711", title: "Rossi-Bianchi v. Example Trading", court: "Fourth Chamber of Testing" };
const own = addresses()[1];

let stack, hearing;
const secrets = []; // [what, text]

before(async () => {
  const { tcp } = await freePorts();
  stack = await Stack.start({
    env: { ASSIZE_LOG_LEVEL: "debug", ...(own ? { ASSIZE_SIGNALING_METRICS_LISTEN: `${own}:${tcp}` } : {}) },
  });
  stack.metricsPort = own ? tcp : stack.metricsPort;
  const roles = ["judge", "party", "witness", "clerk"];
  hearing = await stack.hearing(NAMES.map((name, n) => ({ role: roles[n], name })), CASE);
  secrets.push(...NAMES.map((name) => ["a name", name]), ...Object.entries(CASE));
  for (const person of hearing.people) {
    const token = person.link.split("#")[1];
    secrets.push(["a token", token], ...token.split(".").filter((part) => part.length > 12).map((part) => ["a token's part", part]));
  }
}, { timeout: 60_000 });

after(() => stack?.stop());

/** A hearing with everything that goes wrong on the way, each a temptation to log. */
async function aHearing() {
  const token = (n) => hearing.people[n].link.split("#")[1];
  const judge = await PageSocket.open(stack);
  const welcome = await judge.ask("hello", { protocol: 1, token: token(0) });
  const joined = await judge.ask("join", { seats: 2 });
  secrets.push(["what a page comes back with", welcome.resume]);
  for (const { iceParameters } of Object.values(joined.transports)) secrets.push(["an ICE password", iceParameters.password]);
  const party = await PageSocket.open(stack);
  await party.ask("hello", { protocol: 1, token: `${token(1).slice(0, -3)}AAA` });
  await party.ask("hello", { protocol: 1, token: token(1) });
  await party.ask("join", { seats: 2 });
  party.text(`{"type":"hello","id":9,"protocol":1,"token":"${token(2)}","name":"${NAMES[2]}"}`);
  party.text(`{"${NAMES[2]}":`);
  await judge.ask("setState", { state: "open" });
  await judge.ask("admit", { person: hearing.people[1].person });
  await judge.ask("remove", { person: hearing.people[1].person });
  const post = { method: "POST", headers: { Origin: stack.base, Host: `localhost:${stack.port}`, "Content-Type": "application/json" } };
  const session = await stack.get("/api/session", { ...post, body: JSON.stringify({ token: token(3) }) });
  assert.equal(session.status, 204);
  const cookie = session.headers["set-cookie"][0].split(";")[0];
  secrets.push(["a cookie", cookie.split("=")[1]]);
  await stack.get("/api/session", { ...post, body: `{"token":"${token(3)}` });
  await stack.get("/api/records", { headers: { Cookie: cookie } });
  await stack.get(`/records/${hearing.hearing}/nothing.mp4?${token(3)}`, { headers: { Cookie: cookie } });
  await judge.ask("setState", { state: "closed" });
  await until("the record is rendered", 60, async () => {
    const { records } = JSON.parse((await stack.get("/api/records", { headers: { Cookie: cookie } })).body);
    return ["ready", "failed"].includes(records[0]?.state);
  }, 200);
  judge.vanish();
  party.vanish();
}

const holds = (text, what) => {
  for (const [kind, secret] of secrets) assert.ok(!text.includes(secret), `${what}: ${kind}`);
};

test("no name, title, token, cookie or password in any log line, at the level that tells most", { timeout: 120_000 }, async () => {
  await aHearing();
  assert.ok(stack.log.includes(hearing.hearing), "something was logged at all");
  holds(stack.log, "log");
});

test("none in a command line or environment, where other users and crash reports see it", async () => {
  const pids = (await Promise.all(["assize", "assize-sfu", "assize-signaling", "assize-recorder"].map((name) => stack.pids(name)))).flat();
  assert.equal(pids.length, 4);
  for (const pid of pids)
    for (const file of ["cmdline", "environ"]) holds(await readFile(`/proc/${pid}/${file}`, "utf8"), `${pid} ${file}`);
});

test("what would let somebody in is stored nowhere: no token, no cookie", async () => {
  const keys = secrets.filter(([what]) => /token|cookie|password|comes back/.test(what));
  const walk = async (dir) => {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) {
        const bytes = await readFile(path);
        for (const [what, secret] of keys) assert.ok(!bytes.includes(secret), `${path}: ${what}`);
      }
    }
  };
  await walk(stack.dir);
});

test("keys, people, journals and sockets are closed to other users", async () => {
  const mode = async (path) => (await stat(join(stack.dir, path))).mode & 0o777;
  for (const path of ["token.key", "assize.db", "tls/server.key", "tls/ca.key", `journals/${hearing.hearing}.journal`])
    assert.equal((await mode(path)) & 0o077, 0, path);
  for (const path of ["run/sfu.sock", "run/recorder.sock", `records/${hearing.hearing}`, `records/${hearing.hearing}/manifest.json`])
    assert.equal((await mode(path)) & 0o007, 0, path);
});

test("the certificate that deploy/run makes names localhost and every address of this host", async () => {
  const { stdout } = await run("openssl", ["x509", "-in", join(stack.dir, "tls/server.pem"), "-noout", "-ext", "subjectAltName"]);
  assert.match(stdout, /DNS:localhost\b/);
  for (const address of addresses()) assert.ok(stdout.includes(`IP Address:${address}`), stdout);
});

test("metrics off loopback come over TLS, and not without", async (t) => {
  if (!own) return t.skip("this machine has loopback only");
  await assert.rejects(
    new Promise((done, failed) => http.get({ host: own, port: stack.metricsPort, path: "/metrics" }, done).on("error", failed)),
  );
  const text = await new Promise((done, failed) => {
    const socket = tls.connect({ host: own, port: stack.metricsPort, ca: stack.ca, servername: "localhost" });
    let got = "";
    socket.on("data", (data) => (got += data)).on("close", () => done(got)).on("error", failed);
    socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  });
  assert.match(text, /^HTTP\/1.1 200[\s\S]*assize_sfu_up 1/);
});

test("without a certificate nothing but loopback is listened on, and it says what to do", { timeout: 20_000 }, async () => {
  const config = join(stack.dir, "plain.yaml");
  const { tcp, metrics } = await freePorts();
  const text = (await readFile(stack.config, "utf8"))
    .replace(/certificate: .*/, 'certificate: "none"').replace(/port: \d+\n {2}public/, `port: ${tcp}\n  public`)
    .replace(/run_dir: .*/, `run_dir: "${stack.dir}"`);
  for (const [what, plain] of [
    ["listen", text.replace('listen: ["127.0.0.1"]', 'listen: ["192.0.2.1"]')],
    ["metrics", text.replace(/metrics_listen: .*/, `metrics_listen: "0.0.0.0:${metrics}"`)],
  ]) {
    await writeFile(config, plain);
    await assert.rejects(run(join(build, "signaling/assize-signaling"), ["--config", config]), (error) => {
      assert.equal(error.code, 1, what);
      assert.match(error.stderr, /not without TLS: name a certificate/, what);
      return true;
    });
  }
});
