// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../../web-client/src/protocol.ts";
import { togglesOf } from "../../web-client/src/view/controls.tsx";
import { devices, inCourt, onAir, settle } from "./court.ts";

test("while the browser's question is open neither a button nor its keys unsay what was wanted", async () => {
  const court = await inCourt();
  const toggles = togglesOf(court.session);
  const own = (source: Source) => court.session.local.store.get()[source];
  toggles.camera();
  await settle();
  assert.equal(own("camera").wanted, false);
  let answer: () => void = () => undefined;
  devices.answered = new Promise((resolve) => (answer = resolve));
  toggles.camera();
  void court.session.local.choose("microphone", "another");
  await settle();
  assert.deepEqual([own("camera").opening, own("microphone").opening], [true, true]);
  toggles.camera();
  toggles.microphone();
  await settle();
  assert.deepEqual([own("camera").wanted, own("microphone").wanted], [true, true]);
  answer();
  await settle();
  assert.deepEqual(onAir(court.last), { microphone: "on", camera: "on" });
  toggles.microphone();
  assert.equal(own("microphone").wanted, false);
});
