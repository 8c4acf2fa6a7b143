// SPDX-License-Identifier: Apache-2.0
// A record made in real browsers plays where a clerk will play it: in place in Firefox, and the
// files in VLC. (Chromium, ffprobe and what is measured in the files: record.test.mjs.)
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS, readCounter } from "./lib/fakes.mjs";
import { Person } from "./lib/people.mjs";
import { output } from "./lib/recording.mjs";
import { Stack, until } from "./lib/stack.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor" },
  { role: "party", name: "李伟" },
  { role: "clerk", name: "Anna Lindqvist" },
];
const SPEAKERS = [0, 1];
const IN_SESSION_S = 8;
/** Where two people sit in the picture (recorder/layout.c). */
const TILES = [
  { x: 0, y: 0.25, width: 0.5, height: 0.5 },
  { x: 0.5, y: 0.25, width: 0.5, height: 0.5 },
];

let stack, hearing, firefox, page, records, manifest;

before(async () => {
  stack = await Stack.start({ env: { ASSIZE_RECORDER_VIDEO_WIDTH: "640", ASSIZE_RECORDER_VIDEO_HEIGHT: "360" } });
  hearing = await stack.hearing(PEOPLE);
  const browsers = [];
  const people = [];
  try {
    for (const n of SPEAKERS) {
      browsers.push(await Browser.launch("chromium", n));
      people.push(await Person.arrive(browsers[n], hearing.people[n]));
      await people[n].join();
    }
    await people[0].admit(people[1]);
    await people[1].sees("page-courtroom");
    await people[0].press("open-hearing");
    await people[0].waitState("record", "on", 8);
    const began = await people[0].page.evaluate(() => performance.now());
    // Time in session is what is wanted: the page's own clock tells it.
    await people[0].page.waitForFunction((from, wait) => performance.now() - from > wait * 1000, {}, began, IN_SESSION_S);
    await people[0].press("close-hearing");
    await people[0].press("close-question-yes");
    await people[0].waitState("record-progress", "ready", 60);
  } finally {
    for (const browser of browsers) await browser.close();
  }
  records = join(stack.dir, "records", hearing.hearing);
  manifest = JSON.parse(await readFile(join(records, "manifest.json"), "utf8"));
  firefox = await Browser.launch("firefox", 2);
  page = await firefox.open(hearing.people[2].link.replace("/hearing#", "/records#"));
  await page.waitForSelector('[data-testid="record-entry"][data-state="ready"]', { timeout: 20_000 });
}, { timeout: 180_000 });

after(async () => {
  await firefox?.close();
  await stack?.stop();
});

const VIDEO = '[data-testid="player-video"]';

/** What the player shows now: its clock, its fault, and the frame counter of each tile. */
function look(tiles) {
  return page.$eval(
    VIDEO,
    (video, areas, counter, bits) => {
      const state = { at: video.currentTime, duration: video.duration, ended: video.ended, error: video.error?.message ?? null };
      if (!video.videoWidth) return { ...state, width: 0, counters: [] };
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(video, 0, 0);
      const bit = (tile, n) => {
        const x = canvas.width * (tile.x + tile.width * (counter.left + (counter.width * (n + 0.5)) / bits));
        const y = canvas.height * (tile.y + tile.height * (counter.top + counter.height / 2));
        const pixels = pen.getImageData(Math.round(x) - 2, Math.round(y) - 2, 5, 5).data;
        let sum = 0;
        for (let i = 0; i < pixels.length; i += 4) sum += pixels[i + 1];
        return sum / (pixels.length / 4);
      };
      const read = (tile) => {
        let value = 0;
        for (let n = 0; n < bits; n++) {
          const mean = bit(tile, n);
          if (mean > 70 && mean < 150) return null;
          value = (value << 1) | (mean >= 150 ? 1 : 0);
        }
        return value;
      };
      return { ...state, width: video.videoWidth, counters: areas.map(read) };
    },
    tiles, COUNTER, COUNTER_BITS,
  );
}

/** Levels in dB of the tones in what the player sounds like. */
function listen(tones) {
  return page.$eval(
    VIDEO,
    async (video, wanted) => {
      const context = new AudioContext();
      await context.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 16384;
      analyser.smoothingTimeConstant = 0;
      context.createMediaElementSource(video).connect(analyser);
      analyser.connect(context.destination);
      await new Promise((wake) => {
        const began = context.currentTime;
        const turn = () => (context.currentTime - began > 1 ? wake() : setTimeout(turn, 20));
        turn();
      });
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      return wanted.map((hertz) => {
        const centre = Math.round((hertz * analyser.fftSize) / context.sampleRate);
        return Math.max(-200, ...bins.slice(centre - 2, centre + 3));
      });
    },
    tones,
  );
}

