// SPDX-License-Identifier: Apache-2.0
// A media worker allocates nothing, takes no lock and logs nothing for a packet: the release build,
// as sanitizers' allocators are not to be counted.
// build: release
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { build } from "./lib/stack.mjs";

test("of 20,000 packets none costs an allocation, a lock or a line of the log", async () => {
  const at = (name) => join(build, name);
  const args = [at("tests/bench/libcalls.so"), at("sfu/assize-sfu")];
  const end = await promisify(execFile)(at("tests/bench/test-calls"), args).catch((error) => error);
  console.log(end.stdout);
  assert.ok(!(end instanceof Error), end.stderr);
});
