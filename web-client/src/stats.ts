// SPDX-License-Identifier: Apache-2.0
/** getStats() to the few numbers we show, log and test with. */

import { noLoad } from "./effort.ts";
import type { Load } from "./effort.ts";

/** Of one received or sent stream. All counters since the stream began. */
export interface StreamNumbers {
  readonly packets: number;
  readonly lost: number;
  readonly bytes: number;
  /** Decoded, or encoded when sent. */
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly freezes: number;
  /** 0 to 1; loudness of the last moment. */
  readonly audioLevel: number;
  /** Samples made up by the browser for sound that was lost, not for silence. */
  readonly concealedSamples: number;
  readonly samples: number;
}

export const noNumbers: StreamNumbers = {
  packets: 0, lost: 0, bytes: 0, frames: 0, width: 0, height: 0, freezes: 0, audioLevel: 0,
  concealedSamples: 0, samples: 0,
};

export interface SeatNumbers {
  readonly seat: number;
  readonly person: string | null;
  readonly audio: StreamNumbers;
  readonly video: StreamNumbers;
}

export interface PageNumbers {
  readonly seats: readonly SeatNumbers[];
  readonly up: { readonly microphone: StreamNumbers; readonly camera: StreamNumbers };
}

type Raw = { readonly [key: string]: unknown };

/** What one report says of the stream it is about. Simulcast layers are added up. */
export function numbersOf(report: Iterable<readonly [string, unknown]>): StreamNumbers {
  let sum = noNumbers;
  for (const [, entry] of report) {
    if (typeof entry !== "object" || entry === null) continue;
    const raw = entry as Raw;
    if (raw["type"] === "inbound-rtp") sum = add(sum, received(raw));
    if (raw["type"] === "outbound-rtp") sum = add(sum, sent(raw));
  }
  return sum;
}

/** What a report says of the device's load: what limits what is sent, what is decoded too late. */
export function loadOf(report: Iterable<readonly [string, unknown]>): Load {
  let load = noLoad;
  for (const [, entry] of report) {
    if (typeof entry !== "object" || entry === null) continue;
    const raw = entry as Raw;
    if (raw["type"] === "inbound-rtp") {
      const playedS = raw["kind"] === "audio" ? of(raw, "totalSamplesDuration") : 0;
      load = addLoads(load, { ...noLoad, decoded: of(raw, "framesDecoded"), dropped: of(raw, "framesDropped"), playedS });
    }
    // Each layer says how long the picture took with all its layers.
    if (raw["type"] === "outbound-rtp") load = addLoads(load, { ...noLoad, encodingS: of(raw, "totalEncodeTime") });
    const reason = raw["qualityLimitationReason"];
    if (raw["type"] === "outbound-rtp" && raw["active"] !== false && (reason === "cpu" || reason === "bandwidth")) {
      load = addLoads(load, { ...noLoad, limit: reason });
    }
  }
  return load;
}

/** Grows with whatever comes by a transport, answers to its own checks too. */
export function heardOn(report: Iterable<readonly [string, unknown]>): number {
  let heard = 0;
  for (const [, entry] of report) {
    if (typeof entry !== "object" || entry === null) continue;
    const raw = entry as Raw;
    if (raw["type"] === "candidate-pair") heard += of(raw, "bytesReceived") + of(raw, "responsesReceived");
  }
  return heard;
}

export function addLoads(a: Load, b: Load): Load {
  const limit = [a.limit, b.limit].includes("cpu") ? "cpu" : a.limit === "none" ? b.limit : a.limit;
  return {
    limit, decoded: a.decoded + b.decoded, dropped: a.dropped + b.dropped, atMs: Math.max(a.atMs, b.atMs),
    playedS: Math.max(a.playedS, b.playedS), encodingS: Math.max(a.encodingS, b.encodingS),
    mayBps: a.mayBps ?? b.mayBps, lost: Math.max(a.lost, b.lost), pictured: a.pictured || b.pictured,
  };
}

/** Of what is sent, as the other side's reports have it, of 1. */
export function lostOf(report: Iterable<readonly [string, unknown]>): number {
  const entries = [...report].map(([, entry]) => entry).filter((entry): entry is Raw => typeof entry === "object" && entry !== null);
  return Math.max(0, ...entries.filter((raw) => raw["type"] === "remote-inbound-rtp").map((raw) => of(raw, "fractionLost")));
}

/** What the browser takes the way to carry that a transport's report is about, bit/s. Chromium says it. */
export function mayBpsOf(report: Iterable<readonly [string, unknown]>): number | null {
  const entries = [...report].map(([, entry]) => entry).filter((entry): entry is Raw => typeof entry === "object" && entry !== null);
  const selected = entries.find((raw) => raw["type"] === "transport")?.["selectedCandidatePairId"];
  const may = entries.find((raw) => raw["id"] === selected)?.["availableOutgoingBitrate"];
  return typeof may === "number" && may > 0 ? may : null;
}

function received(raw: Raw): StreamNumbers {
  return {
    packets: of(raw, "packetsReceived"),
    lost: of(raw, "packetsLost"),
    bytes: of(raw, "bytesReceived"),
    frames: of(raw, "framesDecoded"),
    width: of(raw, "frameWidth"),
    height: of(raw, "frameHeight"),
    freezes: of(raw, "freezeCount"),
    audioLevel: of(raw, "audioLevel"),
    concealedSamples: Math.max(0, of(raw, "concealedSamples") - of(raw, "silentConcealedSamples")),
    samples: of(raw, "totalSamplesReceived"),
  };
}

function sent(raw: Raw): StreamNumbers {
  return {
    ...noNumbers,
    packets: of(raw, "packetsSent"),
    bytes: of(raw, "bytesSent"),
    frames: of(raw, "framesEncoded"),
    width: of(raw, "frameWidth"),
    height: of(raw, "frameHeight"),
  };
}

function add(a: StreamNumbers, b: StreamNumbers): StreamNumbers {
  return {
    packets: a.packets + b.packets,
    lost: a.lost + b.lost,
    bytes: a.bytes + b.bytes,
    frames: a.frames + b.frames,
    width: Math.max(a.width, b.width),
    height: Math.max(a.height, b.height),
    freezes: a.freezes + b.freezes,
    audioLevel: Math.max(a.audioLevel, b.audioLevel),
    concealedSamples: a.concealedSamples + b.concealedSamples,
    samples: a.samples + b.samples,
  };
}

function of(raw: Raw, key: string): number {
  const value = raw[key];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
