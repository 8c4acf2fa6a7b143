// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTICES_MOST, apply, closedBy, hasObjected, emptyHearing, inSessionMs, isAside, isHeard, isInSession, isPaused, screenOf } from "../../web-client/src/hearing.ts";
import type { Hearing, PageEvent } from "../../web-client/src/hearing.ts";
import type { Person, ServerEvent } from "../../web-client/src/protocol.ts";
import { calm, message } from "./samples.ts";

const LI = "0123456789abcdef";
const JUDGE = "00000000000000d1";
const WITNESS = "00000000000000e1";

const welcome = message("welcome.json", "welcome");
const judge: Person = { ...welcome.you, person: JUDGE, name: "Judge Zhao", role: "judge", room: "courtroom" };
const witness: Person = { ...welcome.you, person: WITNESS, name: "Wu Min", role: "witness", room: "waiting" };

function after(start: Hearing, ...events: readonly (ServerEvent | PageEvent)[]): Hearing {
  return events.reduce(apply, start);
}

/** A party in an open hearing's courtroom with two seats. */
function inCourt(): Hearing {
  return after(
    emptyHearing,
    { type: "page:welcome", welcome: { ...welcome, people: [judge] }, atMs: welcome.serverTime },
    { type: "page:joining" },
    { type: "page:joined", room: "courtroom", number: 0, seats: 2 },
    { type: "hearing", state: "open", since: 0, openedAt: 0, ...calm },
    { type: "may", may: ["produce", "hand"] },
  );
}

function kinds(hearing: Hearing): readonly string[] {
  return hearing.notices.map((notice) => notice.kind);
}

test("from the welcome to a place", () => {
  const lobby = after(emptyHearing, { type: "page:welcome", welcome, atMs: welcome.serverTime - 1500 });
  assert.equal(lobby.stage, "lobby");
  assert.equal(lobby.clockAheadMs, 1500);
  assert.equal(lobby.you?.person, LI);
  const joined = after(lobby, { type: "page:joining" }, { type: "page:joined", room: "waiting", number: 0, seats: 3 });
  assert.equal(joined.stage, "present");
  assert.equal(joined.you?.room, "waiting");
  assert.equal(joined.seats.length, 3);
  assert.equal(lobby.seats.length, 0, "the state before is untouched");
});

test("whom we find in the courtroom has not entered it; who comes later has", () => {
  const waiting = after(
    emptyHearing,
    { type: "page:welcome", welcome: { ...welcome, people: [] }, atMs: welcome.serverTime },
    { type: "page:joining" },
    { type: "page:joined", room: "waiting", number: 0, seats: 2 },
  );
  const admitted = after(waiting, { type: "room", room: "courtroom", by: JUDGE, number: 0 }, { type: "people", people: [judge] });
  assert.deepEqual(kinds(admitted), ["admitted"]);
  assert.equal(admitted.people.get(JUDGE)?.name, "Judge Zhao");
  assert.ok(admitted.order.has(JUDGE));
  const later = after(admitted, { type: "person", person: { ...witness, room: "courtroom" } });
  assert.deepEqual(kinds(later), ["admitted", "entered"]);
  assert.equal(later.notices[1]?.name, "Wu Min");
  // Sent back, nobody else is in sight, and nobody is missed.
  const back = after(later, { type: "room", room: "waiting", by: JUDGE, number: 0 }, { type: "people", people: [] });
  assert.deepEqual(kinds(back), ["sent-back"]);
  assert.equal(back.people.size, 0);
});

test("the time in session counts from the opening, over a recess", () => {
  const at = (hearing: Hearing, nowMs: number) => inSessionMs(hearing, nowMs);
  const begun = after(inCourt(), { type: "hearing", state: "open", since: 60_000, openedAt: 60_000, ...calm });
  assert.equal(at(begun, 90_000), 30_000);
  const recess = after(begun, { type: "hearing", state: "recess", since: 120_000, openedAt: 60_000, ...calm });
  assert.equal(at(recess, 150_000), 90_000);
  const resumed = after(recess, { type: "hearing", state: "open", since: 180_000, openedAt: 60_000, ...calm });
  assert.equal(at(resumed, 181_000), 121_000);
  assert.equal(at({ ...resumed, clockAheadMs: 5_000 }, 181_000), 126_000);
  assert.equal(at(emptyHearing, 5), 0);
});

test("a join that fails is told, and the lobby is there again", () => {
  const failed = after(emptyHearing, { type: "page:welcome", welcome, atMs: 0 }, { type: "page:joining" }, { type: "page:joinFailed", code: "full" });
  assert.equal(failed.stage, "lobby");
  assert.equal(failed.notices[0]?.code, "full");
});

