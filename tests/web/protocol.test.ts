// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRequest, isAnswer, parseRecords, parseServerMessage } from "../../web-client/src/protocol.ts";
import type { Request } from "../../web-client/src/protocol.ts";
import { message, sample, sampleNames } from "./samples.ts";

const fingerprint = {
  algorithm: "sha-256",
  value: "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
};
const token = "djEuMDEyMzQ1Njc4OWFiY2RlZg.c2lnbmF0dXJl";
const person = "0123456789abcdef";

/** What the page says, beside the file that shows it. */
const requests: { readonly [file: string]: readonly [number, Request] } = {
  "hello.json": [1, { type: "hello", protocol: 1, token }],
  "hello-resume.json": [1, { type: "hello", protocol: 1, token, resume: "q83vEjRWeJCrze8SNFZ4kA" }],
  "join.json": [2, { type: "join", seats: 1, red: true }],
  "connect.json": [3, { type: "connect", transport: "00000000000000b1", dtlsParameters: { role: "client", fingerprints: [fingerprint] } }],
  "restart-ice.json": [4, { type: "restartIce", transport: "00000000000000b1" }],
  "produce.json": [5, {
    type: "produce", source: "microphone", kind: "audio", paused: false,
    rtpParameters: (JSON.parse(sample("produce.json")) as { rtpParameters: object }).rtpParameters,
  }],
  "pause.json": [6, { type: "pause", producer: "00000000000000c1", paused: true }],
  "close-producer.json": [7, { type: "closeProducer", producer: "00000000000000c1" }],
  "view.json": [17, { type: "view", heights: [720, 180, 0] }],
  "sound-only.json": [18, { type: "soundOnly", on: true }],
  "device.json": [19, { type: "device", overloaded: true, thinLine: false }],
  "watch-connections.json": [20, { type: "watchConnections", on: true }],
  "hand.json": [8, { type: "hand", up: true }],
  "lower-hand.json": [9, { type: "lowerHand", person }],
  "admit.json": [10, { type: "admit", person }],
  "dismiss.json": [11, { type: "dismiss", person }],
  "mute.json": [12, { type: "mute", person }],
  "remove.json": [13, { type: "remove", person, reason: "Shouted at the witness after two warnings." }],
  "meet.json": [26, { type: "meet", room: "consultation", people: [person] }],
  "enter.json": [27, { type: "enter", number: 3 }],
  "decline.json": [28, { type: "decline" }],
  "come-back.json": [29, { type: "comeBack" }],
  "call-back.json": [30, { type: "callBack", person }],
  "lock.json": [21, { type: "lock", person, on: true }],
  "mute-all.json": [22, { type: "muteAll" }],
  "give-floor.json": [23, { type: "giveFloor", person }],
  "open-floor.json": [24, { type: "openFloor" }],
  "screen.json": [25, { type: "screen", person, from: "00000000000000d3", what: "both" }],
  "set-state-suspended.json": [14, { type: "setState", state: "suspended", reason: "The interpreter has lost the connection." }],
  "in-camera.json": [31, { type: "inCamera", on: true, reason: "To protect the witness, a minor." }],
  "swear.json": [41, { type: "swear", person, form: "affirmation" }],
  "sworn.json": [42, { type: "sworn", language: "zh-Hans" }],
  "release.json": [43, { type: "release", person }],
  "object.json": [44, { type: "object" }],
  "rule.json": [45, { type: "rule", number: 2, ruling: "sustained" }],
  "lock-room.json": [46, { type: "lockRoom", on: true }],
  "spotlight.json": [48, { type: "spotlight", person, on: true }],
  "mark.json": [47, { type: "mark", words: "The exhibit is shown." }],
  "consent.json": [32, { type: "consent", given: true }],
  "set-state.json": [14, { type: "setState", state: "open" }],
  "leave.json": [15, { type: "leave" }],
  "ping.json": [16, { type: "ping" }],
  "path.json": [17, { type: "path", path: "relay-tls" }],
};

test("each request is written as its sample says", () => {
  for (const [file, [id, request]] of Object.entries(requests)) {
    assert.deepEqual(JSON.parse(encodeRequest(id, request)), JSON.parse(sample(file)), file);
  }
});

test("every other good sample is an answer or event we understand; requests and bad ones are not", () => {
  let understood = 0;
  for (const name of sampleNames()) {
    if (name === "records.json") continue;
    const ours = name in requests;
    const parsed = parseServerMessage(sample(name));
    assert.equal(parsed !== null, !ours && !name.startsWith("bad-"), name);
    if (parsed) understood += 1;
  }
  assert.ok(understood >= 18, `only ${understood} server samples`);
});

