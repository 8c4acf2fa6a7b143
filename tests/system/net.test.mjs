// SPDX-License-Identifier: Apache-2.0
// The matrix of networks (tests/net): its lines do to plain datagrams what they are told, its figures
// say what was heard and seen, and a few of its cells run with real pages. How good the figures are is
// printed; only what must hold on any machine is asked for here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SHORT } from "../net/cells.mjs";
import { bitrate, concealed, figures, firstPicture, firstSound, keep, nothing, picture, pictureBack, sound, soundBack } from "../net/figures.mjs";
import { top } from "./lib/stack.mjs";

const may = process.getuid() === 0 ? {} : { skip: "network namespaces are made by root only" };

let dir;
before(async () => (dir = await mkdtemp(join(tmpdir(), "assize-net-"))));
after(() => rm(dir, { recursive: true, force: true }));

/** Runs tests/net/run; gives its figures. Prints what it printed. */
async function matrix(name, seconds, ...args) {
  const file = join(dir, `${name}.json`);
  const status = await new Promise((ended) => {
    const child = execFile(join(top, "tests/net/run"), [...args, "--json", file], { timeout: seconds * 1000 }, (error) => ended(error));
    child.stdout.pipe(process.stdout);
    child.stderr.pipe(process.stderr);
  });
  assert.equal(status, null);
  return JSON.parse(await readFile(file, "utf8"));
}

test("the lines do what they are told, and only that", { ...may, timeout: 90_000 }, async () => {
  const { lines } = await matrix("lines", 80, "--check");
  assert.deepEqual(lines.filter(({ ok }) => !ok), []);
  assert.ok(lines.length >= 17);
});

test("real pages behind poor lines hear and see each other", { ...may, timeout: 400_000 }, async () => {
  const { results } = await matrix("short", 390, "--cells", "short", "--seconds", "4", "--settle", "1");
  assert.deepEqual(results.map(({ name }) => name), SHORT);
  const of = Object.fromEntries(results.map((result) => [result.name, result.ways]));
  for (const [name, ways] of Object.entries(of))
    for (const [way, f] of Object.entries(ways)) {
      const where = `${name} ${way}: ${JSON.stringify(f)}`;
      assert.ok(f.sound > 0, where);
      assert.ok(f.firstSoundMs !== null && f.firstPictureMs !== null, where);
      assert.ok(f.bps > 30_000 && f.path.startsWith("udp"), where);
    }
  assert.ok(of["300 kbit/s down"].down.bps < 400_000, "what the line carries; the picture alone has 600 elsewhere");
  for (const way of ["up", "down"]) {
    for (const name of ["cut for 1 s", "another address"]) assert.ok(of[name][way].soundBackMs !== null, JSON.stringify(of[name]));
    assert.ok(of["delay 50 ms each way"][way].firstSoundMs > 400, "four ways there and back at least: STUN, DTLS");
  }
  assert.ok(of["IPv6 only"].up.path.endsWith("IPv6"));
});

/** Looks each 20 ms from 0 to `to`; the tone stands where `is(ms)`. */
function looks(to, is) {
  const all = [];
  for (let t = 0; t < to; t += 20) all.push(is(t) ? [t, 3e-4, 1e-9, 2.9e-4] : [t, 1e-5, 1e-9, 1e-9]);
  return all;
}

test("a second counts as heard when the tone stands in most of it", () => {
  assert.deepEqual(sound(looks(4000, () => true), 1, 0, 4000), { seconds: 4, share: 1, silentMs: 20 });
  assert.deepEqual(sound(looks(4000, () => true), 0, 0, 4000), { seconds: 4, share: 0, silentMs: 4000 });
  const hole = looks(4000, (t) => t < 1100 || t >= 1500);
  assert.deepEqual(sound(hole, 1, 0, 4000), { seconds: 4, share: 0.75, silentMs: 420 });
  // What a cut took is not asked for; a page that looked too seldom proves nothing.
  assert.deepEqual(sound(hole, 1, 0, 4000, [[1000, 1600]]), { seconds: 3, share: 1, silentMs: 20 });
  assert.equal(sound(looks(4000, () => true).filter((_, i) => i % 4 === 0), 1, 0, 4000).share, null);
});

test("the first sound is a tone that stays, the first picture one that moves", () => {
  assert.equal(firstSound(looks(3000, (t) => t === 500 || t >= 900), 1, 100), 900);
  assert.equal(firstSound(looks(3000, () => false), 1, 0), null);
  assert.equal(firstPicture([[10, 7, 360], [60, 7, 360], [110, 8, 360]], 20), 110);
  assert.equal(firstPicture(undefined, 0), null);
});

test("what is back stays", () => {
  // On its way when the path went until 300, gone, a moment at 1000, and there from 2000 on.
  assert.equal(soundBack(looks(5000, (t) => t < 300 || t === 1000 || t >= 2000), 1, 100), 2000);
  assert.equal(soundBack(looks(3900, (t) => t >= 2000), 1, 100), null, "not long enough to know");
  const at = (...times) => times.map((t, n) => [t, n, 360]);
  assert.equal(pictureBack(at(50, 1500, 2200, 3000, 3600), 100), 1500);
  assert.equal(pictureBack(at(50, 1500, 2200, 3300, 3600), 100), null);
});

test("a freeze is a picture that stands, whether or not frames come", () => {
  const frames = [];
  for (let t = 0; t <= 3000; t += 50) frames.push([t, t > 1000 && t < 1600 ? 20 : t / 50, 180]);
  assert.deepEqual(picture(frames, 0, 3000), { freezes: 1, longestMs: 600, fps: 49 / 3, height: 180 });
  assert.deepEqual(picture(frames, 0, 3000, [[1000, 1600]]).freezes, 0);
  assert.deepEqual(picture([], 0, 3000), { freezes: 1, longestMs: 3000, fps: 0, height: 0 });
});

test("counters begin anew when a page comes back", () => {
  const reports = [[0, 1000], [1000, 2000], [2000, 500], [3000, 1500]].map(([at, received]) => ({ at, received, samples: received, concealed: received / 10 }));
  assert.equal(bitrate(reports, "received", 0, 3000), ((1000 + 500 + 1000) * 8) / 3);
  assert.equal(concealed(reports, 0, 3000), 0.1);
  assert.equal(concealed([], 0, 3000), null);
});

test("figures of one way", () => {
  const viewer = keep(nothing(), { looks: looks(6000, (t) => t < 2000 || t >= 3000), frames: { p: [] }, reports: [{ at: 0, received: 0 }, { at: 5000, received: 5000, path: "udp" }] });
  keep(viewer, { looks: [], frames: { p: [[3500, 1, 360], [4400, 2, 360], [5300, 3, 360], [5600, 4, 360]] }, reports: [] });
  const estimates = [{ at: 4000, estimate: 90_000 }, { at: 100, estimate: 5 }];
  const f = figures({ viewer, estimates, tone: 1, person: "p", from: 0, to: 5000, pressed: 0, link: 100_000, back: 2500 });
  assert.deepEqual([f.sound, f.soundBackMs, f.pictureBackMs, f.bps, f.estimate, f.height, f.path], [0.8, 500, 1000, 8000, 90_000, 360, "udp"]);
});
