// SPDX-License-Identifier: Apache-2.0
// Whether a line does what it is told, by plain datagrams of known number and time: a figure of the
// matrix means what it says only then.
import { join } from "node:path";
import { build } from "../system/lib/stack.mjs";
import { Line, SERVER, command, openServer } from "./line.mjs";

const PER_SECOND = 800;
const LEN = 1000;
const PACKETS = 400;

const near = (value, wanted, off) => Math.abs(value - wanted) <= off;
const lost = ({ sent, received }) => (sent - received) / sent;

/** What is set on the tested way, and what must be seen there: [least, median, 95 %, most] of ms. The
 * machine may be busy: a delay may be late by 5 ms at the 95 %, at its median by 1. */
const CHECKS = [
  { name: "nothing", is: {}, ok: (p) => p.received === p.sent && p.doubled + p.overtaken === 0 && p.delayMs[1] < 1 },
  // 8 % are more than five standard deviations of what is lost by chance.
  { name: "loss 10 %", is: { loss: 0.1 }, ok: (p) => near(lost(p), 0.1, 0.08) && p.doubled + p.overtaken === 0 },
  { name: "1 Mbit/s", is: { bps: 1e6 }, ok: (p) => near(p.bps, 0.98e6, 0.05e6) && near(p.delayMs[3], 300, 30) },
  { name: "delay 50 ms", is: { delay: 50 }, ok: (p) => p.received === p.sent && near(p.delayMs[1], 50.5, 1) && p.delayMs[0] >= 50 && p.delayMs[2] < 56 },
  { name: "jitter 50 ms", is: { delay: 10, jitter: 50 }, ok: (p) => p.received === p.sent && p.overtaken === 0 && p.delayMs[0] >= 10 && near(p.delayMs[3], 60, 6) },
  { name: "5 % 20 ms late", is: { hold: [0.05, 20] }, ok: (p) => p.received === p.sent && near(p.overtaken / p.sent, 0.05, 0.05) && p.overtaken > 0 && near(p.delayMs[3], 20.5, 6) },
  { name: "10 % twice", is: { twice: 0.1 }, ok: (p) => p.received === p.sent && near(p.doubled / p.sent, 0.1, 0.08) },
  { name: "bursts of 100 ms", is: { burst: [250, 100] }, ok: (p) => near(lost(p), 0.4, 0.03) && near(p.longestGapMs, 101, 8) },
];

async function probe(line, way) {
  const [page, server] = [[`/run/netns/${line.page}`, line.own], [`/proc/${process.pid}/ns/net`, SERVER]];
  const [from, to] = way === "up" ? [page, server] : [server, page];
  return JSON.parse(await command(null, join(build, "tests/net/net-probe"), [...from, ...to, PER_SECOND, LEN, PACKETS].map(String)));
}

/** Prints each, both ways, and that the other way is left alone; gives [{name, way, ok, ...}]. */
export async function checkLines() {
  await openServer();
  const line = await Line.open(1);
  const results = [];
  const note = (name, way, ok, seen) => {
    results.push({ name, way, ok, ...seen });
    console.log(`${ok ? "ok    " : "FAILED"} ${name} ${way}: ${JSON.stringify(seen)}`);
  };
  for (const [i, { name, is, ok }] of CHECKS.entries())
    for (const way of i === 0 || is.loss || is.delay ? ["up", "down"] : [i % 2 ? "up" : "down"]) {
      await line.set({ [way]: is });
      const seen = await probe(line, way);
      note(name, way, ok(seen), seen);
    }
  await line.set({ up: { loss: 0.999, delay: 50 } });
  const other = await probe(line, "down");
  note("nearly all lost the other way", "down", CHECKS[0].ok(other), other);
  await line.cut();
  const cut = await probe(line, "down");
  note("cut", "down", cut.received === 0, cut);
  await line.cut(false);
  await line.set({ block: "udp" });
  const blocked = await probe(line, "up");
  note("UDP blocked", "up", blocked.received === 0, blocked);
  await line.set();
  await line.move();
  const moved = await probe(line, "down");
  note("another address", "down", CHECKS[0].ok(moved), moved);
  const counts = await line.tell();
  note("held too much", "", counts.up.over + counts.down.over === 0, counts);
  await line.close();
  return results;
}
