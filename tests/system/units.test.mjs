// SPDX-License-Identifier: Apache-2.0
// The units in deploy/systemd: that they fit the programs, and that the three, each under a user of its
// own as the units have it, find each other, let nobody else in, and make a record that can be had.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, build, freePorts, top, until } from "./lib/stack.mjs";

const run = promisify(execFile);
const PARTS = ["sfu", "recorder", "signaling"];
const systemd = join(top, "deploy/systemd");
const unit = (part) => readFile(join(systemd, `assize-${part}.service`), "utf8");
const values = (text, key) => [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value);

const dirs = [];
const started = [];
async function scratch() {
  const dir = await mkdtemp(join(tmpdir(), "assize-units-"));
  dirs.push(dir);
  return dir;
}

after(async () => {
  for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

for (const part of PARTS)
  test(`${part}: its command line and variables are ones the program takes`, async () => {
    const text = await unit(part);
    const [command] = values(text, "ExecStart");
    const [program, ...args] = command.split(" ");
    assert.equal(program, `/usr/bin/assize-${part}`);
    assert.deepEqual(args, ["--config", "/etc/assize/assize.yaml"]);
    const env = {};
    for (const line of values(text, "Environment"))
      for (const pair of line.split(" ").filter((p) => p.startsWith("ASSIZE_"))) {
        const [name, value] = pair.split("=");
        // The users are made by sysusers; here root stands for them. %d is where credentials lie.
        env[name] = name.endsWith("_USER") ? "root" : value.replace("%d", "/run/credentials/x");
        const user = name.endsWith("_USER") && value;
        if (user) assert.match(await readFile(join(systemd, "assize.sysusers"), "utf8"), new RegExp(`^u ${user} `, "m"));
      }
    await run(join(build, part, `assize-${part}`), ["--config", join(top, "deploy/assize.yaml"), "--check-config"], { env });
  });

test("sockets may be as large as the media core asks for", async () => {
  const [, megabytes] = /define UDP_BUFFER_BYTES \((\d+) << 20\)/.exec(await readFile(join(top, "sfu/udp.h"), "utf8"));
  const settings = await readFile(join(systemd, "assize.sysctl"), "utf8");
  for (const way of ["rmem", "wmem"]) assert.match(settings, new RegExp(`^net\\.core\\.${way}_max = ${megabytes << 20}$`, "m"));
});

test("what they may write is made by tmpfiles, for the users they run as, where the configuration's defaults say", async () => {
  const tmpfiles = await readFile(join(systemd, "assize.tmpfiles"), "utf8");
  const made = new Map([...tmpfiles.matchAll(/^d (\S+)\s+(\d+)\s+(\S+)\s+(\S+)/gm)].map(([, path, mode, user]) => [path, { mode, user }]));
  const example = await readFile(join(top, "deploy/assize.yaml"), "utf8");
  const [data] = values(example.replaceAll(": ", "="), "data_dir");
  const [sockets] = values(example.replaceAll(": ", "="), "run_dir");
  const wanted = { sfu: [sockets], recorder: [sockets, `${data}/records`], signaling: [sockets, data] };
  for (const part of PARTS) {
    const text = await unit(part);
    const paths = values(text, "ReadWritePaths").join(" ").split(" ");
    assert.deepEqual(paths.sort(), wanted[part].sort(), part);
    for (const path of paths) assert.ok(made.has(path), path);
    const own = wanted[part].find((path) => path !== sockets);
    if (own) assert.equal(made.get(own).user, values(text, "User")[0]);
  }
});

test("systemd finds no fault in them", async (t) => {
  const dir = await scratch();
  for (const part of PARTS)
    await writeFile(join(dir, `assize-${part}.service`), (await unit(part)).replace("/usr/bin/", join(build, part) + "/"));
  const files = PARTS.map((part) => join(dir, `assize-${part}.service`));
  try {
    const { stderr } = await run("systemd-analyze", ["verify", ...files]);
    assert.equal(stderr.trim(), "");
    await run("systemd-analyze", ["security", "--offline=yes", "--threshold=20", ...files]);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    t.skip("no systemd-analyze here");
  }
});

/** Users that every Debian has, in the units' roles. */
const USERS = { sfu: "daemon", recorder: "games", signaling: "www-data" };
const GROUP = { sockets: 100, records: 60 }; // users, games

/** The checkout may be closed to other users: what they run and read is put where they may. */
async function install(dir) {
  await mkdir(join(dir, "bin"));
  for (const name of ["sfu", "signaling", "recorder"]) await cp(join(build, name, `assize-${name}`), join(dir, "bin", `assize-${name}`));
  await cp(join(build, "recorder/assize-renderer"), join(dir, "bin/assize-renderer"));
  await cp(join(top, "web-client/dist"), join(dir, "web"), { recursive: true });
  await run("chmod", ["-R", "a+rX", join(dir, "bin"), join(dir, "web")]);
}

/** Lays directories out as tmpfiles does and starts the three as the units do; gives a Stack. */
async function startApart() {
  const uid = async (name) => Number((await run("id", ["-u", name])).stdout);
  const stack = new Stack();
  stack.dir = await scratch();
  await chmod(stack.dir, 0o711);
  const ports = await freePorts();
  Object.assign(stack, { port: ports.tcp, metricsPort: ports.metrics, base: `https://localhost:${ports.tcp}` });
  const place = async (name, mode, owner, group) => {
    await mkdir(join(stack.dir, name));
    await chown(join(stack.dir, name), owner, group);
    await chmod(join(stack.dir, name), mode);
  };
  await place("run", 0o2770, 0, GROUP.sockets);
  await place("data", 0o711, await uid(USERS.signaling), GROUP.sockets);
  await place("data/records", 0o2750, await uid(USERS.recorder), GROUP.records);
  await run("bash", [
    "-c",
    'top=$1; . "$top/deploy/lib/setup.sh"; . "$top/deploy/lib/certificate.sh"; certificate_ensure "$2" localhost',
    "bash", top, join(stack.dir, "data/tls"),
  ]);
  stack.ca = await readFile(join(stack.dir, "data/tls/ca.pem"));
  await install(stack.dir);
  await run("chown", ["-R", USERS.signaling, join(stack.dir, "data/tls")]);
  stack.config = join(stack.dir, "assize.yaml");
  await writeFile(
    stack.config,
    `data_dir: "${stack.dir}/data"\nrun_dir: "${stack.dir}/run"\n` +
      `signaling:\n  port: ${ports.tcp}\n  page_dir: "${stack.dir}/web"\n  metrics_listen: "127.0.0.1:${ports.metrics}"\n` +
      `  user: ${USERS.signaling}\n  sfu_user: ${USERS.sfu}\n  recorder_user: ${USERS.recorder}\n` +
      `sfu:\n  udp_port: ${ports.udp}\n  workers: 1\n`,
  );
  stack.log = "";
  for (const part of PARTS) {
    const groups = part === "sfu" ? [GROUP.sockets] : [GROUP.sockets, GROUP.records];
    const child = spawn("setpriv", [
      `--reuid=${USERS[part]}`, `--regid=${part === "recorder" ? GROUP.records : GROUP.sockets}`, `--groups=${groups}`, "--no-new-privs",
      join(stack.dir, "bin", `assize-${part}`), "--config", stack.config,
    ], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (text) => (stack.log += text));
    child.ended = new Promise((end) => child.on("exit", (code, signal) => end({ code, signal })));
    started.push(child);
  }
  await until("all three are ready", 20, async () => (await stack.get("/readyz").catch(() => null))?.status === 200).catch((error) => {
    throw new Error(`${error.message}\n${stack.log}`);
  });
  return stack;
}

test("each under its own user: they meet, a hearing is recorded, and its record is handed out", { timeout: 90_000 }, async (t) => {
  if (process.getuid() !== 0) return t.skip("only root can start programs as other users");
  const stack = await startApart();
  const hearing = await stack.hearing([{ role: "judge", name: "Judge" }, { role: "clerk", name: "Clerk" }]);
  const token = (n) => hearing.people[n].link.split("#")[1];
  const judge = await PageSocket.open(stack);
  assert.equal((await judge.ask("hello", { protocol: 1, token: token(0) })).type, "welcome");
  assert.equal((await judge.ask("join", { seats: 1 })).type, "joined");
  assert.equal((await judge.ask("setState", { state: "open" })).type, "ok");
  await judge.event("record", (event) => event.state === "on");
  assert.equal((await judge.ask("setState", { state: "closed" })).type, "ok");

  const session = await stack.get("/api/session", {
    method: "POST", headers: { "Content-Type": "application/json", Origin: stack.base, Host: `localhost:${stack.port}` },
    body: JSON.stringify({ token: token(1) }),
  });
  assert.equal(session.status, 204, session.body.toString());
  const cookie = session.headers["set-cookie"][0].split(";")[0];
  const listed = await until("the record is rendered", 60, async () => {
    const { records } = JSON.parse((await stack.get("/api/records", { headers: { Cookie: cookie } })).body);
    return records[0]?.state === "ready" && records[0];
  }, 200).catch((error) => {
    throw new Error(`${error.message}\n${stack.log}`);
  });
  for (const { file, bytes } of listed.files)
    assert.equal((await stack.get(`/records/${hearing.hearing}/${file}`, { headers: { Cookie: cookie } })).body.length, bytes, file);
  judge.vanish();

  for (const child of started) child.kill("SIGTERM");
  for (const child of started) assert.deepEqual(await child.ended, { code: 0, signal: null }, stack.log);
  assert.deepEqual((await readdir(join(stack.dir, "data"))).filter((name) => name === "core"), []);
});

test("a signaling that is not the one configured is let in by neither", { timeout: 30_000 }, async (t) => {
  if (process.getuid() !== 0) return t.skip("only root can start programs as other users");
  const stack = new Stack();
  stack.dir = await scratch();
  await chmod(stack.dir, 0o777);
  await mkdir(join(stack.dir, "run"));
  await chmod(join(stack.dir, "run"), 0o777);
  const { udp } = await freePorts();
  const config = join(stack.dir, "assize.yaml");
  await writeFile(config, `data_dir: "${stack.dir}"\nrun_dir: "${stack.dir}/run"\nsignaling:\n  user: ${USERS.signaling}\nsfu:\n  udp_port: ${udp}\n  workers: 1\n`);
  for (const part of ["sfu", "recorder"]) {
    const child = spawn(join(build, part, `assize-${part}`), ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
    started.push(child);
    let log = "";
    child.stderr.on("data", (text) => (log += text));
    const socket = join(stack.dir, `run/${part}.sock`);
    // Python's socket module connects a seqpacket, which node cannot.
    const connect = (user) =>
      run("setpriv", [
        `--reuid=${user}`, "--regid=100", "--clear-groups", "/usr/bin/python3", "-c",
        "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\ns.connect(sys.argv[1])\n" +
          "try:\n  s.send(b'junk')\n  s.recv(20000)\nexcept (ConnectionResetError, BrokenPipeError):\n  pass",
        socket,
      ]);
    await until(`${part} listens`, 10, () => run("chmod", ["666", socket]).then(() => true, () => false));
    await connect("games");
    await until(`${part} says that it refuses`, 5, () => /refused/.test(log));
    assert.doesNotMatch(log, /closing/, part);
    // Its own signaling is listened to, so that its junk is understood to be junk.
    await connect(USERS.signaling);
    await until(`${part} says that it closes`, 5, () => /closing/.test(log));
    child.kill("SIGTERM");
  }
});
