// SPDX-License-Identifier: Apache-2.0
// What a judge, a clerk and a party do to each other in the courtroom, each at a page of their own, and
// what the others then hear, see and receive.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { seen } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const PACKETS_OUT = `assize_rtp_packets_total{direction="out"}`;
const PEOPLE = [
  { role: "judge", name: "Judge Okafor", browser: "chromium" },
  { role: "clerk", name: "Anna Lindqvist", browser: "firefox" },
  { role: "party", name: "李伟", browser: "chromium" },
];
const [JUDGE, CLERK, PARTY] = [0, 1, 2];
const ALL = [JUDGE, CLERK, PARTY];

let stack, hearing, judge, clerk, party;
const browsers = [];
const people = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  for (const [n, { browser }] of PEOPLE.entries()) {
    browsers.push(await Browser.launch(browser, n));
    people.push(await Person.arrive(browsers[n], hearing.people[n], { prepare: [stubborn] }));
    assert.equal(await people[n].join(), n === PARTY ? "page-waiting" : "page-courtroom");
  }
  [judge, clerk, party] = people;
  await judge.press("open-hearing");
  await judge.waitState("record", "on");
}, { timeout: 180_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

/** By number: `listener` hears the tones of `speakers` and no other. */
const hears = (listener, speakers) => people[listener].hears(speakers.map((n) => people[n]));

/** Runs in a page before anything else: once told so, it goes on sending whatever its own program does,
 * and tells the server that it does. */
function stubborn() {
  window.stubborn = false;
  const guard = (prototype, name, isMeek) => {
    const old = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, {
      ...old,
      set(value) {
        if (!window.stubborn || !isMeek(value)) old.set.call(this, value);
      },
    });
  };
  guard(MediaStreamTrack.prototype, "enabled", (value) => !value);
  guard(RTCRtpTransceiver.prototype, "direction", (value) => value === "inactive" || value === "recvonly");
  for (const name of ["setLocalDescription", "setRemoteDescription"]) {
    const { [name]: old } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype[name] = function (description) {
      return window.stubborn ? Promise.resolve() : old.call(this, description);
    };
  }
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    send.call(this, window.stubborn ? text.replace('"paused":true', '"paused":false') : text);
  };
}

const tile = (of) => `[data-testid="tile"][data-person="${of.id}"]`;
const row = (of) => `[data-testid="person"][data-person="${of.id}"]`;

/** Waits until `viewer`'s tile of `of` has an attribute so. */
function shows(viewer, of, attribute, value) {
  return viewer.shows(`${tile(of)}[data-${attribute}="${value}"]`, 15);
}

/** Waits until a picture of `of` is in sight at `viewer` and moves. */
async function seesMove(viewer, of) {
  await viewer.shows(`${tile(of)} [data-testid="picture"][data-visible="true"]`, 15);
  // The number in a picture of Chromium's; frames decoded where Firefox shows or is shown.
  const counted = viewer.browser.kind === "firefox" || of.browser.kind === "firefox";
  const look = async () => {
    if (!counted) return (await seen(viewer.page, COUNTER, COUNTER_BITS))[of.id]?.counter;
    return (await viewer.stats()).seats.find((seat) => seat.person === of.id)?.video?.frames;
  };
  let first;
  await until(`${viewer.name} sees ${of.name}`, 15, async () => (first = await look()) !== undefined);
  await until(`${viewer.name} sees ${of.name} move`, 15, async () => (await look()) !== first);
}

/** Waits until the cover hides `of` at `viewer`. */
function seesCover(viewer, of) {
  return viewer.shows(`${tile(of)} [data-testid="picture"][data-visible="false"] ~ .cover`, 15);
}

/** What the judge or the clerk does to somebody by the panel's rarer buttons. */
async function panelAction(by, of, action) {
  await by.openPanel();
  await by.pressIn(row(of), "more");
  await by.pressIn(row(of), action);
}

/** A stretch of recess is what its test is about: three seconds by the page's own clock. */
async function aStretch() {
  const from = await judge.page.evaluate(() => performance.now());
  await judge.page.waitForFunction((then) => performance.now() - then > 3000, { timeout: 30_000 }, from);
}

const journal = async (event) => (await stack.journal(hearing.hearing)).filter((line) => line.event === event);

