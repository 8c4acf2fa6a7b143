// SPDX-License-Identifier: Apache-2.0
// README's first command as a new user meets it: what it prints, that its links work, that Ctrl-C
// ends everything and a second start keeps all data, and its errors.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { addresses, freePorts, top, until } from "./lib/stack.mjs";

let dir, ports;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "assize-deploy-"));
  ports = await freePorts();
});
after(() => rm(dir, { recursive: true, force: true }));

/** Starts deploy/run; `shown` grows as it prints. */
function deploy(...args) {
  return spawned(["--no-setup", ...args], process.env);
}

function spawned(args, env) {
  const child = spawn(join(top, "deploy/run"), args, { stdio: ["ignore", "pipe", "pipe"], env });
  const run = { child, shown: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (run.shown += text));
  run.ended = new Promise((end) => child.on("exit", (code) => end(code)));
  return run;
}

const options = () => [
  "--data", join(dir, "data"), "--port", String(ports.tcp), "--metrics-port", String(ports.metrics),
  "--media-port", String(ports.udp), ...addresses().flatMap((a) => ["--listen", a]),
];

async function ready(run) {
  await until("deploy/run prints its demo hearing", 300, async () => {
    if (run.child.exitCode !== null) throw new Error(run.shown);
    return run.shown.includes("Ctrl-C stops it");
  });
}

const linksIn = (text) => [...text.matchAll(/https:\/\/\S+\/hearing#\S+/g)].map(([link]) => link);

/** Ports in LISTEN (TCP) or bound (UDP) by processes of this data directory. */
async function listening() {
  const inodes = new Set();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!line.includes(join(dir, "data"))) continue;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      const socket = /^socket:\[(\d+)\]$/.exec(target);
      if (socket) inodes.add(socket[1]);
    }
  }
  const found = new Set();
  for (const [file, state] of [["tcp", "0A"], ["tcp6", "0A"], ["udp", "07"], ["udp6", "07"]]) {
    for (const row of (await readFile(`/proc/net/${file}`, "utf8")).split("\n").slice(1)) {
      const columns = row.trim().split(/\s+/);
      if (columns[3] === state && inodes.has(columns[9]))
        found.add(`${file.slice(0, 3)} ${parseInt(columns[1].split(":")[1], 16)}`);
    }
  }
  return found;
}

test("it starts, prints links for five people, and listens to nothing it does not print", { timeout: 400_000 }, async () => {
  const run = deploy(...options(), "--workers", "2");
  await ready(run);
  const links = linksIn(run.shown);
  assert.equal(links.length, 5, run.shown);
  assert.match(run.shown, new RegExp(`Records lie in ${join(dir, "data/records")}`));
  assert.deepEqual(
    [...(await listening())].sort(),
    [`tcp ${ports.tcp}`, `tcp ${ports.metrics}`, `udp ${ports.udp}`, `udp ${ports.udp + 1}`].sort(),
  );
  const browser = await Browser.launch("chromium", 0);
  try {
    const page = await browser.open(links[0]);
    await page.waitForSelector('[data-testid="page-lobby"]', { timeout: 20_000 });
  } finally {
    await browser.close();
  }
  run.child.kill("SIGINT");
  assert.equal(await run.ended, 0, run.shown);
  assert.equal((await listening()).size, 0);

  const again = deploy(...options());
  await ready(again);
  assert.deepEqual(linksIn(again.shown), links, "the same hearing and the same links");
  again.child.kill("SIGTERM");
  assert.equal(await again.ended, 0, again.shown);
});

test("a taken port, a wrong option, a bad number and a directory that cannot be written are told with a remedy", { timeout: 60_000 }, async () => {
  const taken = createServer();
  await new Promise((on) => taken.listen(0, "127.0.0.1", on));
  await mkdir(join(dir, "plain"), { recursive: true });
  const media = createSocket("udp4");
  await new Promise((on) => media.bind(0, "127.0.0.1", on));
  const cases = [
    [["--port", String(taken.address().port), "--listen", "127.0.0.1", "--data", join(dir, "x")], /port \d+ of 127\.0\.0\.1 is taken[\s\S]*--port N/],
    [["--media-port", String(media.address().port), "--listen", "127.0.0.1", "--data", join(dir, "x"), "--port", String(ports.tcp), "--metrics-port", String(ports.metrics)],
      /UDP port \d+ is taken[\s\S]*--media-port N/],
    [["--workers", "many"], /--workers must be a number, not 'many'/],
    [["--prot", "1"], /unknown option '--prot'[\s\S]*--help/],
    [["--port", "http"], /--port must be a number, not 'http'/],
    [["--port", "70000"], /from 1 to 65535/],
    [["--port"], /--port needs a value/],
    [["--data", "/proc/nowhere"], /\/proc\/nowhere cannot be written[\s\S]*--data DIR/],
  ];
  for (const [args, expected] of cases) {
    const run = deploy(...args);
    assert.notEqual(await run.ended, 0);
    assert.match(run.shown, expected);
  }
  taken.close();
  media.close();
});

test("each step is told; packages that cannot be installed are told with what apt said and a remedy", { timeout: 60_000 }, async (t) => {
  if (process.getuid() !== 0) return t.skip("only root installs without being asked");
  const bin = join(dir, "bin");
  await mkdir(bin);
  // Debian's own programs as on a machine where nothing is installed and nothing can be had.
  await writeFile(join(bin, "dpkg-query"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await writeFile(join(bin, "apt-get"), '#!/bin/sh\n[ "$1" = update ] && exit 0\necho "E: Unable to locate package meson"\nexit 100\n', { mode: 0o755 });
  const run = spawned(["--data", join(dir, "y"), "--listen", "127.0.0.1", ...options().slice(2, 8)], { ...process.env, PATH: `${bin}:${process.env.PATH}` });
  assert.equal(await run.ended, 1, run.shown);
  assert.match(run.shown, /^missing: gcc meson .*ninja-build/m);
  assert.match(run.shown, /^reading Debian's package lists \.\.\. done \(\d+ s\)$/m);
  assert.match(run.shown, /^installing \d+ packages from Debian .* \.\.\. failed\n/m);
  assert.match(run.shown, /E: Unable to locate package meson/);
  assert.match(run.shown, /error: Debian packages could not be installed\n {2}what to do: see the lines above/);
});

test("--help lists every option the script takes", async () => {
  const run = deploy("--help");
  assert.equal(await run.ended, 0);
  const script = await readFile(join(top, "deploy/run"), "utf8");
  const taken = new Set(script.match(/^ {4}(--[a-z-]+)[ |)]/gm).map((option) => option.trim().replace(/[ |)]/g, "")));
  for (const option of taken) assert.ok(run.shown.includes(option), option);
});
