// SPDX-License-Identifier: Apache-2.0
// A media core behind NAT, and a person behind a firewall that passes nothing but TCP 443: tests/net/behind
// holds the hearing in namespaces of its own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { top } from "./lib/stack.mjs";

const may = process.getuid() === 0 ? {} : { skip: "network namespaces are made by root only" };

test("one comes by the public address, one by TLS alone; each hears and sees the other", { ...may, timeout: 120_000 }, async () => {
  const said = await new Promise((done, failed) => {
    const child = execFile(join(top, "tests/net/inside"), ["node", join(top, "tests/net/behind.mjs")], { timeout: 110_000 },
      (error, out) => (error ? failed(error) : done(out)));
    child.stderr.pipe(process.stderr);
  });
  const { public: address, ways } = JSON.parse(said.trim().split("\n").at(-1));
  const [judge, clerk] = ways;
  assert.equal(judge.length, 2);
  assert.equal(clerk.length, 2);
  // The page sends from its own address, so its side is of the host or, to it, reflexive.
  for (const way of judge) assert.match(way, new RegExp(`^(host|srflx|prflx) udp ${address.replaceAll(".", "\\.")}$`));
  for (const way of clerk) assert.equal(way, `relay tls ${address}`);
});
