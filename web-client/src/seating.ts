// SPDX-License-Identifier: Apache-2.0
/** Who sits where in the drawn courtroom, and whose picture comes through which seat of the media core. */
import { isAside, isTogether } from "./hearing.ts";
import type { Hearing } from "./hearing.ts";
import type { Action, Person, Role } from "./protocol.ts";

/** bench: judges and the clerk. left, right: parties and who speaks for them. stand: who gives evidence. gallery: the rest. */
export type Area = "bench" | "left" | "right" | "stand" | "gallery";

export interface Place {
  readonly key: string;
  readonly person: Person;
  readonly isYou: boolean;
  /** The seat whose picture this is; null when none comes (yourself, camera off, more people than seats). */
  readonly seat: number | null;
  readonly source: "camera" | "screen";
}

export type Seating = { readonly [area in Area]: readonly Place[] } & {
  /** Shown large above the rest: who is in the spotlight, then what is shared. */
  readonly screens: readonly Place[];
};

const SIDES: readonly Role[] = ["party", "lawyer"];
const BENCH: readonly Role[] = ["judge", "clerk"];
const STAND: readonly Role[] = ["witness", "expert", "interpreter"];

/**
 * The courtroom's people in stable places: judges before clerks, parties alternately left and right in the
 * order first seen. A place does not move when others come or go.
 */
export function seatingOf(hearing: Hearing): Seating {
  const areas: { [area in Area]: Place[] } = { bench: [], left: [], right: [], stand: [], gallery: [] };
  const spotlit: Place[] = [];
  let sides = 0;
  for (const [id, role] of hearing.order) {
    const isYou = hearing.you?.person === id;
    const person = isYou ? hearing.you : hearing.people.get(id);
    const turn = SIDES.includes(role) ? sides++ : 0;
    // By the side the court gave; else in turn.
    const side = person?.side ? person.side - 1 : turn;
    if (!person || !hearing.you || !isTogether(person, hearing.you) || !(person.connected || isYou)) continue;
    const place = { key: id, person, isYou, seat: isYou ? null : seatOf(hearing, id, "camera"), source: "camera" } as const;
    (hearing.matter?.spotlight === id ? spotlit : areas[areaOf(role, side)]).push(place);
  }
  areas.bench.sort((a, b) => BENCH.indexOf(a.person.role) - BENCH.indexOf(b.person.role));
  return { ...areas, screens: [...spotlit, ...screensOf(hearing)] };
}

function areaOf(role: Role, side: number): Area {
  if (BENCH.includes(role)) return "bench";
  if (SIDES.includes(role)) return side % 2 === 0 ? "left" : "right";
  return STAND.includes(role) ? "stand" : "gallery";
}

function seatOf(hearing: Hearing, person: string, source: "camera" | "screen"): number | null {
  const seat = hearing.seats.findIndex((one) => one.person === person && one.source === source);
  return seat < 0 ? null : seat;
}

function screensOf(hearing: Hearing): readonly Place[] {
  const places: Place[] = [];
  hearing.seats.forEach((seat, n) => {
    const person = seat.person === null ? undefined : hearing.people.get(seat.person);
    if (seat.source !== "screen" || !seat.video || !person) return;
    places.push({ key: `${person.person}-screen`, person, isYou: false, seat: n, source: "screen" });
  });
  return places;
}

/** The judge's and clerk's list: who waits first, then who is in the room, then who is away; by role within. */
export function rosterOf(hearing: Hearing): { readonly waiting: readonly Person[]; readonly inside: readonly Person[]; readonly aside: readonly Person[]; readonly away: readonly Person[] } {
  const people = [...hearing.order.keys()]
    .map((id) => hearing.people.get(id))
    .filter((person): person is Person => person !== undefined);
  return {
    waiting: people.filter((person) => person.connected && person.room === "waiting"),
    inside: people.filter((person) => person.room === "courtroom" && person.connected),
    aside: people.filter((person) => isAside(person) && person.connected),
    away: people.filter((person) => !person.connected || person.room === "outside"),
  };
}

/** Does this role's `may` or the people it sees call for the judge's and clerk's panel at all? */
export function hasPanel(hearing: Hearing): boolean {
  const mine: readonly Action[] = ["admit", "dismiss", "mute", "remove", "open", "recess", "resume", "suspend", "in-camera", "close", "records", "connections"];
  const bench = hearing.you?.role === "judge" || hearing.you?.role === "clerk";
  return bench || hearing.may.some((action) => mine.includes(action) && action !== "records");
}
