// SPDX-License-Identifier: Apache-2.0
// A camera in layers: those nobody looks at are not sent by the page that has it, and come back when
// somebody does; a hidden page and one that wants sound alone are sent no pictures; and one whose line
// is too slow keeps the last picture and says why.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { keepConnections } from "./lib/canvas.mjs";
import { LossyLink } from "./lib/lossy.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, addresses, until } from "./lib/stack.mjs";

const LARGE = { width: 1280, height: 800, deviceScaleFactor: 3 };
const SMALL = { width: 360, height: 640, deviceScaleFactor: 1 };
/** The target is 2 s of a quiet machine; figures are printed. */
const OFF_WITHIN_S = 4;

let stack, link, judge, party;
const browsers = [];

before(async () => {
  stack = await Stack.start({ workers: 1 });
  link = await LossyLink.to(addresses()[0], stack.mediaPort);
  const hearing = await stack.hearing([
    { role: "judge", name: "Judge Okafor" },
    { role: "party", name: "李伟" },
  ]);
  for (const n of [0, 1]) browsers.push(await Browser.launch("chromium", n));
  judge = await Person.arrive(browsers[0], hearing.people[0], { prepare: [keepConnections, "canvas"] });
  party = await Person.arrive(browsers[1], hearing.people[1], { prepare: link.prepare });
  await judge.join();
  await party.join();
  await judge.admit(party);
  await party.sees("page-courtroom", 20);
}, { timeout: 120_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
  link?.close();
});

/** Layers of the judge's camera, the smallest first: whether each is on, frames encoded so far, lines. */
function sent() {
  return judge.page.evaluate(async () => {
    for (const connection of window.connections)
      for (const sender of connection.getSenders()) {
        if (sender.track?.kind !== "video") continue;
        const layers = [...(await sender.getStats()).values()].filter(({ type }) => type === "outbound-rtp");
        const { encodings } = sender.getParameters();
        return encodings.map(({ rid, active }) => {
          const layer = layers.find((one) => one.rid === rid);
          return { rid, active, frames: layer?.framesEncoded ?? 0, height: layer?.frameHeight ?? 0 };
        });
      }
    return [];
  });
}

/** What the party has of the judge's picture and voice. */
async function got() {
  const { seats } = await party.stats();
  const seat = seats.find(({ person }) => person === judge.id);
  return { frames: seat?.video.frames ?? 0, height: seat?.video.height ?? 0, sound: seat?.audio.packets ?? 0 };
}

/** The layers that encode frames between two looks a second apart. */
async function flowing() {
  const first = await sent();
  await until("a second of frames", 5, async () => (await sent())[0]?.frames >= (first[0]?.frames ?? 0) + 12, 100);
  return (await sent()).map(({ frames }, n) => frames > (first[n]?.frames ?? 0) + 2);
}

async function topIs(on, seconds) {
  const from = Date.now();
  await until(`the top layer is ${on ? "on" : "off"}`, seconds, async () => (await sent()).at(-1)?.active === on).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify([await sent(), await got()])}`);
  });
  return Date.now() - from;
}

test("three layers are made; a large picture is sent the top one", { timeout: 60_000 }, async () => {
  await party.page.setViewport(LARGE);
  await until("720 lines arrive", 30, async () => (await got()).height === 720).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify([await sent(), await got()])}`);
  });
  const layers = await sent();
  assert.equal(layers.length, 3);
  assert.equal(layers[0].active && layers[2].active, true);
  assert.deepEqual((await flowing()).filter((_, n) => n !== 1), [true, true]);
});

test("small pictures stop the top layer at its sender; enlarged, it comes back", { timeout: 60_000 }, async () => {
  await party.page.setViewport(SMALL);
  const off = await topIs(false, OFF_WITHIN_S);
  assert.equal((await flowing())[2], false);
  assert.ok((await got()).height < 720);
  await party.page.setViewport(LARGE);
  const on = await topIs(true, OFF_WITHIN_S);
  const from = Date.now();
  await until("720 lines arrive", 10, async () => (await got()).height === 720);
  console.log(`off after ${off} ms, on after ${on} ms, seen ${Date.now() - from} ms later`);
});

/** No frame within a second in which sound arrives. */
async function noPictures() {
  await until("sound alone arrives", 10, async () => {
    const first = await got();
    await until("a second of sound", 5, async () => (await got()).sound > first.sound + 45, 100);
    return (await got()).frames === first.frames;
  });
}

const pictures = async () => {
  const { frames } = await got();
  await until("pictures arrive", 10, async () => (await got()).frames > frames + 5);
};

test("a hidden page is sent sound alone, and pictures once it is seen", { timeout: 60_000 }, async () => {
  const turn = (state) => party.page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await turn("hidden");
  await noPictures();
  await topIs(false, OFF_WITHIN_S);
  await turn("visible");
  await pictures();
});

test("sound only is the person's switch, outlives a reload and goes back", { timeout: 60_000 }, async () => {
  await party.press("sound-only");
  await noPictures();
  const shown = () => party.page.evaluate(() => [
    document.querySelector('[data-testid="sound-only"]').dataset.on, document.querySelectorAll('[data-testid="picture"][data-visible="true"]').length]);
  assert.deepEqual(await shown(), ["true", 0]);
  await party.page.reload();
  await party.sees("page-courtroom", 20);
  await noPictures();
  assert.deepEqual(await shown(), ["true", 0]);
  await party.press("sound-only");
  await pictures();
});

test("a line too slow for pictures: the last one stays with its reason, and goes on later", { timeout: 90_000 }, async () => {
  await party.press("camera");
  await pictures();
  link.rate = 70_000;
  await party.sees("held", 40);
  const words = JSON.stringify(["Picture paused: your connection is slow. Sound goes on.", "true", "status"]);
  let said;
  await until("it is said why, and what to do", 10, async () =>
    (said = JSON.stringify(await party.page.evaluate(() => {
      const held = document.querySelector('[data-testid="held"]');
      return [held?.textContent, held?.closest("article").querySelector('[data-testid="picture"]').dataset.visible,
        document.querySelector('[data-testid="advice"]')?.parentElement.getAttribute("role")];
    }))) === words).catch((error) => {
    throw new Error(`${error.message}: ${said}`);
  });
  link.rate = Infinity;
  await until("the caption goes", 40, () => party.page.evaluate(() => !document.querySelector('[data-testid="held"]')));
  await pictures();
});

test("nobody's page complained", () => {
  for (const person of [judge, party]) assert.deepEqual(person.page.complaints, [], person.name);
});
