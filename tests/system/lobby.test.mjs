// SPDX-License-Identifier: Apache-2.0
// Before entering, in both browsers: one sees oneself move and the meter follows the voice, turns
// either off and on, is warned before joining unheard; a browser that refuses says what to do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./lib/browser.mjs";
import { Person } from "./lib/people.mjs";
import { Stack, until } from "./lib/stack.mjs";

let stack, hearing, judge;
const browsers = [];

before(async () => {
  stack = await Stack.start();
  hearing = await stack.hearing([{ role: "judge", name: "Judge Okafor" }, { role: "party", name: "李伟" }, { role: "party", name: "Maria Rossi" }, { role: "technician", name: "Piotr Zielinski" }]);
}, { timeout: 60_000 });

after(async () => {
  for (const browser of browsers) await browser.close();
  await stack?.stop();
});

const preview = (page) =>
  page.$eval('[data-testid="preview"]', (video) => ({ visible: video.dataset.visible === "true", at: video.currentTime, width: video.videoWidth }));
const level = (page) => page.$eval('[data-testid="level"]', (meter) => meter.value);
const options = (page, name) => page.$$eval(`[data-testid="${name}"] option`, (list) => list.map((option) => option.textContent));

for (const [n, kind] of ["chromium", "firefox"].entries())
  test(`${kind}: picture, meter, choices, switches, and a warning before joining unheard`, { timeout: 90_000 }, async () => {
    const browser = await Browser.launch(kind, n);
    browsers.push(browser);
    const person = await Person.arrive(browser, hearing.people[n]);
    const { page } = person;
    judge ??= person;

    const first = await until("the preview is there", 10, async () => {
      const now = await preview(page);
      return now.visible && now.width > 0 && now;
    });
    await until("it moves", 5, async () => (await preview(page)).at > first.at);
    await until("the meter follows the voice", 5, async () => (await level(page)) > 0.05);
    for (const name of ["choose-microphone", "choose-camera"]) assert.ok((await options(page, name)).length >= 2, name);

    await person.press("use-camera");
    await until("the picture is covered", 5, async () => !(await preview(page)).visible);
    await person.press("use-camera");
    await until("the picture is back", 10, async () => (await preview(page)).visible);

    // As when a phone call takes it: the system turns it off, the person did not.
    const system = (muted) => page.evaluate((off) => {
      const [track] = document.querySelector('[data-testid="preview"]').srcObject.getVideoTracks();
      Object.defineProperty(track, "muted", { value: off, configurable: true });
      track.dispatchEvent(new Event(off ? "mute" : "unmute"));
    }, muted);
    // Firefox lets no test say that for its tracks.
    if (kind === "chromium") {
      await system(true);
      for (const words of [/nobody sees you/, /看不到您/]) {
        assert.match(await (await page.waitForSelector('[data-testid="silenced-camera"]')).evaluate((part) => part.textContent), words);
        await person.press("language");
      }
      await system(false);
      await until("nothing is said of it any more", 5, () => page.evaluate(() => !document.querySelector('[data-testid="silenced-camera"]')));
    }

    await person.press("use-microphone");
    await until("the meter rests", 5, async () => (await level(page)) === 0);
    await person.press("join");
    await person.press("no-microphone-no");
    await person.sees("page-lobby");
    await person.press("use-microphone");
    await until("the meter moves again", 5, async () => (await level(page)) > 0.05);
    assert.ok(["page-courtroom", "page-waiting"].includes(await person.join()));
    assert.deepEqual(page.complaints, []);
  });

test("a screen that cannot be shown says why; one that the person did not choose says nothing", { timeout: 60_000 }, async () => {
  const { page } = judge;
  const share = async (name) => {
    await page.evaluate((error) => { navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException("no", error)); }, name);
    await judge.press("share-screen");
  };
  await share("NotReadableError");
  await judge.shows('[data-testid="problem-screen"][data-problem="busy"]');
  await judge.press("drop-screen");
  const gone = () => page.evaluate(() => !document.querySelector('[data-testid="problem-screen"]'));
  await until("it is gone", 5, gone);
  await share("NotAllowedError");
  await until("the button is as before", 5, () => page.$eval('[data-testid="share-screen"]', (part) => part.dataset.on === "false" && part.ariaBusy !== "true"));
  assert.ok(await gone());
});

test("who only hears and sees has no switches, is asked for nothing and warned of nothing", { timeout: 60_000 }, async () => {
  const [browser] = browsers;
  const prepare = [() => {
    navigator.mediaDevices.getUserMedia = () => {
      window.asked = true;
      return Promise.reject(new Error("asked"));
    };
  }];
  const technician = await Person.arrive(browser, hearing.people[3], { prepare });
  const { page } = technician;
  const there = (names) => page.evaluate((all) => all.filter((name) => document.querySelector(`[data-testid="${name}"]`)), names);
  assert.deepEqual(await there(["preview", "use-microphone", "use-camera", "choose-microphone", "choose-camera", "listener", "test-speaker"]), ["listener", "test-speaker"]);
  assert.equal(await technician.join(), "page-waiting");
  assert.deepEqual(await there(["preview", "use-microphone", "use-camera", "leave"]), ["leave"]);
  await judge.admit(technician);
  await technician.sees("page-courtroom");
  assert.deepEqual(await there(["microphone", "camera", "share-screen", "raise-hand", "settings", "leave"]), ["settings", "leave"]);
  await page.keyboard.down("Alt");
  await page.keyboard.press("KeyM");
  await page.keyboard.up("Alt");
  assert.match(await page.$eval(".controls [role=status]", (place) => place.textContent), /Nobody hears or sees you/);
  assert.equal(await page.evaluate(() => window.asked), undefined);
  assert.deepEqual(page.complaints, []);
});

test("a browser that refuses: told what to do, and tried again when it allows", { timeout: 60_000 }, async () => {
  const browser = await Browser.launch("chromium", 2, { asks: true });
  browsers.push(browser);
  const session = await browser.puppeteer.target().createCDPSession();
  const allow = async (setting) => {
    for (const name of ["camera", "microphone"])
      await session.send("Browser.setPermission", { permission: { name }, setting, origin: stack.base });
  };
  await allow("denied");
  const person = await Person.arrive(browser, hearing.people[2]);
  for (const kind of ["microphone", "camera"]) await person.shows(`[data-testid="problem-${kind}"][data-problem="refused"]`);
  await allow("granted");
  for (const kind of ["microphone", "camera"]) {
    await person.press(`retry-${kind}`);
    await until(`no trouble with the ${kind}`, 10, () =>
      person.page.evaluate((k) => !document.querySelector(`[data-testid="problem-${k}"]`), kind),
    );
  }
  await until("the preview is there", 10, async () => (await preview(person.page)).visible);
});
