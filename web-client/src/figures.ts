// SPDX-License-Identifier: Apache-2.0
/**
 * What everybody's connection is like: decoded from events and from the lines that are kept, remembered over time, and
 * judged for people. Trusts nothing, like protocol.ts; apart from it, since few pages load it. No DOM, no network.
 */
import { count, hexId, instant, list, object, oneOf, optional, parseJson, ROLES, text, truth } from "./protocol.ts";
import type { Decoded, Decoder, Role } from "./protocol.ts";

const up = object({ bps: count, loss: count, jitterMs: count, layers: list(count), height: count });
const down = object({ bps: count, loss: count, jitterMs: count, pictures: count, held: count, height: count });
const figures = object({
  at: instant, person: hexId, quality: count, cut: truth, rttMs: count, estimateBps: count, up, down,
  microphone: oneOf("off", "on", "silent", "private"), soundOnly: truth, overloaded: truth, thinLine: truth, path: optional(text),
});
/** Who a person of the lines is. */
const named = object({ at: instant, person: hexId, name: text, role: oneOf(...ROLES) });

export type Figures = Decoded<typeof figures>;
export type Named = Decoded<typeof named>;

/** Figures kept of one person; the oldest give way. Ours: twenty minutes of a live hearing. */
const KEPT_MOST = 600;
/** Points of one graph, of a hearing however long. Ours. */
export const POINTS_MOST = 240;
/** Without news for so long, figures are of the past. Ours: five times of what they come in. */
export const STALE_MS = 10_000;

/** Everybody's figures so far, oldest first, and their names as far as lines said them. */
export interface Past {
  readonly people: ReadonlyMap<string, readonly Figures[]>;
  readonly names: ReadonlyMap<string, { readonly name: string; readonly role: Role }>;
}

export const noPast: Past = { people: new Map(), names: new Map() };

/** Takes in lines or samples; what is none of them is left out, and so is what is older than what is there. */
export function grown(past: Past, values: readonly unknown[], most = KEPT_MOST): Past {
  const people = new Map<string, Figures[]>();
  const names = new Map(past.names);
  for (const value of values) {
    const name = (named as Decoder<Named>)(value);
    if (name) names.set(name.person, { name: name.name, role: name.role });
    const one = name ? undefined : figures(value);
    if (!one) continue;
    const list = people.get(one.person) ?? [...(past.people.get(one.person) ?? [])];
    people.set(one.person, list);
    const last = list[list.length - 1];
    if (!last || one.at > last.at) list.push(one);
  }
  for (const [person, all] of people) people.set(person, all.slice(-most));
  return { people: new Map([...past.people, ...people]), names };
}

/** The file of a hearing: a line each; what cannot be read is left out. */
export function parseKept(body: string): Past {
  return grown(noPast, body.split("\n").map((line) => (line === "" ? undefined : parseJson(line))), Infinity);
}

export type Mark = "good" | "poor" | "bad" | "cut" | "unknown";

export function markOf(one: Figures): Mark {
  if (one.cut) return "cut";
  return (["unknown", "bad", "poor", "good", "good"] as const)[one.quality] ?? "unknown";
}

/** What is wrong, or notable, with a connection; `n` is percent, ms, bit/s or a number of pictures. */
export type Finding =
  | { readonly kind: "losesDown" | "losesUp" | "late" | "slow" | "held"; readonly n: number }
  | { readonly kind: "cut" | "silent" | "soundOnly" | "thinLine" | "overloaded" | "relay" | "tcp" };

/** From here on loss, permille, round trip and line are called poor. As signaling/effects.c judges them. */
const LOSS_POOR = 30;
const RTT_POOR_MS = 500;
const LINE_POOR_BPS = 300_000;

/** The gravest first. */
export function findingsOf(one: Figures): readonly Finding[] {
  const found: Finding[] = [];
  if (one.cut) found.push({ kind: "cut" });
  if (one.microphone === "silent") found.push({ kind: "silent" });
  if (one.up.loss > LOSS_POOR) found.push({ kind: "losesUp", n: one.up.loss / 10 });
  if (one.down.loss > LOSS_POOR) found.push({ kind: "losesDown", n: one.down.loss / 10 });
  if (one.rttMs > RTT_POOR_MS) found.push({ kind: "late", n: one.rttMs });
  const isSlow = one.estimateBps > 0 && one.estimateBps < LINE_POOR_BPS && (one.quality === 1 || one.quality === 2 || one.down.held > 0);
  if (isSlow) found.push({ kind: "slow", n: one.estimateBps });
  if (one.down.held > 0) found.push({ kind: "held", n: one.down.held });
  if (one.soundOnly) found.push({ kind: "soundOnly" });
  if (one.thinLine) found.push({ kind: "thinLine" });
  if (one.overloaded) found.push({ kind: "overloaded" });
  if (one.path?.startsWith("relay")) found.push({ kind: "relay" });
  else if (one.path?.startsWith("tcp")) found.push({ kind: "tcp" });
  return found;
}

/** Of a stretch of time, the worst; the middle of it where nothing is better or worse. */
function worstOf(part: readonly Figures[]): Figures {
  const most = (pick: (one: Figures) => number) => Math.max(...part.map(pick));
  const mean = (pick: (one: Figures) => number) => Math.round(part.reduce((sum, one) => sum + pick(one), 0) / part.length);
  const last = part[part.length - 1] as Figures;
  const known = part.map(({ quality }) => quality).filter((quality) => quality > 0);
  return {
    ...last,
    quality: known.length > 0 ? Math.min(...known) : 0,
    cut: part.some(({ cut }) => cut),
    rttMs: most(({ rttMs }) => rttMs),
    up: { ...last.up, bps: mean((one) => one.up.bps), loss: most((one) => one.up.loss), jitterMs: most((one) => one.up.jitterMs) },
    down: {
      ...last.down, bps: mean((one) => one.down.bps), loss: most((one) => one.down.loss),
      jitterMs: most((one) => one.down.jitterMs), held: most((one) => one.down.held),
    },
  };
}

/** At most `most` figures, each the worst of its part of the time from the first to the last. */
export function thinned(all: readonly Figures[], most: number): readonly Figures[] {
  const first = all[0];
  const last = all[all.length - 1];
  if (!first || !last || all.length <= most) return all;
  const partMs = (last.at - first.at + 1) / most;
  const parts = new Map<number, Figures[]>();
  for (const one of all) {
    const n = Math.floor((one.at - first.at) / partMs);
    const part = parts.get(n);
    if (part) part.push(one);
    else parts.set(n, [one]);
  }
  return [...parts.values()].map(worstOf);
}

/** Lines of a graph: points (0 to 1 each way, y up) of stretches without a gap longer than `gapMs`. */
export function linesOf(
  all: readonly Figures[], pick: (one: Figures) => number, most: number, fromMs: number, toMs: number, gapMs: number,
): readonly (readonly (readonly [number, number])[])[] {
  const lines: (readonly [number, number])[][] = [];
  let before = -Infinity;
  for (const one of all) {
    const point = [(one.at - fromMs) / Math.max(1, toMs - fromMs), Math.min(1, pick(one) / most)] as const;
    if (one.at - before > gapMs) lines.push([point]);
    else lines[lines.length - 1]?.push(point);
    before = one.at;
  }
  return lines;
}
