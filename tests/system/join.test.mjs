// SPDX-License-Identifier: Apache-2.0
// A judge, two parties and a witness in real browsers: who hears and sees whom, how soon, and that a
// witness outside receives not one packet.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, TONES } from "./lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "./lib/fakes.mjs";
import { heard, seen, tonesIn } from "./lib/oracle.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

const MARGIN_DB = 30;
const PACKETS_OUT = `assize_rtp_packets_total{direction="out"}`;
const PEOPLE = [
  { role: "judge", name: "Judge Okafor", browser: "chromium" },
  { role: "party", name: "李伟", browser: "chromium" },
  { role: "party", name: "Maria Rossi", browser: "chromium" },
  { role: "witness", name: "Zhang Min", browser: "firefox" },
];

let stack, hearing;
const browsers = [];
const people = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing(PEOPLE);
  for (const [number, { browser }] of PEOPLE.entries()) browsers.push(await Browser.launch(browser, number));
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

const [judge, first, second, witness] = [0, 1, 2, 3];

/** Waits until `listener` hears exactly `speakers` and sees their counters move. */
async function hearsAndSees(listener, speakers, seconds) {
  const began = Date.now();
  const wanted = speakers.map((n) => TONES[n]).sort((a, b) => a - b);
  let last;
  await until(`${people[listener].name} hears ${wanted}`, seconds, async () => {
    last = tonesIn(await heard(people[listener].page, TONES));
    const tones = [...last.keys()].sort((a, b) => a - b);
    return tones.join() === wanted.join() && [...last.values()].every((margin) => margin >= MARGIN_DB);
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify([...(last ?? [])])}`);
  });
  const heardAfter = Date.now() - began;
  await until(`${people[listener].name} sees them move`, seconds, async () => {
    const now = await seen(people[listener].page, COUNTER, COUNTER_BITS);
    await new Promise((wake) => setTimeout(wake, 150));
    const then = await seen(people[listener].page, COUNTER, COUNTER_BITS);
    return speakers.every((n) => {
      const id = people[n].id;
      if (people[n].browser.kind === "firefox") return then[id]?.frames > (now[id]?.frames ?? 0);
      return now[id] && then[id] && now[id].counter !== then[id].counter;
    });
  });
  return { heardAfter, seenAfter: Date.now() - began, margins: Object.fromEntries(last) };
}

test("the judge joins and opens; both parties wait outside", { timeout: 60_000 }, async () => {
  for (const n of [judge, first, second])
    people[n] = await Person.arrive(browsers[n], hearing.people[n]);
  assert.equal(await people[judge].join(), "page-courtroom");
  assert.equal(await people[first].join(), "page-waiting");
  assert.equal(await people[second].join(), "page-waiting");
  await people[judge].press("open-hearing");
  await people[judge].waitState("hearing-state", "open");
});

test("on record is shown once the tape is safely on disk", { timeout: 30_000 }, async () => {
  await people[judge].waitState("record", "on", 5);
});

test("within 3 s of admission each hears exactly the others and sees them move", { timeout: 60_000 }, async () => {
  await people[judge].admit(people[first]);
  await people[first].sees("page-courtroom", 3);
  const one = await hearsAndSees(first, [judge], 3);
  await people[judge].admit(people[second]);
  await people[second].sees("page-courtroom", 3);
  const two = await hearsAndSees(second, [judge, first], 3);
  console.log("after admission (ms):", JSON.stringify({ one, two }));
  await hearsAndSees(judge, [first, second], 3);
  await hearsAndSees(first, [judge, second], 3);
});

test("a witness in the waiting room receives not one media packet", { timeout: 60_000 }, async () => {
  people[witness] = await Person.arrive(browsers[witness], hearing.people[witness]);
  assert.equal(await people[witness].join(), "page-waiting");
  // The others go on speaking: wait until the server has forwarded 500 packets more.
  const sent = await stack.metric(PACKETS_OUT);
  await until("500 packets more", 20, async () => (await stack.metric(PACKETS_OUT)) > sent + 500, 200);
  const { seats } = await people[witness].stats();
  const packets = seats.map((s) => (s.audio?.packets ?? 0) + (s.video?.packets ?? 0)).reduce((a, b) => a + b, 0);
  assert.equal(packets, 0);
});

test("Firefox: the witness, called in, hears and sees all and is heard and seen", { timeout: 60_000 }, async () => {
  await people[judge].admit(people[witness]);
  await people[witness].sees("page-courtroom", 3);
  const three = await hearsAndSees(witness, [judge, first, second], 3);
  console.log("witness after admission (ms):", JSON.stringify(three));
  await hearsAndSees(judge, [first, second, witness], 3);
});

test("nobody's page complained", () => {
  for (const person of people) assert.deepEqual(person.page.complaints, [], person.name);
});
