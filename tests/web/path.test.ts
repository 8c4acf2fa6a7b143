// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOf, worse } from "../../web-client/src/path.ts";
import type { Path } from "../../web-client/src/path.ts";
import { inCourt, settle } from "./court.ts";

type Entry = { readonly [key: string]: unknown };

const report = (local: Entry, remote: Entry, firefox = false) => Object.entries({
  P1: { type: "candidate-pair", localCandidateId: "L0", remoteCandidateId: "R0", state: "succeeded" },
  L0: { type: "local-candidate", candidateType: "host", protocol: "udp" },
  R0: { type: "remote-candidate", address: "198.51.100.1" },
  P2: { type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", ...(firefox ? { selected: true } : {}) },
  L: { type: "local-candidate", ...local },
  R: { type: "remote-candidate", ...remote },
  ...(firefox ? {} : { T: { type: "transport", selectedCandidatePairId: "P2" } }),
});

test("the pair that carries says over what, in Chromium's report and in Firefox's", () => {
  const four = { address: "192.0.2.1" }, six = { address: "2001:db8::1" };
  const cases: readonly [Entry, Entry, Path][] = [
    [{ candidateType: "host", protocol: "udp", address: "" }, four, "udp"],
    [{ candidateType: "srflx", protocol: "udp" }, six, "udp6"],
    [{ candidateType: "prflx", protocol: "tcp" }, four, "tcp"],
    [{ candidateType: "host", protocol: "tcp" }, six, "tcp6"],
    [{ candidateType: "relay", protocol: "udp", relayProtocol: "udp" }, four, "relay-udp"],
    [{ candidateType: "relay", protocol: "udp", relayProtocol: "tcp" }, six, "relay-tcp"],
    [{ candidateType: "relay", protocol: "udp", relayProtocol: "tls" }, four, "relay-tls"],
  ];
  for (const firefox of [false, true])
    for (const [local, remote, path] of cases) assert.equal(pathOf(report(local, remote, firefox)), path);
  assert.equal(pathOf([]), null);
  assert.equal(pathOf([["T", { type: "transport", selectedCandidatePairId: "gone" }], ["x", null]]), null);
});

test("of two transports the worse path is said, and of one unknown the other's", () => {
  assert.equal(worse("relay-tls", "udp"), "relay-tls");
  assert.equal(worse("udp", "tcp"), "tcp");
  assert.equal(worse(null, "tcp"), "tcp");
  assert.equal(worse(null, null), null);
});

test("the court is told the path when it changes, and again when the server has forgotten it", async () => {
  const court = await inCourt();
  const { you } = court.session.store.get().hearing;
  assert.ok(you);
  const known = (path: string) => court.say({ type: "person", person: { ...you, path } });
  const told = () => court.asked.filter((one) => one.type === "path").map((one) => one["path"]);
  known("unknown");
  await court.later();
  assert.deepEqual(told(), [], "nothing is known yet");
  court.last.goesOver = "udp";
  await court.later();
  assert.deepEqual(told(), ["udp"]);
  known("udp");
  await court.later();
  assert.deepEqual(told(), ["udp"], "not said twice");
  court.last.goesOver = "relay-tls";
  await court.later();
  assert.deepEqual(told(), ["udp", "relay-tls"]);
  known("unknown");
  await court.later();
  assert.deepEqual(told(), ["udp", "relay-tls", "relay-tls"]);
  court.say({ type: "mediaLost" });
  await settle();
});
