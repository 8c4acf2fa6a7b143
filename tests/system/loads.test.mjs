// SPDX-License-Identifier: Apache-2.0
// Every load of the benchmark at its full size and rate, up to 1,000 receivers in one hearing: each
// receiver's decrypted packets are complete, in order and what was sent. The release build; with
// sanitizers the same is done with fewer people ("load").
// build: release
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { build } from "./lib/stack.mjs";

test("at every load of the benchmark each receiver gets every packet, whole and in order", async () => {
  const at = (name) => join(build, name);
  const run = ["--full", at("sfu/assize-sfu")];
  const end = await promisify(execFile)(at("tests/bench/test-load"), run).catch((error) => error);
  console.log(end.stdout);
  assert.ok(!(end instanceof Error), end.stderr);
});
