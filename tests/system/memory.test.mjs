// SPDX-License-Identifier: Apache-2.0
// What the media core takes of memory, and that joins and leaves leave nothing behind: the release
// build, as sanitizers take memory of their own.
// build: release
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { build } from "./lib/stack.mjs";

const SFU = join(build, "sfu/assize-sfu");

/** Runs a program to its end; what it measured is printed whatever becomes of it. */
async function measure(program, ...args) {
  const end = await promisify(execFile)(join(build, program), [...args, SFU]).catch((error) => error);
  console.log(end.stdout);
  assert.ok(!(end instanceof Error), end.stderr);
}

test("bytes of a worker, a participant, idle and publishing, and of a hearing of 60", () =>
  measure("tests/system/test-sfu-memory"));

test("10,000 joins and leaves do not make it grow", () =>
  measure("tests/soak/soak", "--joins", "10000", "--full-every", "2"));
