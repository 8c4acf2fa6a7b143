// SPDX-License-Identifier: Apache-2.0
// The units of deploy/systemd under a real systemd: this machine's own Debian, booted in a container
// whose changes are thrown away, with Assize installed as docs/operations.md says. A hearing in two
// browsers is recorded while each of the three is killed and started again by systemd.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { addresses, build, freePorts, top, until } from "./lib/stack.mjs";
import { TurnClient, credential, settings } from "./lib/turn.mjs";

const run = promisify(execFile);
const PARTS = ["sfu", "recorder", "signaling"];
const PROGRAMS = { sfu: ["assize-sfu"], signaling: ["assize-signaling", "assize-admin"], recorder: ["assize-recorder", "assize-renderer", "assize-verify"] };

/** A machine of its own for systemd: this one's root directory with what the operator installs. */
class Machine {
  async boot() {
    this.dir = await mkdtemp(join(tmpdir(), "assize-systemd-"));
    this.ports = await freePorts();
    await this.lay();
    this.log = "";
    // Not "/" itself, which systemd-nspawn refuses, but the same by another name that nobody else sees.
    await mkdir(join(this.dir, "root"));
    this.process = spawn("unshare", [
      "--mount", "sh", "-c", 'mount --bind / "$0" && exec systemd-nspawn --directory="$0" "$@"', join(this.dir, "root"),
      "--quiet", "--register=no", "--keep-unit", "--volatile=overlay", "--machine=assize-test", "--console=pipe",
      ...this.binds.map(([from, to]) => `--bind-ro=${from}:${to}`),
      "--boot", "systemd.unit=assize-test.target",
    ], { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((end) => this.process.on("exit", end));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (text) => (this.log += text));
    await until("systemd has started the three", 60, async () => {
      if (this.process.exitCode !== null) throw new Error(`the container ended:\n${this.log}`);
      // Each time anew: the first child only makes the container, and its own child is systemd.
      this.leader = await this.findLeader();
      return this.leader && (await this.exec("systemctl", "is-active", ...PARTS.map((part) => `assize-${part}`)).catch(() => null));
    }, 250).catch(async (error) => {
      throw new Error(`${error.message}\n${this.log}\n${await this.journal().catch(() => "")}`);
    });
  }

  /** What "To install it" of docs/operations.md puts where, as [here, there]. */
  async lay() {
    const units = join(this.dir, "units");
    const etc = join(this.dir, "etc");
    await mkdir(units);
    await mkdir(etc);
    for (const part of PARTS) await cp(join(top, `deploy/systemd/assize-${part}.service`), join(units, `assize-${part}.service`));
    await writeFile(join(units, "assize-users.service"),
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=systemd-sysusers\nExecStart=systemd-tmpfiles --create assize.conf\n");
    const services = PARTS.map((part) => `assize-${part}.service`).join(" ");
    await writeFile(join(units, "assize-test.target"), `[Unit]\nRequires=basic.target assize-users.service\nWants=${services}\nAfter=basic.target assize-users.service\n`);
    for (const part of PARTS) {
      await mkdir(join(units, `assize-${part}.service.d`));
      await writeFile(join(units, `assize-${part}.service.d/users.conf`), "[Unit]\nAfter=assize-users.service\n");
    }
    const example = await readFile(join(top, "deploy/assize.yaml"), "utf8");
    const { tcp, metrics, udp } = this.ports;
    await writeFile(join(etc, "assize.yaml"), example.replace("port: 8443", `port: ${tcp}`).replace(":9464", `:${metrics}`).replace("udp_port: 40000", `udp_port: ${udp}`));
    await run("bash", [
      "-c", 'top=$1; . "$top/deploy/lib/setup.sh"; . "$top/deploy/lib/certificate.sh"; certificate_ensure "$2" localhost', "bash", top, join(this.dir, "tls"),
    ]);
    for (const file of ["server.pem", "server.key"]) await cp(join(this.dir, "tls", file), join(etc, file));
    await this.layTurn(units, etc);
    this.binds = [
      [units, "/etc/systemd/system"],
      [etc, "/etc/assize"],
      [join(top, "deploy/systemd/assize.sysusers"), "/usr/lib/sysusers.d/assize.conf"],
      [join(top, "deploy/systemd/assize.tmpfiles"), "/usr/lib/tmpfiles.d/assize.conf"],
      [join(top, "web-client/dist"), "/usr/share/assize/web"],
      [join(top, "deploy/turn"), "/usr/lib/assize"],
      ...Object.entries(PROGRAMS).flatMap(([part, names]) => names.map((name) => [join(build, part, name), `/usr/bin/${name}`])),
    ];
  }

  /** The same of "TURN with coturn" in docs/firewall.md. */
  async layTurn(units, etc) {
    const own = addresses().at(-1);
    this.turn = { at: own, name: "localhost", port: (await freePorts()).tcp, ca: await readFile(join(this.dir, "tls/ca.pem")) };
    await mkdir(join(etc, "turn"));
    await writeFile(join(etc, "turn/turnserver.conf"), await settings({
      "listening-ip": [own], "relay-ip": [own], "allowed-peer-ip": [own],
      "tls-listening-port": [this.turn.port], "listening-port": [(await freePorts()).tcp],
    }));
    await cp(join(this.dir, "tls/server.pem"), join(etc, "turn/cert.pem"));
    await cp(join(this.dir, "tls/server.key"), join(etc, "turn/key.pem"));
    await cp(join(top, "deploy/systemd/assize-turn.service"), join(units, "assize-turn.service"));
  }

  /** systemd itself: the one child of systemd-nspawn. */
  async findLeader() {
    const { pid } = this.process;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    return children.trim().split(" ")[0] || null;
  }

  async exec(...command) {
    return (await run("nsenter", ["-t", this.leader, "-m", "-u", "-i", "-p", "-r", "-w", ...command])).stdout;
  }

  journal() {
    return this.exec("journalctl", "--no-pager", "-o", "cat", "-u", "assize-*");
  }

  async off() {
    if (this.process?.exitCode === null) this.process.kill("SIGTERM");
    const end = await Promise.race([Promise.resolve(this.ended).then(() => true), new Promise((late) => setTimeout(late, 30000, null))]);
    if (!end) this.process.kill("SIGKILL");
    await rm(this.dir, { recursive: true, force: true });
  }
}

let machine, hearing, unable;
const browsers = [];
const people = [];

before(async () => {
  const mayMount = await run("unshare", ["--mount", "true"]).then(() => true, () => false);
  if (!mayMount) return (unable = "only who may mount can boot a container");
  machine = new Machine();
  await machine.boot();
}, { timeout: 90_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await machine?.off();
});

test("systemd starts the three, and they find each other", { timeout: 30_000 }, async (t) => {
  if (unable) return t.skip(unable);
  const url = `https://127.0.0.1:${machine.ports.tcp}/readyz`;
  await until("it is ready", 15, async () => (await run("curl", ["-sk", url]).catch(() => ({}))).stdout?.trim() === "ready");
  hearing = JSON.parse(await machine.exec(
    "assize-admin", "--config", "/etc/assize/assize.yaml", "hearing", "create", "--json",
    "--case", "1", "--title", "A v. B", "--court", "Test court", "--judge", "Judge", "--party", "Party",
  ));
});

test("systemd starts the TURN server with the secret of signaling's, as nobody in particular", { timeout: 30_000 }, async (t) => {
  if (unable) return t.skip(unable);
  const file = "/var/lib/assize/turn.secret";
  await machine.exec("bash", "-c", `install -m 600 -o assize-signaling <(openssl rand -hex 32) ${file}`);
  await machine.exec("systemctl", "start", "assize-turn");
  const secret = (await machine.exec("cat", file)).trim();
  const client = await until("it listens", 10, () => TurnClient.connect(machine.turn).catch(() => null));
  assert.equal(await client.allocate(credential(secret, Date.now() / 1000 + 60, "0123456789abcdef")), 0);
  assert.equal(await client.permit(machine.turn.at), 0);
  assert.equal(await client.permit("169.254.169.254"), 403);
  client.close();
  const id = (await machine.exec("systemctl", "show", "--value", "-p", "MainPID", "assize-turn")).trim();
  const status = await machine.exec("cat", `/proc/${id}/status`);
  assert.doesNotMatch(status, /^Uid:\t0\t/m);
  assert.match(status, /^CapEff:\t0000000000000400$/m); // ports below 1024, and nothing else
  assert.ok(!(await machine.exec("cat", `/proc/${id}/cmdline`, `/proc/${id}/environ`)).includes(secret));
  assert.ok(!(await machine.journal()).includes(secret));
  await machine.exec("systemctl", "stop", "assize-turn");
});

test("a hearing goes on record", { timeout: 60_000 }, async (t) => {
  if (unable) return t.skip(unable);
  for (const n of [0, 1]) {
    browsers.push(await Browser.launch("chromium", n));
    people.push(await Person.arrive(browsers[n], hearing.people[n]));
    await people[n].join();
  }
  await people[0].admit(people[1]);
  await people[1].sees("page-courtroom");
  await people[0].press("open-hearing");
  await people[0].waitState("record", "on", 5);
});

for (const part of PARTS)
  test(`kill -9 of ${part}: systemd starts it again, and the hearing is on record again`, { timeout: 30_000 }, async (t) => {
    if (unable) return t.skip(unable);
    const id = async () => (await machine.exec("systemctl", "show", "--value", "-p", "MainPID", `assize-${part}`)).trim();
    const old = await id();
    await machine.exec("systemctl", "kill", "-s", "KILL", `assize-${part}`);
    await until("another runs", 10, async () => !["0", old].includes(await id()));
    const faults = () => machine.exec("grep", "-c", `"event":"fault","process":"${part}"`, `/var/lib/assize/journals/${hearing.hearing}.journal`).catch(() => "0");
    await until("the journal names it", 10, async () => Number(await faults()) === 1);
    await people[0].waitState("record", "on", 10);
    await people[1].waitState("record", "on", 10);
  });

test("closed, the record is rendered and verifies", { timeout: 120_000 }, async (t) => {
  if (unable) return t.skip(unable);
  await people[0].press("close-hearing");
  await people[0].press("close-question-yes");
  await people[0].waitState("record-progress", "ready", 90);
  const record = `/var/lib/assize/records/${hearing.hearing}`;
  assert.match(await machine.exec("assize-verify", record), /^OK/m);
  const files = (await machine.exec("ls", record)).split("\n");
  assert.ok(files.includes("hearing.mp4"), files.join(" "));
  assert.equal(files.filter((name) => name.endsWith(".webm")).length, 2, files.join(" "));
});
