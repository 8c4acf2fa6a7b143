// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, emptyHearing } from "../../web-client/src/hearing.ts";
import type { Hearing } from "../../web-client/src/hearing.ts";
import type { Person, Role, ServerEvent } from "../../web-client/src/protocol.ts";
import { rosterOf, seatingOf } from "../../web-client/src/seating.ts";
import type { Seating } from "../../web-client/src/seating.ts";
import { initialsOf } from "../../web-client/src/view/tile.tsx";
import { calm, message } from "./samples.ts";

const welcome = message("welcome.json", "welcome");

function person(id: string, role: Role, more: Partial<Person> = {}): Person {
  return { ...welcome.you, person: id.padStart(16, "0"), name: id, role, room: "courtroom", side: 0, ...more };
}

const you = person("0", "party");

function hearingWith(people: readonly Person[], ...events: readonly ServerEvent[]): Hearing {
  const start = [
    { type: "page:welcome", welcome: { ...welcome, you, people }, atMs: 0 },
    { type: "page:joined", room: "courtroom", number: 0, seats: 3 },
    ...events,
  ] as const;
  return start.reduce(apply, emptyHearing);
}

function namesIn(seating: Seating): { [area: string]: readonly string[] } {
  const names = (area: keyof Seating) => seating[area].map((place) => place.person.name);
  return { bench: names("bench"), left: names("left"), right: names("right"), stand: names("stand"), gallery: names("gallery") };
}

test("everybody sits by role; the judge before the clerk whoever came first", () => {
  const hearing = hearingWith([
    person("1", "clerk"), person("2", "judge"), person("3", "party"), person("4", "lawyer"), person("5", "witness"),
    person("6", "interpreter"), person("7", "expert"), person("8", "observer"), person("9", "technician"),
  ]);
  assert.deepEqual(namesIn(seatingOf(hearing)), {
    bench: ["2", "1"], left: ["0", "4"], right: ["3"],
    stand: ["5", "6", "7"], gallery: ["8", "9"],
  });
});

test("who is in the spotlight is drawn above the rest, and back in its place afterwards", () => {
  const people = [person("1", "judge"), person("2", "witness")];
  const witness = people[1]!.person;
  const spotlight = (id: string | null) => ({ type: "hearing", state: "open", since: 0, openedAt: 0, ...calm, spotlight: id }) as const;
  const lit = seatingOf(hearingWith(people, spotlight(witness)));
  assert.deepEqual(lit.screens.map(({ person: { name } }) => name), ["2"]);
  assert.deepEqual(lit.stand, []);
  const after = seatingOf(hearingWith(people, spotlight(witness), spotlight(null)));
  assert.deepEqual([after.screens, after.stand.map(({ person: { name } }) => name)], [[], ["2"]]);
});

test("nobody moves when another comes or goes", () => {
  const before = hearingWith([person("1", "party"), person("2", "party"), person("3", "party")]);
  assert.deepEqual(namesIn(seatingOf(before)), { bench: [], left: ["0", "2"], right: ["1", "3"], stand: [], gallery: [] });
  const without = apply(before, { type: "gone", person: person("1", "party").person });
  assert.deepEqual(namesIn(seatingOf(without)), { bench: [], left: ["0", "2"], right: ["3"], stand: [], gallery: [] });
  const back = apply(without, { type: "person", person: person("1", "party") });
  assert.deepEqual(namesIn(seatingOf(back)), namesIn(seatingOf(before)));
});

test("only who is connected and in the courtroom is drawn", () => {
  const hearing = hearingWith([
    person("1", "judge", { connected: false }), person("2", "witness", { room: "waiting" }),
    person("3", "party", { room: "outside", connected: false }), person("4", "clerk"),
  ]);
  assert.deepEqual(namesIn(seatingOf(hearing)), { bench: ["4"], left: ["0"], right: [], stand: [], gallery: [] });
});

test("a place finds its seat; a screen is drawn apart", () => {
  const judge = person("2", "judge");
  const hearing = hearingWith([judge],
    { type: "seat", seat: 1, person: judge.person, source: "camera", audio: true, video: true },
    { type: "seat", seat: 2, person: judge.person, source: "screen", audio: false, video: true });
  const seating = seatingOf(hearing);
  assert.equal(seating.bench[0]?.seat, 1);
  assert.equal(seating.left[0]?.seat, null, "yourself comes through no seat");
  assert.deepEqual(seating.screens.map(({ seat, key }) => [seat, key]), [[2, `${judge.person}-screen`]]);
});

test("the roster tells apart who waits, who is in, who is away", () => {
  const hearing = hearingWith([
    person("1", "judge"), person("2", "witness", { room: "waiting" }), person("3", "party", { room: "waiting", connected: false }),
    person("4", "party", { room: "outside", connected: false }), person("5", "lawyer", { connected: false }),
  ]);
  const roster = rosterOf(hearing);
  const names = (people: readonly Person[]) => people.map((one) => one.name);
  assert.deepEqual([names(roster.waiting), names(roster.inside), names(roster.away)], [["2"], ["1"], ["3", "4", "5"]]);
});

test("initials of Latin and Chinese names", () => {
  const rows = [
    ["Li Wei", "LW"], ["anna maria de souza", "AS"], ["Zhao", "Z"], ["王小明", "小明"], ["李伟", "李伟"],
    ["欧阳 娜娜", "娜娜"], ["", ""], ["  ", ""], ["😀 x", "😀X"],
  ] as const;
  for (const [name, initials] of rows) assert.equal(initialsOf(name), initials, name);
});
