// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceOf, looked, mayGrow, noEffort, noLoad, PROPOSE_BPS, THIN_BPS, THIN_LOSING_BPS, THIN_LOST, WIDE_BPS } from "../../web-client/src/effort.ts";
import type { Effort, Load } from "../../web-client/src/effort.ts";
import { apply, emptyHearing } from "../../web-client/src/hearing.ts";
import type { Hearing } from "../../web-client/src/hearing.ts";
import { addLoads, loadOf, lostOf, mayBpsOf } from "../../web-client/src/stats.ts";

const cpu: Load = { ...noLoad, limit: "cpu" };
const narrow: Load = { ...noLoad, limit: "bandwidth" };

function look(effort: Effort, load: Load, times: number, hearing: Hearing = emptyHearing): Effort {
  for (let n = 0; n < times; n++) effort = looked(effort, load, hearing);
  return effort;
}

test("strain must last before less is asked, and rest longer before all is again; each relapse rests longer", () => {
  let effort = look(noEffort, cpu, 2);
  assert.equal(effort.spared, false);
  assert.equal(look(look(effort, noLoad, 1), cpu, 2).spared, false, "a moment's strain is none");
  effort = look(effort, cpu, 1);
  assert.equal(effort.spared, true);
  assert.equal(adviceOf(effort, emptyHearing, false), "cpu");
  effort = look(effort, noLoad, 9);
  assert.equal(effort.spared, true);
  effort = look(effort, noLoad, 1);
  assert.equal(effort.spared, false);
  effort = look(look(effort, cpu, 3), noLoad, 19);
  assert.equal(effort.spared, true);
  assert.equal(look(effort, noLoad, 1).spared, false);
});

test("a decoder that drops frames is strained; one that has few to decode says nothing", () => {
  const at = (decoded: number, dropped: number): Load => ({ ...noLoad, decoded, dropped });
  let effort = looked(noEffort, at(1000, 1000), emptyHearing);
  assert.equal(effort.strained, 0, "what was before is not of now");
  effort = looked(effort, at(1040, 1010), emptyHearing);
  assert.equal(effort.strained, 1);
  effort = looked(effort, at(1041, 1012), emptyHearing);
  assert.equal(effort.strained, 0);
  assert.equal(looked(effort, at(1101, 1013), emptyHearing).strained, 0);
});

test("a device that does not play all of the sound, or is busy encoding all the time, is strained", () => {
  const at = (atMs: number, playedS: number, encodingS: number): Load => ({ ...noLoad, atMs, playedS, encodingS });
  let effort = looked(noEffort, at(50_000, 9, 40), emptyHearing);
  assert.equal(effort.strained, 0, "what was before is not of now");
  effort = looked(effort, at(52_000, 10.7, 40), emptyHearing);
  assert.equal(effort.strained, 1, "1.7 s of 2");
  effort = looked(effort, at(54_000, 12.6, 40), emptyHearing);
  assert.equal(effort.strained, 0, "1.9 s of 2");
  effort = looked(effort, at(56_000, 12.6, 40), emptyHearing);
  assert.equal(effort.strained, 0, "a loudspeaker that is being changed");
  effort = looked(effort, at(58_000, 0.3, 41.6), emptyHearing);
  assert.equal(effort.strained, 0, "other streams after a new join");
  effort = looked(effort, at(60_000, 2.3, 43.4), emptyHearing);
  assert.equal(effort.strained, 1, "1.8 s of 2 spent encoding");
  assert.equal(looked(effort, at(60_000, 2.3, 43.4), emptyHearing).strained, 0, "no time passed");
});

/** One seat in use, held or not, on a line that carries so much. */
function hearing(held: boolean, bps: number): Hearing {
  const seated: Hearing = apply(
    apply({ ...emptyHearing, stage: "present" }, { type: "page:joined", room: "courtroom", number: 0, seats: 1 }),
    { type: "seat", seat: 0, person: "00000000000000d1", source: "camera", audio: true, video: true });
  const picture = { type: "seatPicture", seat: 0, picture: held ? "held" : "shown", reason: null } as const;
  return apply(apply(seated, picture), { type: "line", bps });
}

test("sound alone is proposed when a picture is held on a slow line for seconds; never twice when dismissed", () => {
  const slow = hearing(true, PROPOSE_BPS - 1);
  assert.equal(adviceOf(look(noEffort, noLoad, 2, slow), slow, false), "held");
  const effort = look(noEffort, noLoad, 3, slow);
  assert.equal(adviceOf(effort, slow, false), "propose");
  assert.equal(adviceOf(effort, slow, true), null, "it is so already");
  assert.equal(adviceOf({ ...effort, dismissed: true }, slow, false), "held");
  const faster = hearing(true, PROPOSE_BPS);
  assert.equal(adviceOf(look(noEffort, noLoad, 3, faster), faster, false), "held");
  const shown = hearing(false, PROPOSE_BPS - 1);
  assert.equal(adviceOf(look(noEffort, noLoad, 3, shown), shown, false), null, "a line that is not used proves little");
});

test("a line that limits what is sent is told after seconds, and no more once it does not", () => {
  assert.equal(adviceOf(look(noEffort, narrow, 2), emptyHearing, false), null);
  const effort = look(noEffort, narrow, 3);
  assert.equal(adviceOf(effort, emptyHearing, false), "sending");
  assert.equal(adviceOf(look(effort, noLoad, 1), emptyHearing, false), null);
});