test("sound and pictures go out only in the courtroom, when allowed, and not in a recess", () => {
  const court = inCourt();
  const rows: readonly (readonly [string, Hearing, boolean])[] = [
    ["in court", court, true],
    ["recess", after(court, { type: "hearing", state: "recess", since: 0, openedAt: 0, ...calm }), false],
    ["closed", after(court, { type: "hearing", state: "closed", since: 0, openedAt: 0, ...calm }), false],
    ["sent back", after(court, { type: "room", room: "waiting", by: JUDGE, number: 0 }), false],
    ["not allowed", after(court, { type: "may", may: ["hand"] }), false],
    ["over", after(court, { type: "page:over", ending: "left" }), false],
    ["before the join", after(emptyHearing, { type: "page:welcome", welcome: { ...welcome, may: ["produce"] }, atMs: 0 }), false],
    ["resumed", after(court, { type: "hearing", state: "recess", since: 0, openedAt: 0, ...calm }, { type: "hearing", state: "open", since: 1, openedAt: 0, ...calm }), true],
  ];
  for (const [what, hearing, heard] of rows) assert.equal(isHeard(hearing), heard, what);
});

test("a seat's turn grows with each new occupant only, and it is warm after a picture of another", () => {
  const seat = (person: string | null, video = true, source: "camera" | "screen" = "camera"): ServerEvent =>
    ({ type: "seat", seat: 0, person, source, audio: true, video });
  const rows: readonly (readonly [string, readonly ServerEvent[], number, boolean])[] = [
    ["first", [seat(JUDGE)], 1, false],
    ["same again", [seat(JUDGE), seat(JUDGE)], 1, false],
    ["camera off and on", [seat(JUDGE), seat(JUDGE, false), seat(JUDGE)], 1, false],
    ["another after a picture", [seat(JUDGE), seat(WITNESS)], 2, true],
    ["another after no picture", [seat(JUDGE, false), seat(WITNESS)], 2, false],
    ["another after empty", [seat(JUDGE), seat(null, false), seat(WITNESS)], 3, false],
    ["the screen of the same", [seat(JUDGE), seat(JUDGE, true, "screen")], 2, true],
  ];
  for (const [what, events, turn, warm] of rows) {
    const hearing = after(inCourt(), ...events);
    assert.equal(hearing.seats[0]?.turn, turn, what);
    assert.equal(hearing.seats[0]?.warm, warm, what);
    assert.equal(hearing.seats[1]?.person, null, what);
  }
  const beyond = after(inCourt(), { type: "seat", seat: 7, person: JUDGE, source: "camera", audio: true, video: true });
  assert.equal(beyond.seats.length, 2, "a seat we do not have");
});

test("people come, change and go, each told once", () => {
  const waiting: ServerEvent = { type: "person", person: witness };
  const inside: ServerEvent = { type: "person", person: { ...witness, room: "courtroom" } };
  const lost: ServerEvent = { type: "person", person: { ...witness, room: "courtroom", connected: false } };
  const hand: ServerEvent = { type: "person", person: { ...witness, room: "courtroom", hand: true } };
  const rows: readonly (readonly [readonly ServerEvent[], readonly string[], boolean])[] = [
    [[waiting], ["waiting"], true],
    [[waiting, waiting], ["waiting"], true],
    // The latest of one person takes the place of the earlier.
    [[waiting, inside], ["entered"], true],
    [[inside, hand, hand], ["hand"], true],
    [[inside, lost], ["gone"], true],
    [[inside, lost, inside], [], true],
    [[lost, inside], [], true],
    [[inside, { type: "gone", person: WITNESS }], ["parted"], false],
    [[inside, { type: "hearing", state: "closed", since: 0, openedAt: 0, ...calm }, lost, { type: "gone", person: WITNESS }], [], false],
    [[waiting, { type: "gone", person: WITNESS }], [], false],
    // What is so no more is told no more.
    [[inside, hand, inside], [], true],
    [[inside, hand, { type: "gone", person: WITNESS }], ["parted"], false],
    [[waiting, { type: "person", person: { ...witness, connected: false } }], ["gone"], true],
    [[{ type: "gone", person: WITNESS }], [], false],
  ];
  for (const [events, told, there] of rows) {
    const hearing = after(inCourt(), ...events);
    assert.deepEqual(kinds(hearing), told);
    assert.equal(hearing.people.has(WITNESS), there);
  }
});

