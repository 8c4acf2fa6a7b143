// SPDX-License-Identifier: Apache-2.0
// Every program as whoever meets it first: --help, --version, what is refused and with which remedy,
// a taken port, and that SIGTERM ends each in order.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build, freePorts, top, until } from "./lib/stack.mjs";

const PROGRAMS = {
  assize: "supervisor/assize",
  "assize-sfu": "sfu/assize-sfu",
  "assize-signaling": "signaling/assize-signaling",
  "assize-recorder": "recorder/assize-recorder",
  "assize-admin": "signaling/assize-admin",
  "assize-renderer": "recorder/assize-renderer",
  "assize-verify": "recorder/assize-verify",
};
const SERVERS = ["assize", "assize-sfu", "assize-signaling", "assize-recorder"];

let dir, ports;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "assize-programs-"));
  ports = await freePorts();
});
after(() => rm(dir, { recursive: true, force: true }));

/** Runs a program to its end. */
function run(name, ...args) {
  const child = spawn(join(build, PROGRAMS[name]), args, { stdio: ["ignore", "pipe", "pipe"] });
  const result = { child, out: "", err: "" };
  child.stdout.on("data", (text) => (result.out += text));
  child.stderr.on("data", (text) => (result.err += text));
  result.ended = new Promise((end, failed) => child.on("error", failed).on("close", (code, signal) => end({ code, signal })));
  return result;
}

for (const name of Object.keys(PROGRAMS)) {
  test(`${name} --help says what it is for and every option`, async () => {
    const help = run(name, "--help");
    assert.deepEqual(await help.ended, { code: 0, signal: null }, help.err);
    assert.match(help.out, new RegExp(`^${name}`));
    assert.match(help.out, /--help/);
    assert.equal(help.err, "");
    if (SERVERS.includes(name)) for (const option of ["--config", "--check-config", "--version"]) assert.ok(help.out.includes(option), option);
  });

  test(`${name} --version, and an option it does not know`, async () => {
    const version = run(name, "--version");
    assert.equal((await version.ended).code, 0, version.err);
    const [, wanted] = /version: '([^']+)'/.exec(await readFile(join(top, "meson.build"), "utf8"));
    assert.equal(version.out.trim(), `${name} ${wanted}`);
    const wrong = run(name, "--nonesuch");
    assert.equal((await wrong.ended).code, 2);
    assert.match(wrong.err, /--nonesuch/);
    assert.match(wrong.err, /--help/);
  });
}

async function config(more = "") {
  const file = join(dir, "assize.yaml");
  await mkdir(join(dir, "run"), { recursive: true });
  await writeFile(
    file,
    `data_dir: "${dir}"\nrun_dir: "${dir}/run"\nsignaling:\n  port: ${ports.tcp}\n  certificate: none\n` +
      `  page_dir: "${top}/web-client/dist"\n  metrics_listen: "127.0.0.1:${ports.metrics}"\n` +
      `sfu:\n  udp_port: ${ports.udp}\n  workers: 1\n${more}`,
  );
  return file;
}

for (const name of SERVERS) {
  test(`${name} --check-config says that a good file is good, and what is wrong with another`, async () => {
    const file = await config();
    const good = run(name, "--config", file, "--check-config");
    assert.equal((await good.ended).code, 0, good.err);
    assert.match(good.out, /good/);
    await writeFile(file, "signaling:\n  prot: 1\n");
    const bad = run(name, "--check-config", "--config", file);
    assert.equal((await bad.ended).code, 2);
    assert.match(bad.err, /assize\.yaml: line 2: unknown key 'prot': did you mean 'port'\?/);
    const none = run(name, "--config", join(dir, "nonesuch.yaml"));
    assert.equal((await none.ended).code, 2);
    assert.match(none.err, /nonesuch\.yaml: No such file/);
  });

  test(`${name} ends in order when told to by SIGTERM or SIGINT`, { timeout: 30_000 }, async () => {
    for (const signal of ["SIGTERM", "SIGINT"]) {
      const server = run(name, "--config", await config());
      // Its sockets and ports are there when it has said so.
      await until(`${name} is up`, 15, () => {
        if (server.child.exitCode !== null) throw new Error(server.err);
        return /all are ready|ready, control at|recording into/.test(server.err) || (name === "assize-signaling" && /not there, trying on/.test(server.err));
      });
      server.child.kill(signal);
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.err);
    }
  });
}

