// SPDX-License-Identifier: Apache-2.0
/** What the device and its line bear, judged every LOOK_EVERY_MS; and what is to be said of it. No DOM, no network. */
import type { Hearing } from "./hearing.ts";

export const LOOK_EVERY_MS = 2000;
/** So many looks in a row must show strain before less is asked of the device. Ours: 6 s. */
const STRAINED_LOOKS = 3;
/** So many without, before all is asked again; doubled with each relapse. Ours: 20 s to 160 s. */
const RESTED_LOOKS = 10;
const RESTED_LOOKS_MOST = 80;
/** A decoder that drops more than this of its frames is behind. Ours. */
const DROPPED_MOST = 0.15;
/** A device that plays less of a second than this does not keep up even with sound. Ours; 0.99 to 1.01 where it does. */
const PLAYED_LEAST = 0.9;
/** A camera whose encoder works for more of a second than this has no room left. As libwebrtc's own limit, which not
 * every browser has. */
const ENCODING_MOST = 0.85;
/** Fewer frames than this say nothing. Ours. */
const FRAMES_LEAST = 20;
/** Below this, sound alone is proposed, if a picture is held besides: two small pictures with sound. Ours. */
export const PROPOSE_BPS = 250_000;
/** For so many looks in a row. Ours: 6 s. */
const PROPOSE_LOOKS = 3;
/** A way up that carries less has no room for a picture beside sound: the least that browsers send of one, 30 kbit/s,
 * and the sound take 90. Ours. */
export const THIN_BPS = 90_000;
/** Nor has one that loses so much of the sound, and is taken to carry less than this: what is lost by chance alone is
 * lost on wider lines too, and giving the picture up would not help. Ours. */
export const THIN_LOST = 0.1;
export const THIN_LOSING_BPS = 150_000;
/** For so many looks in a row. Ours: 4 s, in which the sound suffers. */
const THIN_LOOKS = 2;
/** From here on there is room again, said so often in a row. Ours. */
export const WIDE_BPS = 200_000;
const WIDE_LOOKS = 3;
/** Without a picture little is learned of the line, so one is tried after so many looks; four times as many after each
 * relapse, since a try costs some seconds of clear sound where nothing has changed. Ours: 1 min to 16 min. */
const THIN_REST_LOOKS = 30;
const THIN_REST_LOOKS_MOST = 480;

/** Counters of what is sent and received, and what the browser says limits what it sends. */
export interface Load {
  readonly limit: "none" | "cpu" | "bandwidth" | "other";
  readonly decoded: number;
  readonly dropped: number;
  /** When it was read, of a clock that only runs forward; ms. */
  readonly atMs: number;
  /** Sound played, made up or not, since the stream began that has played longest; s. */
  readonly playedS: number;
  /** Of encoding the camera's picture; s. */
  readonly encodingS: number;
  /** What the browser takes the way up to carry, bit/s; null: it does not say. */
  readonly mayBps: number | null;
  /** Of what the microphone sends lately, as the server reports it, of 1. */
  readonly lost: number;
  /** A camera's picture is sent. */
  readonly pictured: boolean;
}

export const noLoad: Load = { limit: "none", decoded: 0, dropped: 0, atMs: 0, playedS: 0, encodingS: 0, mayBps: null, lost: 0, pictured: false };

export interface Effort {
  readonly last: Load | null;
  /** Less is asked of the device: no top layer sent, half the height received. */
  readonly spared: boolean;
  readonly strained: number;
  readonly rested: number;
  readonly restFor: number;
  /** Looks in a row at which the line limited what is sent. */
  readonly narrow: number;
  /** Looks in a row at which sound alone would be better. */
  readonly starved: number;
  /** The way up carries sound alone: no picture is sent by it, and the sound takes less. */
  readonly thin: boolean;
  /** Looks in a row that say otherwise, and all looks since that began. */
  readonly against: number;
  readonly thinSince: number;
  readonly thinFor: number;
  /** The person wants no proposal any more. */
  readonly dismissed: boolean;
}