test("one's own person event changes oneself and is no news", () => {
  const hearing = after(inCourt(), { type: "person", person: { ...welcome.you, room: "courtroom", hand: true } });
  assert.equal(hearing.you?.hand, true);
  assert.equal(hearing.people.has(LI), false);
  assert.deepEqual(kinds(hearing), []);
});

test("sent to the waiting room: nothing of the courtroom stays in sight", () => {
  const before = after(inCourt(),
    { type: "seat", seat: 0, person: JUDGE, source: "camera", audio: true, video: true },
    { type: "speaking", people: [JUDGE] });
  const sent = after(before, { type: "room", room: "waiting", by: JUDGE, number: 0 });
  assert.equal(sent.you?.room, "waiting");
  assert.ok(sent.seats.every((seat) => seat.person === null && !seat.audio && !seat.video));
  assert.equal(sent.speaking.size, 0);
  assert.deepEqual(sent.notices.map(({ kind, name }) => [kind, name]), [["sent-back", "Judge Zhao"]]);
  const alone = after(before, { type: "gone", person: WITNESS }, { type: "room", room: "waiting", by: JUDGE, number: 0 }, { type: "gone", person: JUDGE });
  assert.deepEqual(kinds(alone), ["sent-back"], "who goes out of sight is not told as gone");
  assert.deepEqual(kinds(after(sent, { type: "room", room: "courtroom", by: JUDGE, number: 0 })), ["admitted"]);
});

test("a lost connection loses nothing, and its return is told", () => {
  const court = after(inCourt(), { type: "seat", seat: 1, person: JUDGE, source: "camera", audio: true, video: true });
  const lost = after(court, { type: "page:linkLost" });
  assert.equal(lost.linkUp, false);
  assert.equal(lost.stage, "present");
  assert.deepEqual(lost.seats, court.seats);
  const back = after(lost, {
    type: "page:welcome",
    welcome: { ...welcome, you: { ...welcome.you, room: "courtroom" }, people: [judge] },
    atMs: 0,
  });
  assert.equal(back.linkUp, true);
  assert.equal(back.stage, "present");
  assert.deepEqual(back.seats, court.seats);
  assert.deepEqual(kinds(back), ["linked"]);
});

test("the record's state is taken as said, with its reason or progress", () => {
  const rows = ["record.json", "record-lost.json", "record-rendering.json"] as const;
  const shown = rows.map((name) => after(inCourt(), message(name, "record")).record);
  assert.deepEqual(shown.map(({ state, reason, percent }) => [state, reason, percent]), [
    ["on", null, null], ["lost", "recorder-away", null], ["rendering", null, 40],
  ]);
});

test("notices are few, numbered, and go when seen", () => {
  let hearing = inCourt();
  for (let n = 0; n < NOTICES_MOST + 3; n++) hearing = apply(hearing, { type: "muted", by: JUDGE });
  assert.equal(hearing.notices.length, NOTICES_MOST);
  const ids = hearing.notices.map((notice) => notice.id);
  assert.equal(new Set(ids).size, ids.length);
  const [first] = ids;
  assert.ok(first !== undefined);
  hearing = apply(hearing, { type: "page:noticeSeen", id: first });
  assert.equal(hearing.notices.length, NOTICES_MOST - 1);
  assert.equal(hearing.notices[0]?.name, "Judge Zhao");
});

test("the news of being muted goes when one speaks again; of a connection, when it is lost again", () => {
  const me = (microphone: "on" | "off"): ServerEvent => {
    const { you } = inCourt();
    assert.ok(you);
    return { type: "person", person: { ...you, microphone } };
  };
  const muted = after(inCourt(), me("on"), { type: "muted", by: JUDGE }, me("off"));
  assert.deepEqual(kinds(muted), ["muted"]);
  assert.deepEqual(kinds(after(muted, me("on"))), []);
  const linked = after(inCourt(), { type: "page:linkLost" }, { type: "page:welcome", welcome, atMs: 0 });
  assert.deepEqual(kinds(linked), ["linked"]);
  assert.deepEqual(kinds(after(linked, { type: "page:linkLost" })), []);
});

test("places are remembered in the order first seen, also of those who went", () => {
  const hearing = after(inCourt(), { type: "person", person: witness }, { type: "gone", person: WITNESS }, { type: "person", person: witness });
  assert.deepEqual([...hearing.order.keys()], [JUDGE, LI, WITNESS]);
});