test("whether the line carries more is asked while it limits what is sent, and never of a thin one", () => {
  assert.equal(mayGrow(look(noEffort, { ...narrow, mayBps: WIDE_BPS }, 1)), true);
  assert.equal(mayGrow(look(noEffort, { ...narrow, mayBps: WIDE_BPS - 1 }, 5)), false);
  assert.equal(mayGrow(look(noEffort, narrow, 5)), false, "Firefox does not say");
  assert.equal(mayGrow(look(noEffort, { ...noLoad, mayBps: WIDE_BPS }, 5)), false);
});

test("a held picture stays held when its seat changes hands, and is not after a new join", () => {
  const held = hearing(true, 1);
  const other = apply(held, { type: "seat", seat: 0, person: "00000000000000d2", source: "camera", audio: true, video: true });
  assert.equal(other.seats[0]?.held, true);
  assert.equal(apply(other, { type: "page:joined", room: "courtroom", number: 0, seats: 1 }).seats[0]?.held, false);
});

test("a report tells the load: overload before the line, and only of what is sent", () => {
  const report = (...entries: object[]) => entries.map((entry, n) => [String(n), entry] as const);
  const sent = loadOf(report(
    { type: "outbound-rtp", qualityLimitationReason: "bandwidth" }, { type: "outbound-rtp", qualityLimitationReason: "cpu" }));
  assert.equal(sent.limit, "cpu");
  assert.equal(loadOf(report({ type: "outbound-rtp", active: false, qualityLimitationReason: "cpu" })).limit, "none");
  const received = loadOf(report({ type: "inbound-rtp", framesDecoded: 7, framesDropped: 2 }));
  assert.deepEqual(addLoads(sent, received), { ...noLoad, limit: "cpu", decoded: 7, dropped: 2 });
  const busy = loadOf(report(
    { type: "outbound-rtp", totalEncodeTime: 3 }, { type: "outbound-rtp", totalEncodeTime: 4 },
    { type: "inbound-rtp", kind: "audio", totalSamplesDuration: 6 }, { type: "inbound-rtp", kind: "audio", totalSamplesDuration: 5 }));
  assert.deepEqual(busy, { ...noLoad, encodingS: 4, playedS: 6 }, "layers take the same time, streams play at once");
});

test("a way up too thin for a picture carries sound alone; the picture is tried again, less often with each relapse", () => {
  const thin: Load = { ...noLoad, mayBps: THIN_BPS - 1, pictured: true };
  const alone: Load = { ...thin, pictured: false };
  assert.equal(look(noEffort, { ...thin, mayBps: THIN_BPS }, 9).thin, false);
  assert.equal(look(noEffort, { ...thin, mayBps: null }, 9).thin, false, "a browser that does not say");
  assert.equal(look(noEffort, alone, 9).thin, false, "a camera that is off tells nothing of the line");
  const losing: Load = { ...thin, mayBps: THIN_LOSING_BPS - 1, lost: THIN_LOST + 0.01 };
  assert.equal(look(noEffort, losing, 2).thin, true, "what it carries is doubtful, that sound is lost is not");
  assert.equal(look(noEffort, { ...losing, lost: THIN_LOST }, 9).thin, false);
  assert.equal(look(noEffort, { ...losing, mayBps: THIN_LOSING_BPS }, 9).thin, false, "lost by chance");
  assert.equal(look(look(noEffort, thin, 1), noLoad, 1).against, 0, "a moment is none");
  let effort = look(noEffort, thin, 2);
  assert.equal(effort.thin, true);
  assert.equal(adviceOf(effort, emptyHearing, false), "thin");
  for (const rest of [30, 120, 480, 480]) {
    effort = look(effort, alone, rest - 1);
    assert.equal(effort.thin, true, `${rest}`);
    effort = look(effort, alone, 1);
    assert.equal(effort.thin, false, `${rest}`);
    effort = look(effort, thin, 2);
    assert.equal(effort.thin, true);
  }
  const wide: Load = { ...alone, mayBps: WIDE_BPS };
  assert.equal(look(look(look(effort, wide, 2), alone, 1), wide, 2).thin, true);
  assert.equal(look(effort, wide, 3).thin, false, "who has room is not kept waiting");
});

test("what the way may carry is the selected pair's, as far as the browser says it", () => {
  const report = (...entries: object[]) => entries.map((entry, n) => [String(n), entry] as const);
  const pairs = [{ id: "a", type: "candidate-pair", availableOutgoingBitrate: 1 }, { id: "b", type: "candidate-pair", availableOutgoingBitrate: 84_000 }];
  assert.equal(mayBpsOf(report(...pairs, { type: "transport", selectedCandidatePairId: "b" })), 84_000);
  assert.equal(mayBpsOf(report(...pairs, { type: "transport" })), null);
  assert.equal(mayBpsOf(report({ id: "b", type: "candidate-pair" }, { type: "transport", selectedCandidatePairId: "b" })), null);
  assert.equal(mayBpsOf([]), null);
  assert.equal(lostOf(report({ type: "remote-inbound-rtp", fractionLost: 0.2 }, { type: "outbound-rtp", fractionLost: 1 })), 0.2);
  assert.equal(lostOf([]), 0);
});