test("a port somebody has is named, and the program ends", { timeout: 20_000 }, async () => {
  const tcp = createServer();
  await new Promise((on) => tcp.listen(ports.tcp, "127.0.0.1", on));
  const udp = createSocket("udp4");
  await new Promise((on) => udp.bind(ports.udp, "127.0.0.1", on));
  const file = await config();
  for (const [name, port] of [["assize-signaling", ports.tcp], ["assize-sfu", ports.udp]]) {
    const server = run(name, "--config", file);
    assert.equal((await server.ended).code, 1, name);
    assert.match(server.err, new RegExp(`port ${port}.*Address already in use`), name);
  }
  tcp.close();
  udp.close();
});

test("more addresses than are offered to pages are refused, however they are given", async () => {
  const limits = await readFile(join(top, "common/limits.h"), "utf8");
  const most = Number(/LIMIT_ADDRESSES (\d+)/.exec(limits)[1]);
  const list = Array.from({ length: most + 1 }, (_, n) => `127.0.1.${n + 1}`);
  for (const option of ["--listen", "--public"]) {
    const given = (addresses) => addresses.flatMap((address) => [option, address]);
    const fits = run("assize-sfu", "--check-config", ...given(list.slice(1)));
    assert.deepEqual(await fits.ended, { code: 0, signal: null }, fits.err);
    const over = run("assize-sfu", "--check-config", ...given(list));
    assert.equal((await over.ended).code, 2);
    assert.match(over.err, new RegExp(`more than ${most} addresses, with '${list.at(-1)}'; name those`));
  }
  const file = await config();
  for (const key of ["listen", "public_addresses"]) {
    await writeFile(file, `sfu:\n  ${key}: ${JSON.stringify(list)}\n`);
    for (const name of SERVERS) {
      const over = run(name, "--config", file, "--check-config");
      assert.equal((await over.ended).code, 2, name);
      assert.match(over.err, new RegExp(`line 2: .*\\(${most} max\\)`), name);
    }
  }
});

test("a host with more addresses than are offered to pages must name some", async (t) => {
  const most = Number(/LIMIT_ADDRESSES (\d+)/.exec(await readFile(join(top, "common/limits.h"), "utf8"))[1]);
  // A network of its own, whose loopback has this many; 127.0.0.1 is one.
  const host = (count) =>
    `ip link set lo up && for n in $(seq 2 ${count}); do ip address add 127.0.0.$n/8 dev lo; done && ` +
    `exec '${join(build, PROGRAMS["assize-sfu"])}' --check-config --listen 0.0.0.0`;
  const check = (count) => {
    const child = spawn("unshare", ["--net", "--map-root-user", "sh", "-c", host(count)], { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (text) => (err += text));
    return new Promise((end) => child.on("close", (code) => end({ code, err })));
  };
  const fits = await check(most);
  if (/unshare failed/.test(fits.err)) return t.skip("this machine allows no networks of one's own");
  assert.deepEqual(fits, { code: 0, err: "" });
  const over = await check(most + 1);
  assert.equal(over.code, 2);
  assert.match(over.err, new RegExp(`more than ${most} addresses, with '0.0.0.0'; name those`));
});

test("workers: 0, which is the default, is one a core", { timeout: 20_000 }, async () => {
  const cores = Number(execFileSync("getconf", ["_NPROCESSORS_ONLN"]));
  assert.match(await readFile(join(top, "docs/configuration.md"), "utf8"), /`sfu: workers`.*one a core.*\| `0` \|/);
  const file = await config();
  await writeFile(file, (await readFile(file, "utf8")).replace(/ +workers: 1\n/, ""));
  for (const [args, workers] of [[[], cores], [["--workers", "0"], cores], [["--workers", String(cores + 1)], cores + 1]]) {
    const server = run("assize-sfu", "--config", file, "--port", "0", ...args);
    await until("the media core is up", 15, () => /ready, control at/.test(server.err));
    const names = server.err.match(/worker \d+: UDP port \d+/g);
    const threads = await readdir(`/proc/${server.child.pid}/task`);
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, { code: 0, signal: null }, server.err);
    assert.equal(new Set(names).size, workers, server.err);
    assert.ok(threads.length >= workers + 2, "the workers, the one that answers signaling, the log's");
  }
});

