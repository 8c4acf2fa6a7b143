// SPDX-License-Identifier: Apache-2.0
// A hearing in real browsers, closed by the judge; the clerk downloads its record through the page;
// what was downloaded is measured: tones, frame counters, durations, lip sync at start and end.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS, flashAndBeep } from "./lib/fakes.mjs";
import { Person } from "./lib/people.mjs";
import { counters, flashes, levels, longestHole, output, probe, sound, swells } from "./lib/recording.mjs";
import { Stack, build, until } from "./lib/stack.mjs";

const PEOPLE = [
  { role: "judge", name: "Judge Okafor" },
  { role: "party", name: "李伟" },
  { role: "party", name: "Maria Rossi" },
  { role: "clerk", name: "Anna Lindqvist" },
];
const SPEAKERS = [0, 1, 2];
const FLASHING = 2;
const IN_SESSION_S = 20;
const RATE = 16000;

let stack, hearing, downloads, clerkPage;
const browsers = [];
const people = [];
const files = {}; // by "composite" or a person's number

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  downloads = await mkdtemp(join(tmpdir(), "assize-downloads-"));
  for (const n of SPEAKERS) {
    browsers.push(await Browser.launch("chromium", n));
    // The parties on phones: three browsers that draw large pages leave two cores too little to send in time.
    const options = n === 0 ? {} : { width: 360, height: 640 };
    if (n === FLASHING) options.prepare = [flashAndBeep, TONES[n], COUNTER, COUNTER_BITS];
    people.push(await Person.arrive(browsers[n], hearing.people[n], options));
    await people[n].join();
  }
  for (const n of SPEAKERS.slice(1)) {
    await people[0].admit(people[n]);
    await people[n].sees("page-courtroom");
  }
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  if (!process.env.ASSIZE_TEST_KEEP) await rm(downloads, { recursive: true, force: true });
});

test("the judge opens, twenty seconds pass, the judge closes", { timeout: 60_000 }, async () => {
  await people[0].press("open-hearing");
  await people[0].waitState("record", "on", 5);
  // Time in session is what this test is about: the pages' own clock tells it.
  await people[0].page.waitForFunction(
    (from, wait) => performance.now() - from > wait * 1000, { timeout: 40_000 },
    await people[0].page.evaluate(() => performance.now()), IN_SESSION_S,
  );
  await people[0].press("close-hearing");
  await people[0].press("close-question-yes");
  await people[0].waitState("record-progress", "ready", 120);
});

test("the clerk downloads everything through the records page", { timeout: 60_000 }, async () => {
  const clerk = hearing.people[3];
  clerkPage = await browsers[0].open(clerk.link.replace("/hearing#", "/records#"));
  const session = await clerkPage.createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads, eventsEnabled: true });
  await clerkPage.waitForSelector('[data-testid="record-entry"][data-state="ready"]', { timeout: 20_000 });
  const listed = await clerkPage.$$eval('[data-testid="file"]', (rows) =>
    rows.map((row) => ({ kind: row.dataset.kind, person: row.dataset.person ?? null })),
  );
  assert.equal(listed.filter((f) => f.kind === "composite").length, 1);
  for (const n of SPEAKERS) assert.ok(listed.some((f) => f.kind === "track" && f.person === people[n].id), people[n].name);
  for (const { kind, person } of listed.filter((f) => f.kind === "composite" || f.kind === "track")) {
    const known = new Set(await readdir(downloads));
    await clerkPage.$eval(
      `[data-testid="file"][data-kind="${kind}"]${person ? `[data-person="${person}"]` : ""} [data-testid="download"]`,
      (link) => link.click(),
    );
    const name = await until("the download is whole", 30, async () =>
      (await readdir(downloads)).find((file) => !known.has(file) && !file.endsWith(".crdownload")),
    );
    files[kind === "composite" ? "composite" : people.findIndex((p) => p.id === person)] = join(downloads, name);
  }
});

test("ffprobe finds nothing to complain of", { timeout: 30_000 }, async () => {
  for (const file of Object.values(files)) assert.equal((await probe(file)).warnings, "", file);
});

