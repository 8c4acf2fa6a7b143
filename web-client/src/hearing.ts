// SPDX-License-Identifier: Apache-2.0
/** What the page knows of a hearing, and how each message or event of the page changes it. No DOM, no network. */
import type {
  Action, Aside, ErrorCode, HearingState, Matter, Missing, OnRecord, Person, Role, Room, Screen, ServerEvent, Welcome,
} from "./protocol.ts";
import { ASIDE } from "./protocol.ts";

/** arriving: no welcome yet. lobby: devices are being chosen. joining: asked for a place. present: has one. */
export type Stage = "arriving" | "lobby" | "joining" | "present" | "over";

/** The error codes that a hello is refused with. */
const REFUSALS = [
  "bad-message", "too-fast", "protocol-version", "bad-token", "expired-token", "revoked-token", "already-joined", "not-allowed", "full", "internal",
] as const;

/** Why the page's part is over. */
export type Ending = "left" | "removed" | "closed" | "elsewhere" | "token-gone" | (typeof REFUSALS)[number];

/** Any other would be the server's fault. */
export function refusalOf(code: ErrorCode): Ending {
  return REFUSALS.find((one) => one === code) ?? "internal";
}

/** One seat of the media core. `turn` grows with each new occupant; a tile waits for its first picture. */
export interface Seat {
  readonly person: string | null;
  readonly source: "camera" | "screen";
  readonly audio: boolean;
  readonly video: boolean;
  readonly turn: number;
  /** The seat showed somebody else before: old pictures may still come for a moment. */
  readonly warm: boolean;
  /** The line does not carry its picture: the last one stays. */
  readonly held: boolean;
}

export type NoticeKind =
  | "entered" | "gone" | "parted" | "locked" | "waiting" | "hand" | "muted" | "admitted" | "sent-back" | "aside" | "floor" | "resumed" | "failed" | "linked";

/** Something to tell the person once. `name` is whom it concerns, `code` why something failed. */
export interface Notice {
  readonly id: number;
  readonly kind: NoticeKind;
  /** Newer news of the same person replaces it. */
  readonly person: string | null;
  readonly name: string | null;
  readonly code: ErrorCode | "lost" | "late" | null;
  /** Of the code `missing`. */
  readonly missing?: Missing;
}

/** A room beside the courtroom that one is asked into. */
export interface Asked {
  readonly room: Aside;
  readonly number: number;
  readonly by: string | null;
}

export interface Hearing {
  readonly stage: Stage;
  readonly ending: Ending | null;
  readonly linkUp: boolean;
  /** Joining, and the server was full when last asked: it is asked again by itself. */
  readonly waitsForRoom: boolean;
  /** Set once a welcome came; the five below are of no meaning before. */
  readonly you: Person | null;
  readonly matter: Matter | null;
  readonly may: readonly Action[];
  readonly record: OnRecord;
  readonly asked: Asked | null;
  /** Those one is to know of. */
  readonly screens: readonly Screen[];
  /** Everybody else we may know of. */
  readonly people: ReadonlyMap<string, Person>;
  /** Person ids with their role, in the order first seen; kept after they go, so that places stay. */
  readonly order: ReadonlyMap<string, Role>;
  readonly seats: readonly Seat[];
  readonly speaking: ReadonlySet<string>;
  /** What the way from the server to this page carries; null: not told. */
  readonly lineBps: number | null;
  /** Server's clock minus ours. */
  readonly clockAheadMs: number;
  readonly notices: readonly Notice[];
  readonly noticesEver: number;
}

/** Events of the page itself; `at` is the page's clock where time matters. */
export type PageEvent =
  | { type: "page:welcome"; welcome: Welcome; atMs: number }
  | { type: "page:linkLost" }
  | { type: "page:joining" }
  | { type: "page:joined"; room: Room; number: number; seats: number }
  | { type: "page:serverFull" }
  | { type: "page:joinFailed"; code: ErrorCode | "lost" | "late" }
  | { type: "page:failed"; code: ErrorCode | "lost" | "late"; missing?: Missing }
  | { type: "page:noticeSeen"; id: number }
  | { type: "page:over"; ending: Ending };

