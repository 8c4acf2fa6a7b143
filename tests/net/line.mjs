// SPDX-License-Identifier: Apache-2.0
// Pages' lines to the server. This process runs in the server's own network namespace (see run);
// each line is a namespace that routes between it and the namespace of one page:
//
//   page-N (eth) --veth-- (page) line-N (srv) --veth-- (to-N) the server's, 10.50.0.1 on its lo
//
// In the line: loss, cuts and blocked protocols by nftables on what comes in, then delay, jitter,
// order, copies and bursts of loss by net-relay between two TUN devices, then the rate by tbf on the
// way out. "up" is towards the server.
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { join } from "node:path";
import { build } from "../system/lib/stack.mjs";

export const SERVER = "10.50.0.1";
export const SERVER6 = "fd50::1";

/** Bytes tbf lets pass at once: a full packet, and no less than 5 ms of the rate. */
const burstOf = (bps) => Math.max(1600, Math.round((bps * 0.005) / 8));
/** What waits longer than this before the rate is lost, as in a modem with a small buffer. */
const QUEUE_MS = 300;

/** Runs a program, in a namespace unless it is null; gives what it said. */
export function command(ns, program, args, input = "") {
  return new Promise((done, failed) => {
    const words = ns ? ["nsenter", `--net=/run/netns/${ns}`, program, ...args] : [program, ...args];
    const child = execFile(words[0], words.slice(1), (error, out, said) =>
      error ? failed(new Error(`${words.join(" ")}: ${said || error.message}\n${input}`)) : done(out));
    child.stdin.on("error", () => {}); // it may end without having read anything
    child.stdin.end(input);
  });
}

const ip = (ns, lines) => command(ns, "ip", ["-batch", "-"], lines.join("\n"));

/** The server's address, where all lines end. Once. */
export async function openServer() {
  await forward(null);
  await ip(null, ["link set lo up", `addr add ${SERVER}/32 dev lo`, `addr add ${SERVER6}/128 dev lo nodad`]);
}

/** Routes for others, whatever address they come from. */
const forward = (ns) =>
  command(ns, "sh", ["-c", `for all in conf/all/rp_filter conf/default/rp_filter; do echo 0 > /proc/sys/net/ipv4/$all; done
    echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding`]);

/** Addresses of links that are made from now on are good at once: one that is only after a second or two is another
 * network to Chromium, which breaks off the page it is loading (ERR_NETWORK_CHANGED). */
const settled = (ns) =>
  command(ns, "sh", ["-c", "for all in all default; do echo 0 > /proc/sys/net/ipv6/conf/$all/accept_dad; done"]);

export class Line {
  static async open(number) {
    const line = new Line();
    Object.assign(line, { number, page: `page-${number}`, line: `line-${number}`, address: 2, is: {} });
    const at = (net, host) => `10.${net}.${number}.${host}`;
    const at6 = (net, host) => `fd${net}:${number}::${host}`;
    await ip(null, [`netns add ${line.page}`, `netns add ${line.line}`]);
    for (const ns of [line.page, line.line]) await settled(ns);
    await ip(null, [
      `link add to-${number} type veth peer name srv netns ${line.line}`,
      `addr add ${at(61, 1)}/24 dev to-${number}`,
      `addr add ${at6(61, 1)}/64 dev to-${number} nodad`,
      // One packet at a time: what the server or a page hands over as one large piece would be lost
      // as one, and its parts would leave at once.
      `link set to-${number} gso_max_segs 1 up`,
    ]);
    await forward(line.line);
    await ip(line.line, [
      "link set lo up",
      `link add page type veth peer name eth netns ${line.page}`,
      `addr add ${at(61, 2)}/24 dev srv`,
      `addr add ${at(60, 1)}/24 dev page`,
      `addr add ${at6(61, 2)}/64 dev srv nodad`,
      `addr add ${at6(60, 1)}/64 dev page nodad`,
      "link set srv gso_max_segs 1 up",
      "link set page gso_max_segs 1 up",
      `route add default via ${at(61, 1)}`,
      `route add default via ${at6(61, 1)}`,
    ]);
    await ip(line.page, ["link set lo up", "link set eth gso_max_segs 1 up"]);
    await line.#home();
    await ip(null, [`route add ${at(60, 0)}/24 via ${at(61, 2)}`, `route add ${at6(60, "")}/64 via ${at6(61, 2)}`]);
    await line.#relay();
    await line.set();
    return line;
  }

  /** The page's own address now. */
  get own() {
    return `10.60.${this.number}.${this.address}`;
  }