test("answers carry an id, events none", () => {
  for (const name of ["welcome", "joined", "ok", "ice-restarted", "produced", "pong", "error"]) {
    const parsed = parseServerMessage(sample(`${name}.json`));
    assert.ok(parsed && isAnswer(parsed), name);
  }
  for (const name of ["seat", "seat-empty", "speaking", "media-lost", "person", "people", "gone", "hearing", "room", "asked", "asked-none", "screens", "may", "record", "muted"]) {
    const parsed = parseServerMessage(sample(`${name}.json`));
    assert.ok(parsed && !isAnswer(parsed), name);
  }
});

test("a welcome is read in full", () => {
  const welcome = message("welcome.json", "welcome");
  assert.equal(welcome.you.name, "Li Wei");
  assert.equal(welcome.hearing.state, "waiting");
  assert.equal(welcome.hearing.scheduledAt, Date.UTC(2026, 10, 22, 9, 30));
  assert.equal(welcome.rtpCapabilities.codecs.length, 3);
  assert.equal(welcome.record.reason, null);
});

/** Each member in turn missing, of the wrong type, or null: read as nothing, never as something else. */
function damaged(value: unknown, path: string): readonly [string, unknown][] {
  if (typeof value !== "object" || value === null) return [];
  const found: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    const at = `${path}.${key}`;
    for (const wrong of [{ unexpected: true }, null, -1.5]) {
      const copy = structuredClone(value) as { [key: string]: unknown };
      copy[key] = wrong;
      found.push([`${at} = ${JSON.stringify(wrong)}`, copy]);
    }
    for (const [name, inner] of damaged((value as { [key: string]: unknown })[key], at)) {
      const copy = structuredClone(value) as { [key: string]: unknown };
      copy[key] = inner;
      found.push([name, copy]);
    }
  }
  return found;
}

test("a damaged seat, person, room or record message is refused", () => {
  // percent and reason may be absent; a seat's and a room's person may be null.
  const mayBe = /\.(percent|reason|by|openedAt|floor|spotlight|oath|ruling) = null$|^asked\.json\.room = null$|^seat\.json\.person = null$/;
  for (const name of ["seat.json", "person.json", "room.json", "hearing.json", "hearing-objection.json", "record-lost.json", "speaking.json", "asked.json", "screens.json"]) {
    for (const [what, value] of damaged(JSON.parse(sample(name)), name)) {
      if (mayBe.test(what)) continue;
      assert.equal(parseServerMessage(JSON.stringify(value)), null, what);
    }
  }
});

test("nothing we are sent makes the parser throw or invent", () => {
  const odd = [
    "", "null", "[]", "7", "\"welcome\"", "{}", "{\"type\":7}", "{\"type\":\"toString\"}", "{\"type\":\"__proto__\"}",
    "{\"type\":\"constructor\"}", "[".repeat(100000), "{\"type\":\"ok\",\"id\":1e400}", "{\"type\":\"ok\",\"id\":\"1\"}",
    "{\"type\":\"gone\",\"person\":\"0123456789ABCDEF\"}", "{\"type\":\"hearing\",\"state\":\"open\",\"since\":\"yesterday\"}",
  ];
  for (const frame of odd) assert.equal(parseServerMessage(frame), null, frame.slice(0, 60));
});

test("what a newer server may add is passed over", () => {
  assert.deepEqual(parseServerMessage("{\"type\":\"may\",\"may\":[\"hand\",\"sing\"],\"later\":1}"), { type: "may", may: ["hand"] });
  assert.deepEqual(
    parseServerMessage("{\"type\":\"error\",\"id\":null,\"code\":\"brand-new\",\"detail\":\"\"}"),
    { type: "error", id: null, code: "internal", detail: "", missing: null },
  );
});

test("the list of records is read, and only that", () => {
  const records = parseRecords(sample("records.json"));
  assert.equal(records?.[0]?.files.length, 2);
  assert.equal(records?.[0]?.files[1]?.role, "party");
  for (const other of ["<html>", "{}", "{\"records\":{}}", "[]"]) assert.equal(parseRecords(other), null, other);
});

test("a record or a file that cannot be read keeps nobody from the others", () => {
  const { records } = JSON.parse(sample("records.json")) as { records: { files: { [key: string]: unknown }[] }[] };
  const [entry] = records;
  assert.ok(entry);
  const read = (value: unknown) => parseRecords(JSON.stringify({ records: value }));
  assert.deepEqual(read([{}, entry, { ...entry, state: "lent" }])?.map((one) => one.files.length), [2]);
  assert.deepEqual(read([{ ...entry, files: [{}, ...entry.files] }])?.map((one) => one.files.length), [2]);
  // A track of somebody without a name or a role that we know is a track all the same.
  for (const role of ["", "bailiff", null, undefined]) {
    const files: unknown = entry.files.map((file) => ({ ...file, role, name: "" }));
    assert.deepEqual(read([{ ...entry, files }])?.[0]?.files.map((file) => file.role), [null, null], String(role));
  }
});