/** Notices kept at most; older ones give way. */
export const NOTICES_MOST = 4;

export const emptyHearing: Hearing = {
  stage: "arriving",
  ending: null,
  linkUp: false,
  waitsForRoom: false,
  you: null,
  matter: null,
  may: [],
  record: { state: "off", since: 0, percent: null, reason: null },
  asked: null,
  screens: [],
  people: new Map(),
  order: new Map(),
  seats: [],
  speaking: new Set(),
  lineBps: null,
  clockAheadMs: 0,
  notices: [],
  noticesEver: 0,
};

export function apply(hearing: Hearing, event: ServerEvent | PageEvent): Hearing {
  switch (event.type) {
    case "page:welcome":
      return welcomed(hearing, event.welcome, event.atMs);
    case "page:linkLost":
      return withoutOldNews({ ...hearing, linkUp: false, speaking: new Set() });
    case "page:joining":
      return { ...hearing, stage: "joining", waitsForRoom: false };
    case "page:serverFull":
      return { ...hearing, stage: "joining", waitsForRoom: true };
    case "page:joined":
      return {
        ...hearing,
        stage: "present",
        waitsForRoom: false,
        lineBps: null,
        you: hearing.you && { ...hearing.you, room: event.room, number: event.number },
        seats: Array.from({ length: event.seats }, (_, n) => ({ ...emptySeat, turn: hearing.seats[n]?.turn ?? 0 })),
      };
    case "page:joinFailed":
      return notify({ ...hearing, stage: hearing.stage === "joining" ? "lobby" : hearing.stage, waitsForRoom: false },
        "failed", null, null, event.code);
    case "page:failed":
      return notify(hearing, "failed", null, null, event.code, event.missing);
    case "page:noticeSeen":
      return { ...hearing, notices: hearing.notices.filter((notice) => notice.id !== event.id) };
    case "page:over":
      return { ...hearing, stage: "over", ending: event.ending, linkUp: false, waitsForRoom: false, notices: [] };
    case "seat":
      return seated(hearing, event);
    case "seatPicture":
      return {
        ...hearing,
        seats: hearing.seats.map((seat, n) => (n === event.seat ? { ...seat, held: event.picture === "held" } : seat)),
      };
    case "layers": case "connections":
      return hearing; // the business of the media, and of whoever watches
    case "line":
      return { ...hearing, lineBps: event.bps };
    case "speaking":
      return { ...hearing, speaking: new Set(event.people) };
    case "mediaLost":
      return { ...hearing, speaking: new Set() };
    case "person":
      return personChanged(hearing, event.person);
    case "people":
      return withoutOldNews(withPeople(hearing, event.people));
    case "gone":
      return gone(hearing, event.person);
    case "hearing":
      return wentOn(hearing, event);
    case "room":
      return moved(hearing, event.room, event.number, event.by);
    case "asked":
      return { ...hearing, asked: event.room && { room: event.room, number: event.number, by: event.by } };
    case "screens":
      return { ...hearing, screens: event.screens };
    case "may":
      return { ...hearing, may: event.may };
    case "record":
      return {
        ...hearing,
        record: { state: event.state, since: event.since, percent: event.percent, reason: event.reason },
      };
    case "muted":
      return muted(hearing, event.by);
    default:
      return unreachable(event);
  }
}

/** Closes a switch over a union: tsc finds the missing case. */
export function unreachable(value: never): never {
  throw new Error(`unhandled ${JSON.stringify(value)}`);
}

/** The person's shown name, or null for one we do not know. */
export function nameOf(hearing: Hearing, person: string | null): string | null {
  if (person === null) return null;
  if (hearing.you?.person === person) return hearing.you.name;
  return hearing.people.get(person)?.name ?? null;
}

