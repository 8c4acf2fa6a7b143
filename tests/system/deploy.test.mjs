// SPDX-License-Identifier: Apache-2.0
// README's two commands as a new user meets them: what deploy/run prints, that its links work, that
// Ctrl-C ends everything and a second start keeps all data, that an ordinary user can run it, its
// errors; and that tests/run says what passed.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Browser } from "./lib/browser.mjs";
import { addresses, freePorts, top, until } from "./lib/stack.mjs";

const execute = promisify(execFile);
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

const spawned = (args, env) => watched(join(top, "deploy/run"), args, env);

function watched(command, args, env, cwd = top) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env, cwd });
  const run = { child, shown: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (run.shown += text));
  run.ended = new Promise((end) => child.on("exit", (code) => end(code)));
  return run;
}

const options = () => ["--data", join(dir, "data"), ...portOptions()];

const portOptions = () => [
  "--port", String(ports.tcp), "--metrics-port", String(ports.metrics),
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

/** A person who follows the link finds the join page. */
async function opensLobby(link) {
  const browser = await Browser.launch("chromium", 0);
  try {
    const page = await browser.open(link);
    await page.waitForSelector('[data-testid="page-lobby"]', { timeout: 20_000 });
  } finally {
    await browser.close();
  }
}

test("it starts, prints links for five people, and listens to nothing it does not print", { timeout: 400_000 }, async () => {
  const run = deploy(...options(), "--workers", "2");
  await ready(run);
  const links = linksIn(run.shown);
  assert.equal(links.length, 5, run.shown);
  assert.match(run.shown, new RegExp(`Records lie in ${join(dir, "data/records")}`));
  assert.deepEqual(
    [...(await listening())].sort(),
    [`tcp ${ports.tcp}`, `tcp ${ports.metrics}`, ...[0, 1].flatMap((i) => [`udp ${ports.udp + i}`, `tcp ${ports.udp + i}`])].sort(),
  );
  await opensLobby(links[0]);
  run.child.kill("SIGINT");
  assert.equal(await run.ended, 0, run.shown);
  assert.equal((await listening()).size, 0);

  const again = deploy(...options());
  await ready(again);
  assert.deepEqual(linksIn(again.shown), links, "the same hearing and the same links");
  again.child.kill("SIGTERM");
  assert.equal(await again.ended, 0, again.shown);
});

const bash = async (script, env = {}) =>
  (await execute("bash", ["-euc", script], { cwd: top, env: { ...process.env, ...env } })).stdout;

test("links name an address that others reach, IPv6 in brackets", async () => {
  for (const [listened, own, expected] of [
    ["127.0.0.1", "192.0.2.2", "https://localhost:8443"],
    ["::1", "192.0.2.2", "https://localhost:8443"],
    ["0.0.0.0", "fd00::2 192.0.2.2 192.0.2.3", "https://192.0.2.2:8443"],
    ["0.0.0.0", "fd00::2", "https://localhost:8443"],
    ["::", "192.0.2.2 fd00::2", "https://[fd00::2]:8443"],
    ["fd00::2", "192.0.2.2", "https://[fd00::2]:8443"],
    ["192.0.2.2", "192.0.2.3", "https://192.0.2.2:8443"],
    ["court.example", "192.0.2.3", "https://court.example:8443"],
  ])
    assert.equal(await bash(`. deploy/lib/address.sh; url_of "$(link_host ${listened} ${own})" 8443`), expected);
});

test("on all addresses, and on IPv6, it becomes ready and its links are reached", { timeout: 400_000 }, async () => {
  for (const [address, host] of [["0.0.0.0", /^\d+\.\d+\.\d+\.[1-9]\d*$|^localhost$/], ["::1", /^localhost$/], ["::", /^\[[0-9a-f:]+\]$|^localhost$/]]) {
    const run = deploy("--data", join(dir, "wild"), ...portOptions().slice(0, 6), "--listen", address);
    await ready(run);
    const { hostname, origin } = new URL(linksIn(run.shown)[0]);
    assert.match(hostname, host);
    await execute("curl", ["-fsS", "--noproxy", "*", "--cacert", join(dir, "wild/tls/ca.pem"), `${origin}/readyz`]);
    const { stdout } = await execute(join(top, "build/release/signaling/assize-admin"), ["--config", join(dir, "wild/assize.yaml"), "demo"]);
    assert.equal(new URL(linksIn(stdout)[0]).origin, origin, "the same of the configuration alone");
    run.child.kill("SIGTERM");
    assert.equal(await run.ended, 0, run.shown);
  }
});

test("what a step says goes to a file that nobody can have put there before", async () => {
  const shown = await bash('. deploy/lib/setup.sh; printf "%s %s " $$ "$quiet_log"; stat -c %a "$quiet_log"', { TMPDIR: dir, top });
  const [pid, path, mode] = shown.trim().split(" ");
  assert.equal(mode, "600");
  assert.ok(path.startsWith(dir) && !path.includes(`-${pid}.`), path);
  await assert.rejects(stat(path), "it is removed at the end");
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

/** The commands in README's block under "Two commands", without what is said beside them. */
async function readmeCommands() {
  const section = /## Two commands\n([\s\S]*?)\n## /.exec(await readFile(join(top, "README.md"), "utf8"))[1];
  return [...section.matchAll(/^ {4}(.*?) *(?:#.*)?$/gm)].map(([, command]) => command);
}

test("README names two commands; both are there to be run and say what they can do", { timeout: 60_000 }, async () => {
  const commands = await readmeCommands();
  assert.deepEqual(commands, ["deploy/run", "tests/run"]);
  for (const command of commands) {
    const run = watched(join(top, command), ["--help"], process.env);
    assert.equal(await run.ended, 0, run.shown);
    assert.match(run.shown, new RegExp(`^${command}`, "m"));
  }
});

/** A copy of this checkout, with what gcc built of it, that `owner` may write to; the page and its
 * packages are not in it: these lie in `packages`, where npm() takes them from. */
async function checkoutOf(owner, tree, packages) {
  await mkdir(join(tree, "build"), { recursive: true });
  const left = new Set([".git", "build", "data"]);
  const parts = (await readdir(top)).filter((name) => !left.has(name));
  await execute("cp", ["-a", ...parts.map((name) => join(top, name)), tree]);
  await execute("cp", ["-a", join(top, "build/release"), join(tree, "build")]);
  await execute("mv", [join(tree, "web-client/node_modules"), packages]);
  await rm(join(tree, "web-client/dist"), { recursive: true });
  await rm(join(packages, ".assize-stamp"));
  if (owner) await execute("chown", ["-R", owner, tree]);
}

/** Programs before Debian's own on PATH: what asks for root's rights says so in `asked` and fails;
 * npm, asked to install, says so and takes the packages from beside, so no network is needed. */
async function shims(bin, asked, packages) {
  const npm = (await execute("which", ["npm"])).stdout.trim();
  await mkdir(bin);
  for (const name of ["sudo", "apt-get", "su", "pkexec"])
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} $*" >>${asked}\nexit 1\n`, { mode: 0o755 });
  await writeFile(
    join(bin, "npm"),
    `#!/bin/sh\n[ "$3" = ci ] || exec ${npm} "$@"\necho "npm $*" >>${asked}\n[ -z "$NPM_BROKEN" ] || { echo "npm error network"; exit 1; }\n` +
      `rm -rf "$2/node_modules" && cp -a ${packages} "$2/node_modules"\n`,
    { mode: 0o755 },
  );
}

test("an ordinary user without sudo runs it: nothing of Debian's is missing, the page's packages are installed once", { timeout: 400_000 }, async () => {
  const place = await mkdtemp(join(tmpdir(), "assize-user-"));
  const [tree, packages, bin, asked] = ["checkout", "packages", "bin", "asked"].map((name) => join(place, name));
  const root = process.getuid() === 0;
  const uid = root ? Number((await execute("id", ["-u", "nobody"])).stdout) : process.getuid();
  try {
    await chmod(place, 0o755);
    await checkoutOf(root ? "nobody:nogroup" : null, tree, packages);
    await shims(bin, asked, packages);
    await writeFile(asked, "", { mode: 0o666 });
    await chmod(asked, 0o666); // whatever our umask
    const user = ["--no-new-privs", ...(root ? ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [])];
    const [command] = await readmeCommands();
    const env = { ...process.env, HOME: tree, PATH: `${bin}:${process.env.PATH}` };
    const start = (more = {}) => watched("setpriv", [...user, join(tree, command), ...portOptions()], { ...env, ...more }, tree);

    const broken = start({ NPM_BROKEN: "yes" });
    assert.equal(await broken.ended, 1, broken.shown);
    assert.match(broken.shown, /npm error network\nerror: the page's packages could not be installed\n {2}what to do: check the network/);

    let links;
    for (const first of [true, false]) {
      const run = start();
      await ready(run);
      assert.doesNotMatch(run.shown, /^missing:/m);
      assert.equal(/installing the page's packages from npm \.\.\. done/.test(run.shown), first, run.shown);
      assert.equal(/building the page \.\.\. done/.test(run.shown), first, run.shown);
      links ??= linksIn(run.shown);
      assert.deepEqual(linksIn(run.shown), links);
      if (first) await opensLobby(links[0]);
      run.child.kill("SIGINT");
      assert.equal(await run.ended, 0, run.shown);
    }
    const data = await stat(join(tree, "data/assize.db"));
    assert.equal(data.uid, uid);
    const ci = `npm --prefix ${join(tree, "web-client")} ci --no-audit --no-fund`;
    assert.deepEqual((await readFile(asked, "utf8")).trim().split("\n"), [ci, ci], "one that failed, one that did not, and no wish for root");
  } finally {
    await rm(place, { recursive: true, force: true });
  }
});

test("tests/run NAME runs that test, counts it, and fails for a name that is none", { timeout: 600_000 }, async () => {
  const [, command] = await readmeCommands();
  const one = watched(join(top, command), ["style-spdx"], process.env);
  assert.equal(await one.ended, 0, one.shown);
  assert.match(one.shown, /\n1 passed, 0 failed\n$/);
  const none = watched(join(top, command), ["no-such-test"], process.env);
  assert.equal(await none.ended, 1, none.shown);
  assert.match(none.shown, /error: there is no test 'no-such-test'\n {2}what to do: tests\/run --list names them/);
});