/** Presses Play of a file, watches and listens, jumps near its end and waits for the end. */
async function playsToItsEnd(selector, tiles, tones, silentTone) {
  await page.$eval(`${selector} [data-testid="play"]`, (button) => button.click());
  await page.waitForSelector(VIDEO, { timeout: 10_000 });
  await until("it begins to play", 20, async () => (await look(tiles)).at > 0.5);
  const heard = await listen([...tones, silentTone]);
  for (const [i, tone] of tones.entries())
    assert.ok(heard[i] - heard.at(-1) >= 30, `${tone} Hz: ${JSON.stringify(heard)}`);
  const seen = tiles.map(() => new Set());
  const last = await until("it has played for 3 s, pictures changing", 20, async () => {
    const now = await look(tiles);
    assert.equal(now.error, null);
    now.counters.forEach((counter, i) => counter !== null && seen[i].add(counter));
    return now.at > 3 && seen.every((counters) => counters.size >= 4) ? now : null;
  });
  assert.ok(last.duration > IN_SESSION_S && last.duration < IN_SESSION_S + 15, `duration ${last.duration}`);
  await page.$eval(VIDEO, (video) => { video.currentTime = video.duration - 2; });
  const end = await until("it came to its end", 20, async () => {
    const now = await look(tiles);
    return now.ended ? now : null;
  });
  assert.equal(end.error, null);
  assert.equal(await page.$('.player [role="alert"]'), null, "the page has nothing to complain of");
}

test("Firefox plays the composite in place, from its start and after a jump, to its end", { timeout: 90_000 }, async () => {
  await playsToItsEnd('[data-testid="file"][data-kind="composite"]', TILES, [TONES[0], TONES[1]], TONES[5]);
});

test("Firefox plays a speaker's track in place", { timeout: 90_000 }, async () => {
  const person = hearing.people[1].person;
  await playsToItsEnd(
    `[data-testid="file"][data-kind="track"][data-person="${person}"]`,
    [{ x: 0, y: 0, width: 1, height: 1 }], [TONES[1]], TONES[0],
  );
  assert.deepEqual(page.complaints, []);
});

/** What VLC says of every file of a kind, at any program's: its own notes of what it found there
 * (elst, STTS, KaxCues), its end, an AAC stream's first packet, which is but a beginning; and how
 * fast this machine is. */
const SAID_ALWAYS = [
  /mp4 demux warning: (elst box found|STTS table of \d+ entries)$/,
  /mkv demux warning: (find KaxCues FIXME|EOF|cannot get block EOF\?)$/,
  /faad decoder warning: decoded zero sample$/,
  /warning: picture is too late to be displayed/,
];

/** Plays a file in VLC as an ordinary user (it refuses root). Gives what it complained of. */
function vlc(home, file, ...options) {
  const own = ["-I", "dummy", "--no-dbus", "--verbose=1", "--vout=vdummy", "--aout=adummy", "--play-and-exit"];
  const command = ["vlc", ...own, ...options, file];
  const asOther = process.getuid() === 0 ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];
  const [program, ...args] = [...asOther, ...command];
  return new Promise((done, failed) => {
    const child = spawn(program, args, { env: { PATH: process.env.PATH, HOME: home }, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    child.on("error", failed);
    child.on("close", (code) => {
      // Of its interfaces (there is no desktop here) nothing is of the file.
      const lines = said.split("\n").filter((line) => /(warning|error): /.test(line) && !/ (interface|libvlc) (warning|error): /.test(line));
      done({ code, complaints: lines.filter((line) => !SAID_ALWAYS.some((known) => known.test(line))) });
    });
  });
}

/** The frame counters in a picture file. */
async function countersIn(picture, tiles) {
  const { stdout } = await output("ffmpeg", ["-v", "error", "-i", picture, "-vf", "scale=640:360", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
  return tiles.map((t) => readCounter(stdout, 640, 360, { x: t.x * 640, y: t.y * 360, width: t.width * 640, height: t.height * 360 }));
}

test("VLC plays the composite and a track without a warning, and shows the pictures", { timeout: 120_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), "assize-vlc-"));
  try {
    await chmod(dir, 0o777);
    const track = manifest.files.find((file) => file.participant === hearing.people[1].person);
    for (const [name, tiles] of [["hearing.mp4", TILES], [track.file, [{ x: 0, y: 0, width: 1, height: 1 }]]]) {
      const file = join(dir, basename(name));
      const pictures = join(dir, `${basename(name)}.pictures`);
      await copyFile(join(records, name), file);
      await chmod(file, 0o644);
      await mkdir(pictures);
      await chmod(pictures, 0o777);
      // Twice: VLC's pictures cost it a converter of its own, about which it has much to say.
      const [plain] = await Promise.all([
        vlc(dir, file),
        vlc(dir, file, "--video-filter=scene", "--scene-format=png", "--scene-ratio=10", `--scene-path=${pictures}`),
      ]);
      assert.equal(plain.code, 0);
      assert.deepEqual(plain.complaints, [], name);
      const seen = tiles.map(() => new Set());
      for (const picture of await readdir(pictures))
        (await countersIn(join(pictures, picture), tiles)).forEach((counter, i) => counter !== null && seen[i].add(counter));
      for (const [i, counters] of seen.entries()) assert.ok(counters.size >= 6, `${name}, tile ${i}: ${[...counters]}`);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