/** Those who only hear and see. The others of signaling/access.c may publish, once in the courtroom. */
const LISTENERS: readonly Role[] = ["observer", "technician"];

/** Has this person's microphone and camera any use in the hearing, now or later? */
export function isSpeaker(hearing: Hearing): boolean {
  return hearing.may.includes("produce") || (hearing.you !== null && !LISTENERS.includes(hearing.you.role));
}

/** In a room beside the courtroom, private to those in it. */
export function isAside(person: Person | null): boolean {
  return ASIDE.some((room) => room === person?.room);
}

/** Are both in one room, where people meet? */
export function isTogether(a: Person, b: Person): boolean {
  return a.room === b.room && a.number === b.number && (a.room === "courtroom" || isAside(a));
}

/** Does this page's microphone and camera reach anybody now? */
export function isHeard(hearing: Hearing): boolean {
  const inSession = hearing.you?.room === "courtroom" && !isPaused(hearing);
  return hearing.stage === "present"
    && (inSession || isAside(hearing.you))
    && hearing.matter?.state !== "closed"
    && hearing.may.includes("produce");
}

/** Those whose microphones stay open while another has the floor, as signaling/access.c has it. */
const KEEP_FLOOR: readonly Role[] = ["judge", "clerk", "interpreter"];

/** Why the court keeps this person's microphone closed, or null: it may be opened. */
export function closedBy(hearing: Hearing, person: Person): "locked" | "floor" | "recess" | "objection" | null {
  const floor = hearing.matter?.floor ?? null;
  if (person.room !== "courtroom") return null;
  if (isPaused(hearing)) return "recess";
  if (hearing.matter?.holds && testifies(person)) return "objection";
  if (person.locked) return "locked";
  return floor !== null && floor !== person.person && !KEEP_FLOOR.includes(person.role) ? "floor" : null;
}

/** What it says is evidence: under oath it is bound to nobody but the judge. */
export function testifies({ role }: Person): boolean {
  return role === "witness" || role === "expert";
}

/** Does an objection of one's own wait for a ruling? */
export function hasObjected({ matter, you }: Hearing): boolean {
  return matter?.objections.some(({ by }) => by === you?.person) ?? false;
}

/** Is the person kept from one's eyes or ears by a screen, or one from theirs? */
export function screenOf(hearing: Hearing, person: string): Screen | null {
  const me = hearing.you?.person;
  return hearing.screens.find((screen) => screen.person === me && screen.from === person) ?? null;
}

export function isState(hearing: Hearing, ...states: readonly HearingState[]): boolean {
  return hearing.matter !== null && states.includes(hearing.matter.state);
}

/** A recess, or a suspension: nobody in the courtroom is heard. */
export function isPaused(hearing: Hearing): boolean {
  return isState(hearing, "recess", "suspended");
}

/** Is the hearing in session, doors open or closed? */
export function isInSession(hearing: Hearing): boolean {
  return isState(hearing, "open", "in-camera");
}

/** How long the hearing has been in session by our clock, recesses included: a recess does not begin it anew. */
export function inSessionMs(hearing: Hearing, nowMs: number): number {
  const { matter, clockAheadMs } = hearing;
  return matter ? Math.max(0, nowMs + clockAheadMs - (matter.openedAt ?? matter.since)) : 0;
}

const emptySeat: Seat = {
  person: null, source: "camera", audio: false, video: false, turn: 0, warm: false, held: false,
};

function welcomed(hearing: Hearing, welcome: Welcome, atMs: number): Hearing {
  const back = hearing.stage === "present" || hearing.stage === "joining";
  const next: Hearing = withPeople({
    ...hearing,
    stage: hearing.stage === "arriving" ? "lobby" : hearing.stage,
    linkUp: true,
    you: welcome.you,
    matter: welcome.hearing,
    may: welcome.may,
    record: welcome.record,
    // Told again right behind, if there are any.
    asked: null,
    screens: [],
    clockAheadMs: welcome.serverTime - atMs,
  }, welcome.people);
  const news = withoutOldNews(next);
  return back && !hearing.linkUp ? notify(news, "linked", null, null) : news;
}

