// SPDX-License-Identifier: Apache-2.0
// A media core behind NAT, and a person behind a firewall that passes nothing but TCP 443: tests/net/behind
// holds the hearing in namespaces of its own.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { top } from "./lib/stack.mjs";

const may = process.getuid() === 0 ? {} : { skip: "network namespaces are made by root only" };

test("one comes by the public address, one by TLS alone; each hears and sees the other", { ...may, timeout: 180_000 }, () =>
  // What it says goes into the error's message.
  promisify(execFile)(join(top, "tests/net/inside"), ["node", join(top, "tests/net/behind.mjs")], { timeout: 170_000 }));
