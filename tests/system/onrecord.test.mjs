// SPDX-License-Identifier: Apache-2.0
// "On record" is said only when everything on the way to the disk has said yes: also the media core,
// which here has no memory left to take the tape's ring.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { PageSocket } from "./lib/socket.mjs";
import { Stack, until } from "./lib/stack.mjs";

const run = promisify(execFile);
let stack, hearing, judge;

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing([{ role: "judge", name: "Judge" }]);
  judge = await PageSocket.open(stack);
  await judge.ask("hello", { protocol: 1, token: hearing.people[0].link.split("#")[1] });
  assert.equal((await judge.ask("join", { seats: 2 })).type, "joined");
}, { timeout: 60_000 });

after(async () => {
  judge?.vanish();
  await stack?.stop();
});

test("a media core that cannot record: lost is said, never on; and on once it can", { timeout: 40_000 }, async () => {
  const [pid] = await stack.pids("assize-sfu");
  const [, kib] = /^VmSize:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"));
  // Room for anything but the ring's 32 MiB.
  await run("prlimit", ["--pid", String(pid), `--as=${(Number(kib) + 16 * 1024) * 1024}:unlimited`]);
  assert.equal((await judge.ask("setState", { state: "open" })).type, "ok");
  const first = await judge.event("record", () => true, 8);
  assert.equal(first.state, "lost", stack.log);
  await until("the log says why", 5, () => /the media core does not record, trying on: Cannot allocate memory/.test(stack.log));
  await run("prlimit", ["--pid", String(pid), "--as=unlimited:unlimited"]);
  await judge.event("record", (event) => event.state === "on", 8);
  const events = (await stack.journal(hearing.hearing)).map((line) => line.event).filter((event) => event.startsWith("record."));
  assert.deepEqual(events, ["record.lost", "record.on"]);
});
