// SPDX-License-Identifier: Apache-2.0
// Every program as whoever meets it first: --help, --version, what is refused and with which remedy,
// a taken port, and that SIGTERM ends each in order.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