export const noEffort: Effort = {
  last: null, spared: false, strained: 0, rested: 0, restFor: RESTED_LOOKS, narrow: 0, starved: 0,
  thin: false, against: 0, thinSince: 0, thinFor: THIN_REST_LOOKS, dismissed: false,
};

/** Judges one look. */
export function looked(effort: Effort, load: Load, hearing: Hearing): Effort {
  const held = hearing.seats.some((seat) => seat.held && seat.person !== null);
  const starved = held && hearing.lineBps !== null && hearing.lineBps < PROPOSE_BPS;
  const next = {
    ...lineJudged(effort, load),
    last: load,
    narrow: load.limit === "bandwidth" ? effort.narrow + 1 : 0,
    starved: starved ? effort.starved + 1 : 0,
  };
  return isStrained(effort.last, load) ? strained(next) : rested(next);
}

function isStrained(before: Load | null, now: Load): boolean {
  if (now.limit === "cpu") return true;
  if (before === null) return false;
  const dropped = now.dropped - before.dropped;
  const decoded = now.decoded - before.decoded;
  if (decoded + dropped >= FRAMES_LEAST && dropped > DROPPED_MOST * (decoded + dropped)) return true;
  const seconds = (now.atMs - before.atMs) / 1000;
  const played = now.playedS - before.playedS;
  // None at all is a loudspeaker that is being changed, or a browser that plays nothing yet.
  if (played > 0 && played < PLAYED_LEAST * seconds) return true;
  return seconds > 0 && now.encodingS - before.encodingS > ENCODING_MOST * seconds;
}

function strained(effort: Effort): Effort {
  const count = effort.strained + 1;
  if (effort.spared || count < STRAINED_LOOKS) return { ...effort, strained: count, rested: 0 };
  return { ...effort, strained: 0, rested: 0, spared: true };
}

function rested(effort: Effort): Effort {
  const count = effort.rested + 1;
  if (!effort.spared || count < effort.restFor) return { ...effort, strained: 0, rested: count };
  // Should the strain come back, the next rest is longer.
  const restFor = Math.min(RESTED_LOOKS_MOST, effort.restFor * 2);
  return { ...effort, strained: 0, rested: 0, spared: false, restFor };
}

function isThin({ mayBps, lost, pictured }: Load): boolean {
  return pictured && mayBps !== null && (mayBps < THIN_BPS || (mayBps < THIN_LOSING_BPS && lost > THIN_LOST));
}

function lineJudged(effort: Effort, load: Load): Effort {
  const may = load.mayBps;
  if (!effort.thin) {
    const against = isThin(load) ? effort.against + 1 : 0;
    return against < THIN_LOOKS ? { ...effort, against } : { ...effort, thin: true, against: 0, thinSince: 0 };
  }
  const against = may !== null && may >= WIDE_BPS ? effort.against + 1 : 0;
  const thinSince = effort.thinSince + 1;
  if (against < WIDE_LOOKS && thinSince < effort.thinFor) return { ...effort, against, thinSince };
  return { ...effort, thin: false, against: 0, thinSince, thinFor: Math.min(THIN_REST_LOOKS_MOST, effort.thinFor * 4) };
}

/** The line limits what is sent, and is none that finding out whether it carries more would fill. */
export function mayGrow({ narrow, last }: Effort): boolean {
  return narrow > 0 && (last?.mayBps ?? 0) >= WIDE_BPS;
}

/** The person wants the picture tried now. */
export function pictureTried(effort: Effort): Effort {
  return { ...effort, thin: false, against: 0 };
}

/** What is said of the own connection, the gravest first; null: all is well. */
export type Advice = "propose" | "held" | "thin" | "cpu" | "sending";

export function adviceOf(effort: Effort, hearing: Hearing, soundOnly: boolean): Advice | null {
  const held = hearing.seats.some((seat) => seat.held && seat.person !== null);
  if (!soundOnly && !effort.dismissed && effort.starved >= PROPOSE_LOOKS) return "propose";
  if (!soundOnly && held) return "held";
  if (effort.thin) return "thin";
  if (effort.spared) return "cpu";
  return effort.narrow >= STRAINED_LOOKS ? "sending" : null;
}