test("in a room beside the courtroom one is heard by those in it, whatever the hearing does", () => {
  const aside = after(inCourt(), { type: "asked", room: "consultation", number: 3, by: JUDGE }, { type: "room", room: "consultation", by: null, number: 3 });
  assert.equal(aside.asked, null, "the answer is given");
  assert.deepEqual(kinds(aside), ["aside"]);
  assert.ok(isAside(aside.you) && isHeard(aside));
  const recess = after(aside, { type: "hearing", state: "recess", since: 0, openedAt: 0, ...calm });
  assert.ok(isHeard(recess));
  const back = after(recess, { type: "room", room: "courtroom", by: null, number: 0 });
  assert.equal(isHeard(back), false);
  // From one room beside to another is a move too, and empties the seats.
  const seated = after(aside, { type: "seat", seat: 0, person: WITNESS, source: "camera", audio: true, video: true });
  assert.equal(after(seated, { type: "room", room: "consultation", by: null, number: 4 }).seats[0]?.person, null);
});

test("the court's reasons to keep a microphone closed, and whom they bind", () => {
  const court = inCourt();
  const you = court.you!;
  const floor = (id: string | null) => after(court, { type: "hearing", state: "open", since: 0, openedAt: 0, ...calm, floor: id });
  assert.equal(closedBy(court, you), null);
  assert.equal(closedBy(court, { ...you, locked: true }), "locked");
  assert.equal(closedBy(court, { ...you, locked: true, room: "consultation", number: 1 }), null);
  assert.equal(closedBy(floor(WITNESS), you), "floor");
  assert.equal(closedBy(floor(you.person), you), null);
  assert.equal(closedBy(floor(WITNESS), { ...you, role: "interpreter" }), null);
  assert.deepEqual(kinds(floor(WITNESS)), ["floor"]);
  assert.deepEqual(kinds(after(floor(WITNESS), { type: "muted", by: JUDGE })), ["floor"]);
  const locked = after(court, { type: "person", person: { ...you, locked: true } }, { type: "muted", by: JUDGE });
  assert.deepEqual(kinds(locked), ["locked"]);
  assert.deepEqual(kinds(after(locked, { type: "person", person: { ...you, locked: false } })), []);
  const held = after(court, { type: "hearing", state: "open", since: 0, openedAt: 0, ...calm, holds: true, objections: [{ number: 1, by: you.person }] });
  assert.equal(closedBy(held, you), null, "it holds those who give evidence");
  assert.equal(closedBy(held, { ...you, role: "witness" }), "objection");
  assert.equal(closedBy(held, { ...you, role: "expert" }), "objection");
  assert.equal(closedBy(held, { ...you, role: "witness", room: "waiting" }), null);
  assert.equal(closedBy(held, { ...you, role: "interpreter" }), null);
  assert.ok(hasObjected(held) && !hasObjected(court));
  const recess = after(court, { type: "hearing", state: "recess", since: 0, openedAt: 0, ...calm });
  assert.equal(closedBy(recess, you), "recess");
  assert.deepEqual(kinds(after(recess, { type: "hearing", state: "open", since: 0, openedAt: 0, ...calm })), ["resumed"]);
});

test("a screen is known by whose eyes and ears it is before", () => {
  const court = after(inCourt(), { type: "screens", screens: [
    { person: inCourt().you!.person, from: WITNESS, what: "both" }, { person: WITNESS, from: JUDGE, what: "sound" },
  ] });
  assert.equal(screenOf(court, WITNESS)?.what, "both");
  assert.equal(screenOf(court, JUDGE), null);
  assert.deepEqual(after(court, { type: "screens", screens: [] }).screens, []);
});

test("in camera is in session; a suspension is a pause; both keep the reason", () => {
  const camera = after(inCourt(), { type: "hearing", state: "in-camera", since: 0, openedAt: 0, ...calm, inCamera: true, reason: "A minor." });
  assert.ok(isInSession(camera) && isHeard(camera));
  assert.equal(camera.matter?.reason, "A minor.");
  const suspended = after(camera, { type: "hearing", state: "suspended", since: 0, openedAt: 0, ...calm, inCamera: true, reason: "No interpreter." });
  assert.ok(isPaused(suspended) && !isHeard(suspended));
  assert.equal(closedBy(suspended, suspended.you!), "recess");
  assert.deepEqual(kinds(after(suspended, { type: "hearing", state: "in-camera", since: 0, openedAt: 0, ...calm, inCamera: true })), ["resumed"]);
});

test("what is missing at the opening is told with the refusal", () => {
  const missing = { judge: true, record: false, consent: [WITNESS] };
  const refused = after(inCourt(), { type: "page:failed", code: "missing", missing });
  assert.deepEqual(refused.notices[0]?.missing, missing);
});
