// SPDX-License-Identifier: Apache-2.0
// The whole server on this machine, for one test: its own data directory, ports and certificate.
// Nothing is faked: it is the supervisor, signaling, media core and recorder that deploy/run starts.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, mkdir, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import https from "node:https";
import http from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
export const top = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const build = resolve(top, process.env.ASSIZE_BUILD ?? "build/release");

/** Waits until `probe` gives something truthy; fails after `seconds` saying `what` never was. */
export async function until(what, seconds, probe, everyMs = 50) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const got = await probe();
    if (got) return got;
    if (Date.now() > deadline) throw new Error(`after ${seconds} s still not: ${what}`);
    await new Promise((wake) => setTimeout(wake, everyMs));
  }
}

async function freeTcpPort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Free for TCP too, and the next one as well: a worker each. */
async function freeMediaPort() {
  for (;;) {
    const port = await freeTcpPort();
    if (port < 65535 && (await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

async function isFree(port) {
  const socket = createSocket("udp4");
  const server = createServer();
  const bound = (emitter, event) => new Promise((done) => emitter.once(event, () => done(true)).once("error", () => done(false)));
  const waits = [bound(socket, "listening"), bound(server, "listening")];
  socket.bind(port, "127.0.0.1");
  server.listen(port, "127.0.0.1");
  const free = (await Promise.all(waits)).every(Boolean);
  await new Promise((closed) => socket.close(closed));
  await new Promise((closed) => server.close(closed));
  return free;
}

/** Ports free now: `tcp` and `metrics`, and `udp` (TCP too) with the next one. */
export async function freePorts() {
  const [tcp, metrics] = [await freeTcpPort(), await freeTcpPort()];
  return { tcp, metrics, udp: await freeMediaPort() };
}

/** 127.0.0.1 and this host's first other IPv4 address: Firefox never pairs loopback with it. */
export function addresses() {
  const own = Object.values(networkInterfaces())
    .flat()
    .filter((i) => i.family === "IPv4" && !i.internal)
    .map((i) => i.address);
  return ["127.0.0.1", ...own.slice(0, 1)];
}

export class Stack {
  /** Starts everything; `options.workers` and `options.env` (ASSIZE_* variables) override parts of
   * the configuration; with `options.on`, addresses of another network, pages come by the first of
   * them to port 443. */
  static async start(options = {}) {
    const stack = new Stack();
    stack.dir = await mkdtemp(join(tmpdir(), "assize-test-"));
    const ports = await freePorts();
    const { on } = options;
    stack.port = on ? 443 : ports.tcp;
    stack.metricsPort = ports.metrics;
    stack.mediaPort = ports.udp;
    const host = on?.[0] ?? "localhost";
    stack.base = on ? `https://${host}` : `https://localhost:${stack.port}`;
    await mkdir(join(stack.dir, "run"));
    await mkdir(join(stack.dir, "records"));
    await run("bash", [
      "-c",
      'top=$1; . "$top/deploy/lib/setup.sh"; . "$top/deploy/lib/certificate.sh"; certificate_ensure "$2" "$3"',
      "bash",
      top,
      join(stack.dir, "tls"),
      host,
    ]);
    stack.ca = await readFile(join(stack.dir, "tls/ca.pem"));
    stack.config = join(stack.dir, "assize.yaml");
    const list = JSON.stringify(on ?? addresses());
    await writeFile(
      stack.config,
      `data_dir: "${stack.dir}"\nrun_dir: "${stack.dir}/run"\n` +
        `signaling:\n  listen: ${JSON.stringify(["127.0.0.1", ...(on ?? [])])}\n  port: ${stack.port}\n  public_host: "${host}"\n` +
        `  page_dir: "${top}/web-client/dist"\n  certificate: "${stack.dir}/tls/server.pem"\n` +
        `  private_key: "${stack.dir}/tls/server.key"\n  metrics_listen: "127.0.0.1:${stack.metricsPort}"\n` +
        `sfu:\n  listen: ${list}\n  udp_port: ${stack.mediaPort}\n  workers: ${options.workers ?? 2}\n` +
        `recorder:\n  records_dir: "${stack.dir}/records"\n`,
    );
    stack.log = "";
    stack.process = spawn(join(build, "supervisor/assize"), ["--config", stack.config], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    stack.ended = new Promise((end) => stack.process.on("exit", (code, signal) => end({ code, signal })));
    for (const stream of [stack.process.stdout, stack.process.stderr])
      stream.on("data", (text) => {
        stack.log += text;
        if (process.env.ASSIZE_TEST_VERBOSE) process.stderr.write(text);
      });
    try {
      await until("the server is ready", 20, async () => {
        if (stack.process.exitCode !== null) throw new Error(`the server ended:\n${stack.log}`);
        return (await stack.get("/readyz").catch(() => null))?.status === 200;
      });
    } catch (error) {
      await stack.stop();
      throw new Error(`${error.message}\n${stack.log}`);
    }
    return stack;
  }

  /** Makes a hearing; `people` is [{role, name, side?}]; gives each back with its `link`. */
  async hearing(people, { case: number = "(2026) Test 1", title = "A v. B", court = "Test court", vp9 = false, consent = false, objectionHolds = false } = {}) {
    const args = ["hearing", "create", "--json", "--case", number, "--title", title, "--court", court, ...(vp9 ? ["--vp9"] : []), ...(consent ? ["--consent"] : []), ...(objectionHolds ? ["--objection-holds"] : [])];
    for (const person of people) args.push("--side", `${person.side ?? 0}`, `--${person.role}`, person.name);
    const made = JSON.parse(await this.admin(...args, "--base-url", this.base));
    return made;
  }

  async admin(...args) {
    const { stdout } = await run(join(build, "signaling/assize-admin"), ["--config", this.config, ...args]);
    return stdout;
  }

  /** One HTTPS request to signaling. */
  get(path, { method = "GET", headers = {}, body } = {}) {
    return request(https, { host: "127.0.0.1", port: this.port, path, method, headers, ca: this.ca, servername: "localhost" }, body);
  }

  /** The value of one metric (a sum over its labels), or null. */
  async metric(name) {
    const { body } = await request(http, { host: "127.0.0.1", port: this.metricsPort, path: "/metrics", method: "GET" });
    const values = body
      .toString()
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
    return values.length ? values.reduce((a, b) => a + b, 0) : null;
  }

  /** Process ids of one of our programs, such as "assize-sfu", that this stack runs: it names its directory. */
  async pids(program) {
    const found = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      const exe = await readlink(`/proc/${pid}/exe`).catch(() => "");
      if (!exe.endsWith(`/${program}`)) continue;
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (line.includes(this.dir)) found.push(Number(pid));
    }
    return found;
  }

  /** kill -9 of one program; resolves when its successor runs. */
  async kill(program) {
    const [old] = await this.pids(program);
    if (!old) throw new Error(`${program} does not run`);
    process.kill(old, "SIGKILL");
    return until(`${program} runs again`, 10, async () => {
      const now = await this.pids(program);
      return now.length && !now.includes(old) ? now[0] : null;
    });
  }

  /** The journal of a hearing as parsed lines. */
  async journal(hearing) {
    const text = await readFile(join(this.dir, "journals", `${hearing}.journal`), "utf8");
    return text.trim().split("\n").map((line) => JSON.parse(line));
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGTERM");
    const end = await Promise.race([this.ended, new Promise((late) => setTimeout(late, 20000, null).unref())]);
    if (!end) this.process.kill("SIGKILL");
    if (!process.env.ASSIZE_TEST_KEEP) await rm(this.dir, { recursive: true, force: true });
    return end;
  }
}

function request(module, options, body) {
  return new Promise((done, failed) => {
    const sent = module.request(options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on("error", failed);
    });
    sent.on("error", failed);
    sent.end(body);
  });
}
