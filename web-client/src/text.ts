// SPDX-License-Identifier: Apache-2.0
/** All words shown, in every language. `Text` is the English dictionary's shape: tsc refuses a missing key. */
import type { NoticeKind, Ending } from "./hearing.ts";
import type { Advice } from "./effort.ts";
import type { DeviceProblem } from "./devices.ts";
import type { Path } from "./path.ts";
import type { Aside, ErrorCode, HearingState, Person, RecordState, Role, Room, Screen } from "./protocol.ts";
import type { Rendering, Trouble } from "./records.ts";
import type { Unsupported } from "./support.ts";
import { en } from "./text-en.ts";
import { zh } from "./text-zh.ts";

export type Language = "en" | "zh-Hans";

export interface Text {
  readonly name: string;
  readonly tagline: string;
  readonly language: { readonly other: string };
  readonly skip: string;
  readonly close: string;
  readonly cancel: string;
  readonly roles: { readonly [role in Role]: string };
  readonly states: { readonly [state in HearingState]: string };
  readonly rooms: { readonly [room in Room]: string };
  /** A party's, to an online hearing. */
  readonly consent: { readonly [said in Person["consent"]]: string } & { readonly yes: string; readonly no: string; readonly withdraw: string };
  /** Why the hearing cannot be opened. */
  readonly missing: { readonly judge: string; readonly record: string; readonly consent: (names: string) => string };
  /** Rooms beside the courtroom. */
  readonly aside: {
    readonly title: string; readonly hint: string; readonly kind: string; readonly who: string;
    readonly nobody: string; readonly ask: string; readonly consult: string;
    readonly in: { readonly [room in Aside]: string };
    readonly asked: (name: string | null, where: string) => string; readonly enter: string; readonly decline: string;
    readonly private: string; readonly open: string; readonly back: string; readonly notRecorded: string; readonly alone: string;
    readonly rooms: string; readonly callBack: string; readonly callBackName: (name: string) => string;
  };
  readonly home: {
    readonly title: string; readonly about: string; readonly open: string; readonly paste: string;
    readonly pasteHint: string; readonly go: string; readonly badLink: string; readonly noToken: string;
    readonly need: string; readonly needs: readonly string[]; readonly trouble: string;
  };
  readonly arriving: string;
  readonly lobby: {
    readonly title: string; readonly greeting: (name: string) => string; readonly yourRole: string;
    readonly when: string; readonly court: string; readonly caseNumber: string;
    readonly state: string; readonly devices: string; readonly asking: string; readonly preview: string;
    readonly cameraOff: string; readonly microphone: string; readonly camera: string; readonly speaker: string;
    readonly defaultDevice: string; readonly unnamed: (n: number) => string; readonly level: string;
    readonly levelHint: string; readonly testSpeaker: string; readonly testing: string;
    readonly join: string; readonly joining: string; readonly waitsForRoom: string; readonly serverFull: string; readonly joinWithout: string; readonly tryAgain: string;
    readonly noMicrophoneTitle: string; readonly noMicrophone: string; readonly noMicrophoneJoin: string;
    readonly notRecorded: string; readonly useCamera: string; readonly useMicrophone: string;
    readonly listener: string;
  };
  readonly problems: { readonly [problem in DeviceProblem]: (device: string) => string };
  /** The system, not the person, has turned it off. */
  readonly silenced: { readonly microphone: string; readonly camera: string };
  readonly unsupported: { readonly title: string; readonly advice: string }
    & { readonly [reason in Unsupported]: string };
  readonly waiting: {
    readonly title: string; readonly private: string; readonly next: string;
    readonly hearingIs: { readonly [state in HearingState]: string }; readonly yourPicture: string;
    readonly onlyYou: string;
  };
  readonly courtroom: {
    readonly title: string; readonly bench: string; readonly left: string; readonly right: string;
    readonly stand: string; readonly gallery: string; readonly screen: (name: string) => string;
    readonly you: string; readonly speaking: string; readonly muted: string; readonly microphoneOn: string;
    readonly cameraOff: string; readonly handUp: string; readonly away: string;
    readonly quality: readonly [string, string, string, string, string];
    /** Said right behind the quality. */
    readonly path: Readonly<Record<Path, string>>;
    readonly elapsed: string; readonly alone: string; readonly recessTitle: string; readonly recess: string;
    readonly recessMicrophone: string; readonly notOpen: string;
    readonly closedTitle: string; readonly closed: string; readonly soundBlocked: string;
    readonly turnOnSound: string;
    /** In place of a moving picture that the line does not carry. */
    readonly held: string;
    readonly unsent: string;
    /** In place of what a screen keeps away. */
    readonly screened: { readonly [what in Screen["what"]]: string };
    readonly floor: string; readonly suspendedTitle: string; readonly reason: (words: string) => string;
    readonly inCamera: string; readonly inCameraPublic: string;
    readonly closedMicrophone: string;
  };
  readonly record: { readonly [state in RecordState]: string } & {
    readonly label: string; readonly unknown: string; readonly lostBecause: (reason: string) => string;
    readonly renderingPercent: (percent: number) => string;
    readonly notInRecess: string;
  };
  /** What a control is called holds its `short` name: who speaks to the computer says what stands there (WCAG 2.5.3). */
  readonly controls: {
    readonly label: string; readonly mute: string; readonly unmute: string; readonly cameraOn: string;
    readonly cameraOff: string; readonly raise: string; readonly lower: string; readonly share: string;
    readonly unshare: string; readonly leave: string; readonly people: string; readonly settings: string;
    readonly leaveTitle: string; readonly leaveText: string; readonly leaveYes: string; readonly stay: string;
    readonly shortcuts: string; readonly muted: string;
    readonly soundOnly: string; readonly withPictures: string;
    /** Why the court keeps the microphone closed. */
    readonly closed: { readonly [reason in "locked" | "floor" | "recess" | "objection"]: string };
    readonly live: string; readonly short: {
      readonly aside: string;
      readonly microphone: string; readonly camera: string; readonly hand: string; readonly share: string;
      readonly soundOnly: string; readonly people: string; readonly settings: string; readonly leave: string;
      readonly objection: string;
    };
  };
  readonly people: {
    readonly title: string; readonly waiting: string; readonly inside: string; readonly away: string;
    readonly nobodyWaits: string; readonly admit: string; readonly admitAll: string;
    readonly admitName: (name: string) => string; readonly dismiss: string; readonly mute: string;
    readonly lowerHand: string; readonly remove: string; readonly more: (name: string) => string;
    readonly removeTitle: (name: string) => string; readonly removeText: string; readonly removeYes: string;
    readonly dismissTitle: (name: string) => string; readonly dismissText: string; readonly dismissYes: string;
    readonly course: string; readonly open: string; readonly recess: string; readonly resume: string;
    readonly closeHearing: string; readonly closeTitle: string; readonly closeText: string;
    readonly closeYes: string; readonly notJoined: string; readonly lostConnection: string;
    readonly waitingCount: (n: number) => string; readonly connections: string;
    readonly lock: string; readonly unlock: string; readonly locked: string; readonly muteAll: string;
    readonly giveFloor: string; readonly openFloor: string;
    readonly screen: string; readonly screenTitle: (name: string) => string; readonly screenText: string;
    readonly suspend: string; readonly doorsClose: string; readonly doorsOpen: string; readonly reason: string;
    readonly reasoned: { readonly [about in "suspend" | "in-camera"]: { readonly title: string; readonly text: string; readonly yes: string } };
    readonly consents: { readonly [said in Person["consent"]]: string };
    readonly nobodyElse: string; readonly screened: { readonly [what in "none" | Screen["what"]]: string };
  };
  readonly advice: { readonly [advice in Advice]: string } & { readonly accept: string; readonly refuse: string; readonly tryPicture: string };
  readonly link: { readonly lost: string; readonly media: string };
  readonly notices: { readonly [kind in NoticeKind]: (name: string | null, why: string) => string }
    & { readonly dismiss: string };
  readonly errors: { readonly [code in ErrorCode | "lost" | "late"]: string };
  readonly over: {
    readonly [ending in Ending]: { readonly title: string; readonly text: string };
  } & {
    readonly again: string; readonly useHere: string; readonly reload: string;
    readonly records: string; readonly help: string;
  };
  readonly records: {
    readonly title: string; readonly intro: string; readonly loading: string; readonly empty: string;
    readonly emptyText: string; readonly refused: string; readonly failed: string; readonly old: string; readonly again: string;
    readonly opened: string; readonly closed: string; readonly duration: string;
    readonly whole: string; readonly wholeText: string; readonly tracks: string; readonly tracksText: string;
    readonly play: string; readonly stop: string; readonly download: string; readonly downloadName: (what: string) => string;
    readonly playName: (what: string) => string; readonly fingerprint: string; readonly copy: string;
    readonly copied: string; readonly render: string;
    readonly asked: { readonly [rendering in Rendering]: string }; readonly progress: string;
    readonly trouble: { readonly [trouble in Trouble]: string }; readonly trying: string; readonly noFiles: string; readonly neverOpened: string;
  };
}

const dictionaries: { readonly [language in Language]: Text } = { en, "zh-Hans": zh };

export function textIn(language: Language): Text {
  return dictionaries[language];
}

/** The language remembered, else the first of the browser's we know, else English. */
export function chooseLanguage(remembered: string | null, browser: readonly string[]): Language {
  if (remembered === "en" || remembered === "zh-Hans") return remembered;
  for (const tag of browser) {
    if (/^zh\b/i.test(tag)) return "zh-Hans";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/** Dates, durations and sizes as people of that language write them. */
export function dateTime(language: Language, ms: number): string {
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: "long", timeStyle: "short" }).format(ms);
}

export function timeOfDay(language: Language, ms: number): string {
  return new Intl.DateTimeFormat(localeOf(language), { timeStyle: "short" }).format(ms);
}

/** 5025000 is 1:23:45. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** 1048576 is 1 MB: decimal units, as operating systems now count. */
export function fileSize(language: Language, bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = value < 10 && unit > 0 ? 1 : 0;
  const number = new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(value);
  return `${number} ${UNITS[unit]}`;
}

function localeOf(language: Language): string {
  return language === "zh-Hans" ? "zh-CN" : "en-GB";
}
