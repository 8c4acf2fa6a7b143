// SPDX-License-Identifier: Apache-2.0
// A machine too slow for its browser: all of the browser's processes run for a share of each 100 ms and
// stand for the rest. Beside busy loops a browser is let in at once by the kernel and notices little.
import { readFile, readdir } from "node:fs/promises";
import { Worker, isMainThread, workerData } from "node:worker_threads";

const PERIOD_MS = 100;

/** Slows the process and all below it until release() is called; `share` of 1. */
export async function slow(pid, share) {
  const over = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { pids: await treeOf(pid), share, over } });
  const ended = new Promise((done, fail) => worker.once("exit", done).once("error", fail));
  return {
    async release() {
      Atomics.store(over, 0, 1);
      Atomics.notify(over, 0);
      await ended;
    },
  };
}

async function treeOf(root) {
  const children = new Map();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [root];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all;
}

/** Runs in a thread of its own, so that the share holds whatever the test does. */
function alternate({ pids, share, over }) {
  const send = (signal) => {
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended.
      }
    }
  };
  while (Atomics.load(over, 0) === 0) {
    send("SIGSTOP");
    Atomics.wait(over, 0, 0, PERIOD_MS * (1 - share));
    send("SIGCONT");
    Atomics.wait(over, 0, 0, PERIOD_MS * share);
  }
}

if (!isMainThread) alternate(workerData);