  /** The page's address and its way out; a new one where it had another. */
  async #home() {
    const own6 = `fd60:${this.number}::${this.address}`;
    await ip(this.page, [
      "addr flush dev eth scope global",
      `addr add ${this.own}/24 dev eth`,
      `addr add ${own6}/64 dev eth nodad`,
      `route add default via 10.60.${this.number}.1`,
      `route replace default via fd60:${this.number}::1`,
    ]);
  }

  async #relay() {
    const program = join(build, "tests/net/net-relay");
    this.relay = spawn("nsenter", [`--net=/run/netns/${this.line}`, program, "up", "down"], { stdio: ["pipe", "pipe", "inherit"] });
    this.answers = createInterface({ input: this.relay.stdout });
    await once(this.answers, "line");
    const devices = ["up", "down"].flatMap((name, i) => [
      `link set dev ${name} txqueuelen 4000 up`,
      `route add default dev ${name} table ${101 + i}`,
      `route add ::/0 dev ${name} table ${101 + i}`,
    ]);
    await ip(this.line, devices);
  }

  /** One order to the relay; its counts: {up: {passed, dropped, over}, down}. */
  async tell(order = "") {
    const answer = once(this.answers, "line");
    this.relay.stdin.write(`${order}\n`);
    const words = (await answer)[0].split(" ");
    const side = (at) => Object.fromEntries([1, 3, 5].map((i) => [words[at + i], Number(words[at + i + 1])]));
    return { up: side(0), down: side(7) };
  }

  /** Makes the line so, all at once as far as it can be: {up, down: {loss (of 1), bps, delay, jitter
   * (ms), hold: [share, ms], twice (share), burst: [every ms, ms]}, cut, block: "udp" or "all but
   * TCP 443", only: 6}. What is not said is as on a perfect line, of IPv4. */
  async set(is = {}) {
    this.is = is;
    const sides = [["up", "page", "srv"], ["down", "srv", "page"]];
    for (const [name] of sides) await this.tell(relayed(name, is[name] ?? {}));
    const rules = sides.filter(([name]) => is[name]?.loss).map(([name, from]) =>
      `iifname "${from}" numgen random mod 1000 < ${Math.min(999, permille(is[name].loss))} counter drop`);
    await command(this.line, "nft", ["-f", "-"], `flush ruleset
table inet line {
  chain forward {
    type filter hook forward priority 0;
    ${[...blocks(is), ...rules].join("\n    ")}
  }
}
`);
    await this.#through(sides.filter(([name]) => needsRelay(is[name] ?? {})).map(([name]) => name));
    for (const [name, , out] of sides) await this.#rate(out, is[name]?.bps);
  }

  /** As it is, and nothing passes, or everything again. */
  cut(cut = true) {
    return this.set({ ...this.is, cut });
  }

  /** The page wakes up somewhere else. */
  async move() {
    this.address++;
    await this.#home();
  }

  async #through(names) {
    const key = names.join();
    if (this.through === key) return;
    for (const family of ["-4", "-6"])
      await command(this.line, "sh", ["-c", [
        `ip ${family} rule flush`,
        `ip ${family} rule add pref 0 lookup local 2>/dev/null`,
        `ip ${family} rule add pref 32766 lookup main`,
        ...names.map((name) => `ip ${family} rule add pref 100 iif ${name === "up" ? "page" : "srv"} lookup ${name === "up" ? 101 : 102}`),
      ].join("; ")]);
    this.through = key;
  }

  async #rate(device, bps) {
    if (bps)
      await command(this.line, "tc", ["qdisc", "replace", "dev", device, "root", "tbf", "rate", `${Math.round(bps)}bit`,
        "burst", String(burstOf(bps)), "latency", `${QUEUE_MS}ms`]);
    else await command(this.line, "sh", ["-c", `tc qdisc del dev ${device} root 2>/dev/null || true`]);
  }

  async close() {
    this.relay.stdin.end();
    await once(this.relay, "exit");
    await ip(null, [`link del to-${this.number}`, `netns del ${this.page}`, `netns del ${this.line}`]);
  }
}

const us = (ms = 0) => Math.round(ms * 1000);
const permille = (share = 0) => Math.round(share * 1000);
const needsRelay = (side) => ["delay", "jitter", "hold", "twice", "burst"].some((name) => side[name]);

function relayed(name, { delay, jitter, hold = [0, 0], twice, burst = [0, 0] }) {
  return `${name} delay=${us(delay)} jitter=${us(jitter)} hold=${permille(hold[0])},${us(hold[1])} ` +
    `twice=${permille(twice)} burst=${us(burst[0])},${us(burst[1])}`;
}

function blocks({ cut, block, only }) {
  const words = [];
  if (cut) words.push("drop");
  words.push(`meta nfproto ${only === 6 ? "ipv4" : "ipv6"} drop`);
  if (block === "udp") words.push("meta l4proto udp drop");
  if (block === "all but TCP 443") words.push("tcp dport 443 accept", "tcp sport 443 accept", "drop");
  return words;
}
