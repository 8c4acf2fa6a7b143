// SPDX-License-Identifier: Apache-2.0
// From what a page noted (watch.mjs) to the figures of the matrix. Pure: times are ms since the
// epoch, bitrates bit/s.

/** A tone stands in a look: it is no quieter than this, and not drowned in what is made up. */
const HEARD_POWER = 1e-6; // -60 dB of full scale; a page's own tone comes with -35
const HEARD_SHARE = 0.3;
/** A second counts as heard when the tone stands in so many of its looks, if so many were taken. */
const HEARD_LOOKS = 0.8;
const LOOKS_LEAST = 20;
/** What the issue calls a freeze. */
const FREEZE_MS = 200;
/** What is back stays so long, without a longer hole than these. */
const STAYS_MS = 2000;
const SOUND_GAP_MS = 300;
const PICTURE_GAP_MS = 1000;

const isHeard = (look, tone) => look[tone + 2] >= HEARD_POWER && look[tone + 2] >= HEARD_SHARE * look[1];

/** Adds what was noted since to what is kept. */
export function keep(kept, more) {
  kept.looks.push(...more.looks);
  kept.reports.push(...more.reports);
  for (const [person, frames] of Object.entries(more.frames)) (kept.frames[person] ??= []).push(...frames);
  return kept;
}

export const nothing = () => ({ looks: [], frames: {}, reports: [] });

/** Of the whole seconds of [from, to) outside `without` ([[from, to]]): the share in which tone number
 * `tone` was heard, and the longest time it was not. Null where too little was looked. */
export function sound(looks, tone, from, to, without = []) {
  let [seconds, heard, silent, longest] = [0, 0, from, 0];
  for (let at = from; at + 1000 <= to; at += 1000) {
    if (without.some(([a, b]) => at < b && at + 1000 > a)) continue;
    const those = looks.filter(([t]) => t >= at && t < at + 1000);
    if (those.length < LOOKS_LEAST) continue;
    seconds++;
    if (those.filter((look) => isHeard(look, tone)).length >= HEARD_LOOKS * those.length) heard++;
  }
  for (const look of looks) {
    if (look[0] < from || look[0] >= to) continue;
    const cut = without.find(([a, b]) => look[0] >= a && look[0] < b);
    if (cut) silent = cut[1];
    else if (isHeard(look, tone)) {
      longest = Math.max(longest, look[0] - silent);
      silent = look[0];
    }
  }
  longest = Math.max(longest, to - silent);
  return { seconds, share: seconds ? heard / seconds : null, silentMs: Math.round(longest) };
}

/** When the tone first stands in three looks running, from `from` on; null: never. */
export function firstSound(looks, tone, from) {
  for (let i = 0; i + 2 < looks.length; i++)
    if (looks[i][0] >= from && [0, 1, 2].every((k) => isHeard(looks[i + k], tone))) return looks[i][0];
  return null;
}

/** Of what stands at these times, the first from `from` on after which it stays: for 2 s nothing longer
 * than `gap` is missing. Null: never, or not yet. What is still on its way when a path goes, or is made
 * up for a moment, is so not taken for its return. */
function settled(times, from, gap) {
  let began = null;
  let last = null;
  for (const t of times) {
    if (t < from) continue;
    if (last === null || t - last > gap) began = t;
    if (t - began >= STAYS_MS) return began;
    last = t;
  }
  return null;
}

export const soundBack = (looks, tone, from) => settled(looks.filter((look) => isHeard(look, tone)).map(([t]) => t), from, SOUND_GAP_MS);
export const pictureBack = (frames, from) => settled(moving(frames).map(([t]) => t), from, PICTURE_GAP_MS);

/** Frames that show another counter than the one before them. */
const moving = (frames = []) => frames.filter((frame, i) => i === 0 || frame[1] !== frames[i - 1][1]);

export const firstPicture = (frames, from) => moving(frames).find(([t]) => t >= from)?.[0] ?? null;

/** Freezes over 200 ms in [from, to) (beginning, end and what lies between), the longest, frames a
 * second, and the picture's lines at the end. */
export function picture(frames, from, to, without = []) {
  const those = moving(frames).filter(([t]) => t >= from && t < to);
  const times = [from, ...those.map(([t]) => t), to];
  let [freezes, longest] = [0, 0];
  for (let i = 1; i < times.length; i++) {
    let [a, b] = [times[i - 1], times[i]];
    for (const [c, d] of without) if (a < d && b > c) a = Math.min(b, Math.max(a, d));
    if (b - a > FREEZE_MS) freezes++;
    longest = Math.max(longest, b - a);
  }
  return { freezes, longestMs: Math.round(longest), fps: (those.length * 1000) / (to - from), height: those.at(-1)?.[2] ?? 0 };
}

/** How much a counter of the reports grew in [from, to), and over how many ms. */
function growth(reports, key, from, to) {
  const those = reports.filter((r) => r.at >= from - 500 && r.at <= to + 500 && r[key] !== undefined);
  let grown = 0;
  // A page that comes back begins anew, from 0.
  for (let i = 1; i < those.length; i++) grown += those[i][key] >= those[i - 1][key] ? those[i][key] - those[i - 1][key] : those[i][key];
  return { grown, ms: those.length > 1 ? those.at(-1).at - those[0].at : 0 };
}

export function concealed(reports, from, to) {
  const samples = growth(reports, "samples", from, to).grown;
  return samples ? growth(reports, "concealed", from, to).grown / samples : null;
}

export function bitrate(reports, key, from, to) {
  const { grown, ms } = growth(reports, key, from, to);
  return ms ? (grown * 8000) / ms : null;
}

export const counted = (reports, key, from, to) => growth(reports, key, from, to).grown;

/** The mean of a value that reports tell as it is. */
export function mean(reports, key, from, to) {
  const those = reports.filter((r) => r.at >= from && r.at <= to && r[key]);
  return those.length ? those.reduce((sum, r) => sum + r[key], 0) / those.length : null;
}

/** What `viewer`'s page noted of a person: {tone, person} from `from` to `to`, of a way that carries
 * `link` bit/s (null: unlimited). `estimates`: what its sender takes it to carry, [{at, estimate}]. */
export function figures({ viewer, estimates, tone, person, from, to, without, pressed, link, back }) {
  const frames = viewer.frames[person];
  const heard = sound(viewer.looks, tone, from, to, without);
  const seen = picture(frames, from, to, without);
  const middle = (from + to) / 2; // an estimate is steady by then, if ever
  const since = (at, first) => (at === null || first === undefined ? null : Math.round(at - first));
  return {
    seconds: heard.seconds,
    sound: heard.share,
    silentMs: heard.silentMs,
    concealed: concealed(viewer.reports, from, to),
    freezes: seen.freezes,
    longestFreezeMs: seen.longestMs,
    fps: seen.fps,
    height: seen.height,
    browserFreezes: counted(viewer.reports, "freezes", from, to),
    browserFrozenMs: Math.round(1000 * counted(viewer.reports, "frozen", from, to)),
    firstSoundMs: since(firstSound(viewer.looks, tone, pressed), pressed),
    firstPictureMs: since(firstPicture(frames, pressed), pressed),
    bps: bitrate(viewer.reports, "received", from, to),
    link: link ?? null,
    estimate: mean(estimates, "estimate", middle, to),
    soundBackMs: back === undefined ? null : since(soundBack(viewer.looks, tone, back), back),
    pictureBackMs: back === undefined ? null : since(pictureBack(frames, back), back),
    path: viewer.reports.at(-1)?.path ?? null,
  };
}
