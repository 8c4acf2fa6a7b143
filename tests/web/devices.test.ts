// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "../../web-client/src/devices.ts";
import type { DeviceProblem } from "../../web-client/src/devices.ts";
import { numbersOf } from "../../web-client/src/stats.ts";
import { levelOf } from "../../web-client/src/sound.ts";
import { unsupportedBecause } from "../../web-client/src/support.ts";

test("every browser's way to fail has a meaning", () => {
  const rows: readonly (readonly [unknown, DeviceProblem])[] = [
    [{ name: "NotAllowedError", message: "Permission denied" }, "refused"],
    [{ name: "NotAllowedError", message: "Permission denied by system" }, "blocked"],
    [{ name: "PermissionDeniedError", message: "" }, "refused"],
    [{ name: "NotFoundError", message: "Requested device not found" }, "none"],
    [{ name: "DevicesNotFoundError" }, "none"],
    [{ name: "NotReadableError", message: "Could not start video source" }, "busy"],
    [{ name: "TrackStartError" }, "busy"],
    [{ name: "AbortError", message: "Starting videoinput failed" }, "busy"],
    [{ name: "OverconstrainedError", constraint: "deviceId" }, "unsuitable"],
    [{ name: "ConstraintNotSatisfiedError" }, "unsuitable"],
    [{ name: "SecurityError" }, "insecure"],
    [new TypeError("getUserMedia is not a function"), "unsupported"],
    [{ name: "SomethingNew" }, "unknown"],
    [new Error("x"), "unknown"],
    [null, "unknown"], [undefined, "unknown"], ["NotAllowedError", "unknown"], [{ name: 7 }, "unknown"],
  ];
  for (const [error, problem] of rows) assert.equal(problemOf(error), problem, JSON.stringify(error));
});

test("browsers that cannot take part are told why", () => {
  const chrome = (version: string, more = "") => `Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 Chrome/${version}.0 Mobile Safari/537.36${more}`;
  const rows: readonly (readonly [string, boolean, boolean, ReturnType<typeof unsupportedBecause>])[] = [
    [chrome("156.0"), true, true, null],
    [chrome("74.0"), true, true, null],
    [chrome("73.0"), true, true, "old-chrome"],
    [chrome("57.0", " MicroMessenger/6.7"), true, true, "in-app"],
    [chrome("100.0", " MicroMessenger/8.0"), true, true, null],
    [chrome("100.0", " MicroMessenger/8.0"), true, false, "in-app"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:119.0) Gecko/20100101 Firefox/119.0", true, true, "old-firefox"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", true, true, null],
    ["Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1", true, true, null],
    ["Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1", true, false, "no-webrtc"],
    [chrome("156.0"), false, true, "insecure"],
  ];
  for (const [userAgent, secure, webrtc, reason] of rows) {
    assert.equal(unsupportedBecause({ userAgent, secure, webrtc }), reason, userAgent);
  }
});

test("the level is even to the eye and bounded", () => {
  const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, n) => amplitude * Math.sin(n / 5));
  assert.equal(levelOf(tone(0)), 0);
  assert.equal(levelOf([]), 0);
  const quiet = levelOf(tone(0.01));
  const loud = levelOf(tone(0.5));
  assert.ok(quiet > 0.2 && quiet < 0.4, String(quiet));
  assert.ok(loud > 0.8 && loud <= 1, String(loud));
});

test("statistics: layers add up, silence is no concealment, nonsense counts as nothing", () => {
  const inbound = numbersOf([
    ["a", { type: "codec" }],
    ["b", { type: "inbound-rtp", packetsReceived: 10, packetsLost: 1, bytesReceived: 99, framesDecoded: 3, concealedSamples: 500, silentConcealedSamples: 480, audioLevel: 0.5 }],
  ]);
  assert.deepEqual([inbound.packets, inbound.lost, inbound.bytes, inbound.frames, inbound.concealedSamples, inbound.audioLevel], [10, 1, 99, 3, 20, 0.5]);
  const outbound = numbersOf([
    ["a", { type: "outbound-rtp", packetsSent: 5, bytesSent: 100, framesEncoded: 2, frameWidth: 320 }],
    ["b", { type: "outbound-rtp", packetsSent: 7, bytesSent: 300, framesEncoded: 2, frameWidth: 640 }],
  ]);
  assert.deepEqual([outbound.packets, outbound.bytes, outbound.width], [12, 400, 640]);
  assert.equal(numbersOf([["x", null], ["y", { type: "inbound-rtp", packetsReceived: "many" }]]).packets, 0);
});
