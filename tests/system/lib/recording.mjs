// SPDX-License-Identifier: Apache-2.0
// Measures a recording as a listener would: decodes it with ffmpeg, then looks for tones, frame
// counters, and the instants at which sound and picture change together.
import { spawn } from "node:child_process";
import { readCounter } from "./fakes.mjs";

/** Runs a program; gives {stdout: Buffer, stderr: string}; fails unless it exits with 0. */
export function output(program, args) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const out = [];
    let err = "";
    child.stdout.on("data", (part) => out.push(part));
    child.stderr.on("data", (part) => (err += part));
    child.on("error", failed);
    child.on("close", (code) =>
      code === 0 ? done({ stdout: Buffer.concat(out), stderr: err }) : failed(new Error(`${program}: ${code}: ${err.slice(-2000)}`)),
    );
  });
}

/** Format and streams by ffprobe; `warnings` is whatever it complained of. */
export async function probe(file) {
  const { stdout, stderr } = await output("ffprobe", [
    "-v", "warning", "-print_format", "json", "-show_format", "-show_streams", file,
  ]);
  return { ...JSON.parse(stdout), warnings: stderr.trim() };
}

/** The lines of each picture, in order. */
export async function heights(file) {
  const { stdout } = await output("ffprobe", [
    "-v", "error", "-select_streams", "v", "-show_entries", "frame=height", "-of", "csv=p=0", file,
  ]);
  return stdout.toString().match(/^\d+/gm).map(Number);
}

/** The whole sound as mono floats at `rate`. Time runs from the file's zero: a late start and
 * holes are silence. */
export async function sound(file, rate = 16000) {
  const { stdout } = await output("ffmpeg", [
    "-v", "error", "-copyts", "-i", file, "-vn", "-af", `aresample=async=1:first_pts=0`, "-ac", "1", "-ar", String(rate), "-f", "f32le", "-",
  ]);
  return new Float32Array(stdout.buffer, stdout.byteOffset, stdout.length >> 2);
}

/** Level of one frequency in dB (Goertzel, Hann window) over a slice of samples. */
export function level(samples, hertz, rate) {
  const w = (2 * Math.PI * hertz) / rate;
  const c = 2 * Math.cos(w);
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length);
    const s = samples[i] * hann + c * s1 - s2;
    s2 = s1;
    s1 = s;
  }
  const power = (s1 * s1 + s2 * s2 - c * s1 * s2) / (samples.length / 4) ** 2 / 4;
  return 10 * Math.log10(Math.max(power, 1e-12));
}

/** The longest time in seconds, within [from, to], in which a steady tone is 10 dB under its usual
 * level: measured by windows of 10 ms, so a hole of 40 ms counts as about that. */
export function longestDip(samples, rate, hertz, from, to) {
  const window = Math.round(rate * 0.01);
  const hop = window >> 1;
  const found = [];
  for (let at = Math.round(from * rate); at + window <= to * rate; at += hop)
    found.push(at + window <= samples.length ? level(samples.subarray(at, at + window), hertz, rate) : -120);
  const usual = [...found].sort((a, b) => a - b)[found.length >> 1];
  let run = 0;
  let longest = 0;
  for (const db of found) {
    run = db < usual - 10 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return { usual, longest: (longest * hop) / rate };
}

/** Levels of each tone over [from, to) seconds: the mean power of windows of 1 s. One window over
 * all would ask for the phase too, which a voice brought back to its place in time loses. */
export function levels(samples, rate, tones, from, to) {
  const window = rate;
  const mean = (hertz) => {
    let power = 0;
    let count = 0;
    for (let at = Math.round(from * rate); at + window <= to * rate; at += window, count++)
      power += 10 ** (level(samples.subarray(at, at + window), hertz, rate) / 10);
    return 10 * Math.log10(power / count);
  };
  return Object.fromEntries(tones.map((hertz) => [hertz, mean(hertz)]));
}

/** Each frame as {at seconds, luma}: scaled to width x height, in file order; `luma` is good until
 * the next. */
export async function* frames(file, width, height) {
  const times = await output("ffprobe", [
    "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", file,
  ]);
  const at = times.stdout.toString().split("\n").filter(Boolean).map((line) => parseFloat(line));
  const child = spawn("ffmpeg", [
    "-v", "error", "-i", file, "-an", "-fps_mode", "passthrough", "-vf", `scale=${width}:${height}`, "-pix_fmt", "gray", "-f", "rawvideo", "-",
  ]);
  const luma = Buffer.alloc(width * height);
  let filled = 0;
  let n = 0;
  for await (const part of child.stdout) {
    for (let from = 0; from < part.length; ) {
      const taken = part.copy(luma, filled, from);
      from += taken;
      filled += taken;
      if (filled < luma.length) break;
      yield { at: at[n++], luma };
      filled = 0;
    }
  }
}

/** The frame counters of tiles (fractions of the picture) over time, one list a tile:
 * [{at, counter|null}], one entry a frame. */
export async function counters(file, tiles = [{ x: 0, y: 0, width: 1, height: 1 }]) {
  const width = 640;
  const height = 360;
  const areas = tiles.map((t) => ({ x: t.x * width, y: t.y * height, width: t.width * width, height: t.height * height }));
  const lists = tiles.map(() => []);
  for await (const frame of frames(file, width, height))
    for (const [i, area] of areas.entries())
      lists[i].push({ at: frame.at, counter: readCounter(frame.luma, width, height, area) });
  return lists;
}

/** The longest time in seconds between two changes of a counter, over [from, to]. */
export function longestHole(list, from, to) {
  let last = from;
  let longest = 0;
  let value = null;
  for (const { at, counter } of list) {
    if (at < from || at > to || counter === null) continue;
    if (counter !== value) {
      longest = Math.max(longest, at - last);
      last = at;
      value = counter;
    }
  }
  return Math.max(longest, to - last);
}

/** The instants, in seconds, at which a tone swells (flashAndBeep in fakes.mjs). */
export function swells(samples, rate, hertz) {
  const hop = Math.round(rate * 0.005);
  const window = Math.round(rate * 0.02);
  const found = [];
  let loud = true;
  for (let at = 0; at + window <= samples.length; at += hop) {
    const db = level(samples.subarray(at, at + window), hertz, rate);
    if (!loud && db > -18) found.push((at + window / 2) / rate);
    // Twelve decibels between the two keep one swell from being counted twice.
    if (db > -18) loud = true;
    else if (db < -24) loud = false;
  }
  return found;
}

/** The instants, in seconds, at which a tile (fractions of the picture) turns white. */
export async function flashes(file, tile = { x: 0, y: 0, width: 1, height: 1 }) {
  const width = 320;
  const height = 180;
  const found = [];
  let bright = true;
  for await (const { at, luma } of frames(file, width, height)) {
    // A patch below the frame counter and above the caption.
    const x = Math.round((tile.x + tile.width * 0.5) * width);
    const y = Math.round((tile.y + tile.height * 0.6) * height);
    let sum = 0;
    for (let dy = -3; dy <= 3; dy++) for (let dx = -3; dx <= 3; dx++) sum += luma[(y + dy) * width + x + dx];
    const mean = sum / 49;
    if (!bright && mean > 160) found.push(at);
    bright = mean > 120 ? mean > 160 || bright : false;
  }
  return found;
}