test("the clerk admits the party, and all hear and see each other", { timeout: 90_000 }, async () => {
  await party.page.evaluate(() => {
    window.told = new Set();
    const look = () => document.querySelectorAll("[data-notice]").forEach((notice) => window.told.add(notice.dataset.notice));
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await clerk.admit(party);
  await party.sees("page-courtroom");
  await Promise.all(ALL.map((n) => hears(n, ALL.filter((other) => other !== n))));
  await seesMove(judge, party);
  await seesMove(clerk, party);
  await seesMove(party, judge);
  await seesMove(party, clerk);
  // Judge and clerk were there before: they are not announced as entering.
  assert.deepEqual(await party.page.evaluate(() => [...window.told]), ["admitted"]);
  const [admitted] = await journal("person.admitted");
  assert.equal(admitted.person, party.id);
  assert.equal(admitted.by, clerk.id);
});

test("a microphone off is silence and is shown; on again is sound; who speaks is marked", { timeout: 90_000 }, async () => {
  for (const viewer of [judge, clerk, party]) await shows(viewer, party, "speaking", "true");
  await party.press("microphone");
  for (const viewer of [judge, clerk, party]) {
    await shows(viewer, party, "microphone", "off");
    await shows(viewer, party, "speaking", "false");
  }
  await Promise.all([hears(JUDGE, [CLERK]), hears(CLERK, [JUDGE]), hears(PARTY, [JUDGE, CLERK])]);
  await party.press("microphone");
  for (const viewer of [judge, clerk]) {
    await shows(viewer, party, "microphone", "on");
    await shows(viewer, party, "speaking", "true");
  }
  await Promise.all([hears(JUDGE, [CLERK, PARTY]), hears(CLERK, [JUDGE, PARTY])]);
});

test("a camera off is a cover; on again is a moving picture", { timeout: 90_000 }, async () => {
  await party.press("camera");
  await seesCover(judge, party);
  await seesCover(clerk, party);
  await hears(JUDGE, [CLERK, PARTY]);
  await party.press("camera");
  await seesMove(judge, party);
  await seesMove(clerk, party);
});

test("a hand raised is seen by all, and lowered by the judge", { timeout: 60_000 }, async () => {
  const hand = (viewer) => viewer.page.evaluate((s) => !!document.querySelector(s), `${tile(party)} [data-testid="hand"]`);
  await party.press("raise-hand");
  for (const viewer of [judge, clerk, party]) await until(`${viewer.name} sees the hand`, 10, () => hand(viewer));
  await panelAction(judge, party, "lower-hand");
  for (const viewer of [judge, clerk, party]) await until(`${viewer.name} sees no hand`, 10, async () => !(await hand(viewer)));
  await party.shows('[data-testid="raise-hand"][data-on="false"]');
});

test("the judge mutes the party: nobody hears it, its own page shows it, it may speak again", { timeout: 60_000 }, async () => {
  await panelAction(judge, party, "mute-person");
  await party.shows('[data-testid="microphone"][data-on="false"]');
  await party.shows('[data-notice="muted"]');
  await shows(judge, party, "microphone", "off");
  await Promise.all([hears(JUDGE, [CLERK]), hears(CLERK, [JUDGE])]);
  const [muted] = await journal("person.muted");
  assert.equal(muted.person, party.id);
  assert.equal(muted.by, judge.id);
  await party.press("microphone");
  await Promise.all([hears(JUDGE, [CLERK, PARTY]), hears(CLERK, [JUDGE, PARTY])]);
});

test("in a recess nobody hears anybody, not one packet arrives, nothing is on record; then who opens the microphone is heard", { timeout: 120_000 }, async () => {
  // It is the media core that decides: these two pages would go on.
  const speakOn = (on) => Promise.all([judge, party].map(({ page }) => page.evaluate((value) => void (window.stubborn = value), on)));
  const sentUp = async (person) => (await person.stats()).up.microphone.packets;
  await speakOn(true);
  await judge.press("recess");
  for (const person of people) {
    await person.sees("recess-screen");
    await person.waitState("hearing-state", "recess");
    await person.waitState("record", "off");
  }
  const before = await Promise.all(people.map((person) => person.arrived()));
  await Promise.all(ALL.map((n) => hears(n, [])));
  // The media core tells its counts from time to time: what it sent before is told within the first stretch.
  await aStretch();
  const sent = await stack.metric(PACKETS_OUT);
  const up = await Promise.all([sentUp(judge), sentUp(party)]);
  await aStretch();
  assert.ok((await sentUp(judge)) > up[0] + 50 && (await sentUp(party)) > up[1] + 50, "both went on sending");
  assert.equal(await stack.metric(PACKETS_OUT), sent);
  assert.deepEqual(await Promise.all(people.map((person) => person.arrived())), before);

  await speakOn(false);
  await judge.press("resume");
  for (const person of people) await person.waitState("hearing-state", "open");
  await Promise.all(ALL.map((n) => hears(n, [])));
  for (const person of people) await person.press("microphone");
  await Promise.all(ALL.map((n) => hears(n, ALL.filter((other) => other !== n))));
  for (const person of people) await person.waitState("record", "on");
  await seesMove(judge, party);
  assert.equal((await journal("hearing.recess")).length, 1);
  assert.equal((await journal("hearing.resumed")).length, 1);
});

test("dismissed, the party receives not one packet more while the others go on; admitted again, it does", { timeout: 120_000 }, async () => {
  await panelAction(judge, party, "dismiss");
  await judge.press("dismiss-question-yes");
  await party.sees("page-waiting");
  // What was on the wire at that moment has arrived once the media core has the rule and its answer is told.
  await until("the others see it leave", 10, () => judge.page.evaluate((s) => !document.querySelector(s), tile(party)));
  const before = await party.arrived();
  const sent = await stack.metric(PACKETS_OUT);
  await until("500 packets more to the others", 30, async () => (await stack.metric(PACKETS_OUT)) > sent + 500, 200);
  assert.equal(await party.arrived(), before);
  await Promise.all([hears(JUDGE, [CLERK]), hears(CLERK, [JUDGE]), hears(PARTY, [])]);

  await judge.admit(party);
  await party.sees("page-courtroom");
  await Promise.all(ALL.map((n) => hears(n, ALL.filter((other) => other !== n))));
  await seesMove(party, judge);
});

test("the news that somebody waits goes at once when they wait no more", { timeout: 60_000 }, async () => {
  const told = (viewer) => viewer.page.evaluate(() => !!document.querySelector('[data-notice="waiting"]'));
  await panelAction(judge, party, "dismiss");
  await judge.press("dismiss-question-yes");
  for (const viewer of [judge, clerk]) await until(`${viewer.name} is told who waits`, 10, () => told(viewer));
  await judge.admit(party);
  // By itself it would go after 8 s.
  for (const viewer of [judge, clerk]) await until(`${viewer.name} is told so no more`, 3, async () => !(await told(viewer)));
  await party.sees("page-courtroom");
  await Promise.all([hears(JUDGE, [CLERK, PARTY]), hears(PARTY, [JUDGE, CLERK])]);
});

test("a recorder that stands still: every page says so within 5 s, the journal too; then on record again", { timeout: 60_000 }, async () => {
  for (const person of people) await person.waitState("record", "on");
  const [lost, on] = [(await journal("record.lost")).length, (await journal("record.on")).length];
  const [recorder] = await stack.pids("assize-recorder");
  process.kill(recorder, "SIGSTOP");
  try {
    const began = Date.now();
    await Promise.all(people.map((person) => person.waitState("record", "lost", 5)));
    console.log(`record lost shown to all ${Date.now() - began} ms after the recorder stood still`);
    assert.ok((await journal("record.lost")).length > lost, "a line record.lost");
    // It says so as long as it is so: and the sound goes on meanwhile.
    await hears(JUDGE, [CLERK, PARTY]);
    for (const person of people) assert.equal(await person.state("record"), "lost");
  } finally {
    process.kill(recorder, "SIGCONT");
  }
  await Promise.all(people.map((person) => person.waitState("record", "on", 15)));
  assert.ok((await journal("record.on")).length > on, "a line record.on");
});

test("leaving is asked about first; who left is gone for the others and may come back", { timeout: 60_000 }, async () => {
  await clerk.press("leave");
  await clerk.press("leave-question-no");
  await hears(JUDGE, [CLERK, PARTY]);
  await clerk.press("leave");
  await clerk.press("leave-question-yes");
  await clerk.shows('[data-testid="over"][data-ending="left"]');
  await until("the judge sees the clerk no more", 10, () => judge.page.evaluate((s) => !document.querySelector(s), tile(clerk)));
  await Promise.all([hears(JUDGE, [PARTY]), hears(PARTY, [JUDGE])]);
  const left = (await journal("person.left")).find((line) => line.person === clerk.id);
  assert.equal(left?.cause, "left");
});

test("removed, the party's page says so and its link works no more", { timeout: 60_000 }, async () => {
  await panelAction(judge, party, "remove");
  await judge.press("remove-question-yes");
  await party.shows('[data-testid="over"][data-ending="removed"]');
  await hears(JUDGE, []);
  const [removed] = await journal("person.removed");
  assert.equal(removed.person, party.id);
  assert.equal(removed.by, judge.id);
  const mine = (line) => line.person === party.id;
  assert.equal((await journal("person.left")).find(mine)?.cause, "removed");
  const revoked = (await journal("invitation.revoked")).filter(mine);
  assert.deepEqual(revoked.map((line) => line.by), [judge.id]);
  const again = await browsers[PARTY].open(party.invited.link);
  await again.waitForSelector('[data-testid="over"][data-ending="revoked-token"]', { timeout: 15_000 });
});

test("nobody's page complained", () => {
  for (const person of people) assert.deepEqual(person.page.complaints, [], person.name);
});
