// SPDX-License-Identifier: Apache-2.0
// One cell: a hearing over a line, what happens to it, and what its pages noted.
import { setTimeout as pause } from "node:timers/promises";
import { TONES } from "../system/lib/browser.mjs";
import { bitrate, figures, firstPicture, firstSound, keep, nothing, picture, pictureBack, soundBack } from "./figures.mjs";
import { SERVER6 } from "./line.mjs";
import { Sitting } from "./people.mjs";

const POLL_MS = 250;
/** To hear and see each other for the first time, and again after a cut. */
const FIRST_MS = 20_000;
const BACK_MS = 40_000;
const SETTLE_S = 2;

/** Who looks at whom, by numbers of the people: the second's line is the poor one. */
const WAYS = { up: [0, 1], down: [1, 0], third: [2, 0] };

class Run {
  constructor(sitting) {
    this.sitting = sitting;
    this.notes = sitting.people.map(nothing);
  }

  async poll() {
    const taken = await this.sitting.take();
    taken.forEach((more, i) => keep(this.notes[i], more));
  }

  /** Until then, by the clock. */
  async until(ms) {
    while (Date.now() < ms) {
      await pause(Math.min(POLL_MS, Math.max(0, ms - Date.now())));
      await this.poll();
    }
  }

  way(name) {
    const [viewer, source] = WAYS[name];
    const { people } = this.sitting;
    return { viewer: this.notes[viewer], sender: this.notes[source], tone: TONES.indexOf(people[source].tone), person: people[source].id };
  }

  /** Waits until sound and picture have come every way since `from` (by `heard` and `seen`); false after
   * `ms` without. */
  async flows(ways, from, ms, [heard, seen] = [firstSound, firstPicture]) {
    for (const end = Date.now() + ms; ; ) {
      await this.poll();
      const there = ways.map((name) => this.way(name)).every(({ viewer, tone, person }) =>
        heard(viewer.looks, tone, from) !== null && seen(viewer.frames[person], from) !== null);
      if (there || Date.now() > end) return there;
      await pause(POLL_MS);
    }
  }
}

/** Runs it; gives {ways: {up: figures ...}} or {notYet: why}. */
export async function measure(world, cell, seconds, settleMost = Infinity) {
  const line = world.lines[1];
  const third = cell.third !== undefined;
  await line.set(cell.ipv6 ? { only: 6 } : {}); // the page itself comes over a perfect line
  const sitting = await Sitting.open(world, { count: third ? 3 : 2, base: cell.ipv6 ? `https://[${SERVER6}]` : undefined });
  const run = new Run(sitting);
  try {
    await line.set(cell.line);
    const pressed = await sitting.join();
    const flows = await run.flows(cell.measure, pressed, FIRST_MS);
    const offers = run.notes[1].reports.at(-1)?.offers ?? [];
    if (cell.wants && !flows && !offers.includes(cell.wants))
      return { notYet: `nothing came; the server offers ${offers.join(", ") || "no way"}, not ${cell.wants}` };
    await run.until(Date.now() + Math.min(cell.settle ?? SETTLE_S, settleMost) * 1000);
    return { ways: third ? await beside(run, cell, line, seconds) : await along(run, cell, line, seconds, pressed) };
  } finally {
    await line.set();
    await sitting.close();
  }
}

async function along(run, cell, line, seconds, pressed) {
  const from = Date.now();
  const happened = [];
  for (const event of cell.events ?? []) {
    await run.until(from + event.at * 1000);
    happened.push({ ...event, began: Date.now() });
    if (event.line) await line.set(event.line);
    if (event.move) await line.move();
    if (event.cut !== undefined) await line.cut(event.cut);
    happened.at(-1).at = Date.now();
  }
  const back = happened.find((event) => event.back)?.began;
  if (back !== undefined) await run.flows(cell.measure, back, BACK_MS, [soundBack, pictureBack]);
  await run.until(Math.max(from + (cell.seconds ?? seconds) * 1000, back === undefined ? 0 : Date.now() + 1000));
  const to = Date.now();
  const gone = happened.find((event) => event.cut || event.move);
  const ways = {};
  for (const name of cell.measure) {
    const way = run.way(name);
    const link = cell.line[name]?.bps;
    // A cut is left out until what it took is back: that has figures of its own.
    const returned = back === undefined ? null : Math.max(soundBack(way.viewer.looks, way.tone, back) ?? to, pictureBack(way.viewer.frames[way.person], back) ?? to);
    const without = gone ? [[gone.began, returned]] : [];
    const f = figures({ ...way, estimates: estimates(name, way), from, to, without, pressed, link, back });
    f.path = run.notes[1].reports.at(-1)?.path ?? null; // of the poor line, whoever looks
    if (cell.step === name) Object.assign(f, steps(way, happened, from, to));
    ways[name] = f;
  }
  return ways;
}

/** What is taken to be carried: up by the browser, down by the server, which tells the page. */
const estimates = (name, { viewer, sender }) =>
  name === "up" ? sender.reports : viewer.reports.map(({ at, told }) => ({ at, estimate: told }));

/** After the step down the longest freeze; after the step up, when the picture has its lines again. */
function steps({ viewer, person }, [down, up], from, to) {
  const frames = viewer.frames[person] ?? [];
  const before = frames.findLast(([t]) => t < from)?.[2] ?? 0;
  const again = frames.find(([t, , height]) => t >= up.at && height >= before);
  return {
    stepFreezeMs: picture(frames, down.at, up.at).longestMs,
    layerBackMs: again ? Math.round(again[0] - up.at) : null,
    heights: [before, picture(frames, down.at, up.at).height, picture(frames, up.at, to).height],
  };
}

/** What the third gets before and while the second's line is poor. */
async function beside(run, cell, line, seconds) {
  const rate = async () => {
    const from = Date.now();
    await run.until(from + (cell.seconds ?? seconds) * 1000);
    return bitrate(run.notes[2].reports, "received", from, Date.now());
  };
  const before = await rate();
  await line.set(cell.third);
  await run.until(Date.now() + 5000);
  const from = Date.now();
  const during = await rate();
  const f = figures({ ...run.way("third"), estimates: [], from, to: Date.now(), pressed: from });
  return { third: { ...f, before, bps: during, ratio: before ? during / before : null } };
}