test("each speaker's track holds that one tone, the composite holds all", { timeout: 60_000 }, async () => {
  const tones = SPEAKERS.map((n) => TONES[n]);
  for (const n of SPEAKERS) {
    const heard = levels(await sound(files[n], RATE), RATE, tones, 5, 15);
    for (const other of tones.filter((t) => t !== TONES[n]))
      assert.ok(heard[TONES[n]] - heard[other] >= 30, `track ${n}: ${JSON.stringify(heard)}`);
  }
  const all = levels(await sound(files.composite, RATE), RATE, [...tones, TONES[5]], 5, 15);
  for (const tone of tones) assert.ok(all[tone] - all[TONES[5]] >= 30, JSON.stringify(all));
});

test("durations agree within 0.2 s", { timeout: 30_000 }, async () => {
  const durations = {};
  for (const [what, file] of Object.entries(files)) durations[what] = Number((await probe(file)).format.duration);
  const values = Object.values(durations);
  console.log("durations:", JSON.stringify(durations));
  assert.ok(Math.max(...values) - Math.min(...values) <= 0.2, JSON.stringify(durations));
  assert.ok(values[0] > IN_SESSION_S, JSON.stringify(durations));
});

/** Where three people sit in the picture: two above, one centred below (recorder/layout.c). */
const TILES = [
  { x: 0, y: 0, width: 0.5, height: 0.5 },
  { x: 0.5, y: 0, width: 0.5, height: 0.5 },
  { x: 0.25, y: 0.5, width: 0.5, height: 0.5 },
];

test("no picture has a hole over 1 s", { timeout: 120_000 }, async () => {
  const { format } = await probe(files.composite);
  const end = Number(format.duration) - 0.5;
  const composed = await counters(files.composite, TILES);
  for (const n of SPEAKERS) {
    const [own] = await counters(files[n]);
    const ownHole = longestHole(own, 1, end);
    const hole = longestHole(composed[n], 1, end);
    console.log(`longest time without a new frame: track ${n} ${ownHole.toFixed(2)} s, composite ${hole.toFixed(2)} s`);
    assert.ok(ownHole <= 1, `track ${n}: ${ownHole} s`);
    assert.ok(hole <= 1, `composite, tile ${n}: ${hole} s`);
  }
});

test("sound and picture are in step within 80 ms at start and end", { timeout: 120_000 }, async () => {
  for (const what of [FLASHING, "composite"]) {
    const beeps = swells(await sound(files[what], RATE), RATE, TONES[FLASHING]);
    // The two parties sit in the order of their tracks on the tape, which is either's.
    let seen = [];
    for (const tile of what === "composite" ? TILES : [undefined]) if (seen.length === 0) seen = await flashes(files[what], tile);
    const apart = beeps.flatMap((beep) => {
      const near = seen.filter((flash) => Math.abs(flash - beep) < 0.5).sort((a, b) => Math.abs(a - beep) - Math.abs(b - beep));
      return near.length ? [Math.round((near[0] - beep) * 1000)] : [];
    });
    assert.ok(apart.length >= IN_SESSION_S - 6, `${what}: only ${apart.length} flashes with a beep`);
    const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
    const start = median(apart.slice(0, 5));
    const end = median(apart.slice(-5));
    console.log(`${what}: picture after sound ${start} ms at start, ${end} ms at end`);
    assert.ok(Math.abs(start) <= 80 && Math.abs(end) <= 80, `${what}: ${JSON.stringify(apart)}`);
  }
});

test("it verifies, and its first second can be had by Range", { timeout: 30_000 }, async () => {
  await output(join(build, "recorder/assize-verify"), [join(stack.dir, "records", hearing.hearing)]);
  const head = await output("head", ["-c", "262144", files.composite]);
  const moov = head.stdout.indexOf("moov");
  const mdat = head.stdout.indexOf("mdat");
  assert.ok(moov > 0 && (mdat < 0 || moov < mdat), "the index stands before the media");
});

test("the composite plays in place in Chromium", { timeout: 60_000 }, async () => {
  await clerkPage.$eval('[data-testid="file"][data-kind="composite"] [data-testid="play"]', (button) => button.click());
  await clerkPage.waitForSelector('[data-testid="player-video"]', { timeout: 10_000 });
  await until("it plays", 20, () =>
    clerkPage.$eval('[data-testid="player-video"]', (video) => video.currentTime > 1 && !video.error),
  );
});