test("what seals media is chosen by the CPU, can be set, and is told", { timeout: 20_000 }, async () => {
  const known = /worker 0: UDP port \d+, TCP port \d+ \(0: off\), sealing by (ipsec-mb (?:SSE|AVX|AVX2|AVX512)|openssl)\n/;
  const file = await config();
  const text = await readFile(file, "utf8");
  const { flags } = /^(?<flags>flags.*)$/m.exec(await readFile("/proc/cpuinfo", "utf8")).groups;
  const fast = process.arch === "x64" && / aes( |$)/.test(flags) && / pclmulqdq( |$)/.test(flags);
  for (const [sealing, expected] of [["auto", fast ? /^ipsec-mb/ : /^openssl/], ["openssl", /^openssl/]]) {
    await writeFile(file, text.replace(/( +)workers: 1\n/, `$&$1sealing: ${sealing}\n`));
    const server = run("assize-sfu", "--config", file, "--port", "0");
    await until("the media core is up", 15, () => /ready, control at/.test(server.err));
    server.child.kill("SIGTERM");
    await server.ended;
    assert.match(known.exec(server.err)[1], expected);
  }
});

test("release programs keep their debug symbols, with lines of our source", async () => {
  assert.match(await readFile(join(top, "deploy/run"), "utf8"), /build_c .*--buildtype=release -Ddebug=true/);
  for (const [name, path] of Object.entries(PROGRAMS)) {
    const sections = execFileSync("readelf", ["--sections", "--wide", join(build, path)], { encoding: "utf8" });
    for (const section of [".debug_info", ".debug_line", ".symtab"]) assert.ok(sections.includes(` ${section} `), `${name} ${section}`);
  }
  const lines = execFileSync("readelf", ["--debug-dump=decodedline", join(build, PROGRAMS["assize-sfu"])], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert.match(lines, /forward\.c/);
});

/** A pipe that is full: `out` for the program, `read` for whoever reads it in the end. */
function fullPipe() {
  const path = join(dir, "full");
  execFileSync("mkfifo", [path]);
  const ours = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const junk = Buffer.alloc(4096, ".");
  assert.throws(() => { for (;;) writeSync(ours, junk); }, { code: "EAGAIN" });
  const out = openSync(path, constants.O_WRONLY); // an open file of its own: writing to it blocks
  const read = () => {
    const part = Buffer.alloc(65536);
    try {
      return part.toString("utf8", 0, readSync(ours, part));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      return "";
    }
  };
  return { out, read, close: () => [ours, out].forEach((fd) => closeSync(fd)) };
}

test("nobody reads the log: all programs start, serve and end; read again, it says all", { timeout: 60_000 }, async () => {
  const ready = () => fetch(`http://127.0.0.1:${ports.tcp}/readyz`).then((answer) => answer.ok, () => false);
  const file = await config();
  for (const readAtLast of [false, true]) {
    const pipe = fullPipe();
    const child = spawn(join(build, PROGRAMS.assize), ["--config", file], { stdio: ["ignore", "ignore", pipe.out] });
    const ended = new Promise((end) => child.on("close", (code, signal) => end({ code, signal })));
    try {
      await until("the server is ready", 20, ready);
      let log = "";
      if (readAtLast) {
        const wanted = ["assize: all are ready", "assize-sfu: ready", "assize-recorder: recording into", "assize-signaling: "];
        await until("the log's lines", 10, () => ((log += pipe.read()), wanted.every((text) => log.includes(text))));
      }
      child.kill("SIGTERM");
      assert.deepEqual(await ended, { code: 0, signal: null });
    } finally {
      child.kill("SIGKILL"); // does nothing to one that has ended
      pipe.close();
      await rm(join(dir, "full"));
    }
  }
});