function seated(hearing: Hearing, event: Extract<ServerEvent, { type: "seat" }>): Hearing {
  const before = hearing.seats[event.seat];
  if (!before) return hearing;
  const same = before.person === event.person && before.source === event.source;
  const seat: Seat = {
    person: event.person,
    source: event.source,
    audio: event.audio,
    video: event.video,
    turn: same ? before.turn : before.turn + 1,
    warm: same ? before.warm : before.person !== null && before.video,
    held: before.held,
  };
  return { ...hearing, seats: hearing.seats.map((old, n) => (n === event.seat ? seat : old)) };
}

function personChanged(hearing: Hearing, person: Person): Hearing {
  if (person.person === hearing.you?.person) {
    const spoke = person.microphone === "on" && hearing.you.microphone === "off";
    const notices = spoke ? hearing.notices.filter(({ kind }) => kind !== "muted") : hearing.notices;
    return withoutOldNews({ ...hearing, you: person, notices });
  }
  const next = withoutOldNews(withPerson(hearing, person));
  return isState(hearing, "closed") ? next : toldOf(hearing, next, person);
}

/** All whom we see from now on: whoever is here was here before, so there is nothing to announce. */
function withPeople(hearing: Hearing, people: readonly Person[]): Hearing {
  const { you } = hearing;
  const others = people.filter(({ person }) => person !== you?.person);
  return {
    ...hearing,
    people: new Map(others.map((person) => [person.person, person])),
    // Sorted, so that those who arrive later agree on who sits left and who right.
    order: withSeen(hearing.order, you ? [you, ...others] : others),
  };
}

function withPerson(hearing: Hearing, person: Person): Hearing {
  return {
    ...hearing,
    people: new Map(hearing.people).set(person.person, person),
    order: withSeen(hearing.order, [person]),
  };
}

/** Who comes, goes or raises a hand is told; once the hearing is closed nobody need know. */
function toldOf(hearing: Hearing, next: Hearing, person: Person): Hearing {
  const before = hearing.people.get(person.person);
  const here = person.connected && person.room !== "outside";
  const wasHere = before !== undefined && before.connected && before.room !== "outside";
  const moved = before?.room !== person.room;
  if (here && moved && person.room === "waiting") return notify(next, "waiting", person.person, person.name);
  if (here && moved && person.room === "courtroom") return notify(next, "entered", person.person, person.name);
  if (!here && wasHere) return notify(next, "gone", person.person, person.name);
  if (person.hand && before && !before.hand) return notify(next, "hand", person.person, person.name);
  return next;
}

/** Takes away the notices of what is so no more: who waited was let in, a hand went down, a lost one is back. */
function withoutOldNews(hearing: Hearing): Hearing {
  const notices = hearing.notices.filter((notice) => isStillSo(hearing, notice));
  return notices.length === hearing.notices.length ? hearing : { ...hearing, notices };
}

function isStillSo(hearing: Hearing, { kind, person: id }: Notice): boolean {
  const person = id === null ? undefined : hearing.people.get(id);
  switch (kind) {
    case "waiting":
      return person !== undefined && person.connected && person.room === "waiting";
    case "entered":
      return person !== undefined && person.connected && person.room === "courtroom";
    case "hand":
      return person !== undefined && person.connected && person.hand;
    case "gone":
      return person === undefined || !person.connected || person.room === "outside";
    case "parted":
      return person === undefined || hearing.you === null || !isTogether(person, hearing.you);
    case "locked":
      return hearing.you?.locked ?? false;
    case "admitted":
      return hearing.you?.room === "courtroom";
    case "sent-back":
      return hearing.you?.room === "waiting";
    case "aside":
      return isAside(hearing.you);
    case "floor":
      return (hearing.matter?.floor ?? null) !== null;
    case "linked":
      return hearing.linkUp;
    // These tell of a moment; time takes them away.
    case "muted": case "failed": case "resumed":
      return true;
    default:
      return unreachable(kind);
  }
}

