// SPDX-License-Identifier: Apache-2.0
// Pages behind lines of their own, in hearings of the real server.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Browser, TONES } from "../system/lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "../system/lib/fakes.mjs";
import { Person } from "../system/lib/people.mjs";
import { Stack, until } from "../system/lib/stack.mjs";
import { Line, SERVER, SERVER6 } from "./line.mjs";
import { openTurn } from "./turn.mjs";
import { watcher } from "./watch.mjs";

const ROLES = ["judge", "clerk", "clerk"];
const NAMES = ["Judge Okafor", "Clerk Moreau", "Clerk Lindqvist"];

export class World {
  /** The server and `count` browsers, each behind a line, on perfect lines; `turn`: and a TURN server. After openServer(). */
  static async open(count, { turn = false } = {}) {
    const world = new World();
    world.dir = await mkdtemp(join(tmpdir(), "assize-net-"));
    world.lines = [];
    world.browsers = [];
    try {
      if (turn) Object.assign(world, await openTurn(world.dir));
      world.stack = await Stack.start({ workers: 1, on: [SERVER, SERVER6], env: world.turn?.env });
      for (let n = 0; n < count; n++) await world.#add(n);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async #add(n) {
    const line = await Line.open(n + 1);
    this.lines.push(line);
    const program = join(this.dir, `chromium-${n}`);
    await writeFile(program, `#!/bin/sh\nexec nsenter --net=/run/netns/${line.page} /usr/bin/chromium "$@"\n`);
    await chmod(program, 0o755);
    this.browsers.push(await Browser.launch("chromium", n, { snow: true, program, trusts: this.authority }));
  }

  async close() {
    for (const browser of this.browsers) await browser.close();
    await this.stack?.stop();
    await this.turn?.stop();
    for (const line of this.lines) await line.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** One hearing with a page of each browser, from the join page on. */
export class Sitting {
  /** Everybody before the door. `base`: the address the second comes by, else the server's first. */
  static async open(world, { base, count = world.lines.length } = {}) {
    const sitting = new Sitting();
    const invited = ROLES.slice(0, count).map((role, i) => ({ role, name: NAMES[i] }));
    const hearing = await world.stack.hearing(invited);
    sitting.people = [];
    for (let n = 0; n < count; n++) sitting.people.push(await arrive(world.browsers[n], hearing.people[n], n === 1 ? base : undefined));
    return sitting;
  }

  /** Everybody in; the last one's join is timed: ms since the epoch when it was pressed. */
  async join() {
    const last = this.people.at(-1);
    for (const person of this.people) {
      if (person === last) this.pressed = Date.now();
      await enter(person);
      if (person === this.people[0]) await person.press("open-hearing");
    }
    return this.pressed;
  }

  /** What each page noted since the last time, in order. */
  take() {
    return Promise.all(this.people.map((person) => person.page.evaluate(() => window.watch.take())));
  }

  async close() {
    for (const { page } of this.people) await page.close().catch(() => {}); // its browser may have died
  }
}

/** A page at the join page; its own page.goto, since what we run in it needs no leave of its policy. */
async function arrive(browser, invited, base) {
  const person = Object.assign(new Person(), { browser, invited, id: invited.person, role: invited.role, name: invited.name });
  const page = await browser.puppeteer.newPage();
  Object.assign(person, { page, tone: browser.tone });
  await page.setBypassCSP(true);
  await page.evaluateOnNewDocument(...watcher(TONES, COUNTER, COUNTER_BITS));
  await page.setViewport({ width: 1280, height: 800 });
  const link = base ? invited.link.replace(/^https:\/\/[^/]*/, base) : invited.link;
  await page.goto(link, { waitUntil: "domcontentloaded" });
  await person.sees("page-lobby", 30);
  await page.evaluate(() => window.watch.begin());
  return person;
}

/** Joins, however slow the line is. */
async function enter(person) {
  await person.press("join", 30);
  await until(`${person.name} is in the room`, 60, () =>
    person.page.evaluate(() => document.querySelector('[data-testid="page-courtroom"]') !== null));
}