function gone(hearing: Hearing, person: string): Hearing {
  const before = hearing.people.get(person);
  if (!before) return hearing;
  const people = new Map(hearing.people);
  people.delete(person);
  const next = withoutOldNews({ ...hearing, people });
  // Outside the courtroom everybody else goes out of sight, and nobody is missed.
  const missed = before.connected && hearing.you !== null && isTogether(before, hearing.you) && !isState(hearing, "closed");
  return missed ? notify(next, "parted", person, before.name) : next;
}

/** The recess and another's floor are told of themselves. */
function muted(hearing: Hearing, by: string | null): Hearing {
  const why = hearing.you && closedBy(hearing, hearing.you);
  if (why === "recess" || why === "floor" || why === "objection") return hearing;
  return notify(hearing, why ?? "muted", null, nameOf(hearing, by));
}

/** The hearing's course, or who has the floor. */
function wentOn(hearing: Hearing, { type: _type, ...course }: Extract<ServerEvent, { type: "hearing" }>): Hearing {
  const { state, floor } = course;
  const before = hearing.matter?.floor ?? null;
  const next: Hearing = {
    ...hearing,
    // What came before the end is of no more interest.
    notices: state === "closed" ? [] : hearing.notices,
    matter: hearing.matter && { ...hearing.matter, ...course },
  };
  const inside = hearing.you?.room === "courtroom";
  if (inside && isPaused(hearing) && isInSession(next) && isSpeaker(hearing)) return notify(next, "resumed", null, null);
  const told = inside && floor !== null && floor !== before;
  return withoutOldNews(told ? notify(next, "floor", floor, floor === hearing.you?.person ? null : nameOf(hearing, floor)) : next);
}

function moved(hearing: Hearing, room: Room, number: number, by: string | null): Hearing {
  if (!hearing.you || (hearing.you.room === room && hearing.you.number === number)) return hearing;
  const inside = room === "courtroom";
  const next: Hearing = {
    ...hearing,
    you: { ...hearing.you, room, number },
    asked: null,
    // Who sits there is told next; until then nobody of the room before.
    seats: hearing.seats.map((seat) => ({ ...seat, person: null, audio: false, video: false })),
    speaking: new Set(),
    notices: inside ? hearing.notices.filter(({ kind }) => kind !== "sent-back") : [],
  };
  if (isState(hearing, "closed")) return next;
  if (inside) return notify(next, "admitted", null, nameOf(hearing, by));
  if (isAside(next.you)) return notify(next, "aside", null, null);
  if (room === "waiting" && hearing.you.room === "courtroom") {
    return notify(next, "sent-back", null, nameOf(hearing, by));
  }
  return next;
}

function notify(
  hearing: Hearing,
  kind: NoticeKind,
  person: string | null,
  name: string | null,
  code: Notice["code"] = null,
  missing?: Missing,
): Hearing {
  const notice: Notice = { id: hearing.noticesEver + 1, kind, person, name, code, ...(missing ? { missing } : {}) };
  const others = hearing.notices.filter((old) => person === null || old.person !== person);
  return { ...hearing, notices: [...others, notice].slice(-NOTICES_MOST), noticesEver: notice.id };
}

function withSeen(order: ReadonlyMap<string, Role>, people: readonly Person[]): ReadonlyMap<string, Role> {
  const fresh = people.filter(({ person }) => !order.has(person)).sort((a, b) => (a.person < b.person ? -1 : 1));
  return fresh.length === 0 ? order : new Map([...order, ...fresh.map(({ person, role }) => [person, role] as const)]);
}
