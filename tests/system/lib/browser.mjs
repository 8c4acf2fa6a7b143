// SPDX-License-Identifier: Apache-2.0
// Real browsers with fake devices. One process each, so that every person has its own tone.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";
import { writePicture, writeTone } from "./fakes.mjs";

const run = promisify(execFile);

/** Tones far from each other's harmonics, one a person. */
export const TONES = [401, 503, 607, 709, 811, 919];
/** The colours of their pictures (Cb, Cr), in the same order, from the first again after the last. */
export const COLOURS = [
  { u: 90, v: 160 },
  { u: 160, v: 90 },
  { u: 90, v: 90 },
  { u: 160, v: 160 },
];

export class Browser {
  /** `kind` is "chromium" or "firefox"; `number` chooses tone and picture; `snow`: see fakes.mjs. One
   * that `asks` (Chromium) gives a device only as its permissions are set; others give them at once.
   * `program` (Chromium) starts it in another network: see tests/net.
   * `trusts`: a file with an authority, for TURN over TLS, of which no exception can be made; Firefox then
   * uses loopback too. */
  static async launch(kind, number, { lang = "en-GB", snow = false, asks = false, program, trusts = null } = {}) {
    const browser = new Browser();
    browser.kind = kind;
    browser.tone = TONES[number];
    browser.dir = await mkdtemp(join(tmpdir(), `assize-${kind}-`));
    browser.puppeteer = kind === "chromium" ? await chromium(browser, number, { lang, snow, asks, program, trusts }) : await firefox(browser, lang, trusts);
    return browser;
  }

  /** Opens `url` in a fresh page, after running `prepare` ([function, ...arguments]) in it; console
   * errors are kept in `page.complaints`. A page that shall draw while another is in front wants a
   * `window` of its own. */
  async open(url, { width = 1280, height = 800, prepare, window = false } = {}) {
    const page = await this.puppeteer.newPage(window ? { type: "window" } : {});
    if (prepare) await page.evaluateOnNewDocument(...prepare);
    page.complaints = [];
    page.on("console", (line) => line.type() === "error" && page.complaints.push(line.text()));
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    if (this.kind === "chromium") await page.setViewport({ width, height });
    await page.goto(url, { waitUntil: "domcontentloaded" });
    return page;
  }

  async close() {
    await this.puppeteer?.close().catch(() => {});
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function chromium(browser, number, { lang, snow, asks, program, trusts }) {
  const wav = join(browser.dir, "tone.wav");
  const y4m = join(browser.dir, "picture.y4m");
  await Promise.all([writeTone(wav, browser.tone), writePicture(y4m, COLOURS[number % COLOURS.length], { snow })]);
  if (trusts) await trust(join(browser.dir, ".pki/nssdb"), trusts);
  return puppeteer.launch({
    browser: "chrome",
    executablePath: program ?? "/usr/bin/chromium",
    pipe: program !== undefined, // there is no port of another network to speak to it
    headless: true,
    acceptInsecureCerts: true,
    userDataDir: join(browser.dir, "profile"),
    env: { ...process.env, LANG: "C.UTF-8", LANGUAGE: lang, ...(trusts ? { HOME: browser.dir } : {}) },
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--allow-loopback-in-peer-connection",
      "--use-fake-device-for-media-stream",
      ...(asks ? [] : ["--use-fake-ui-for-media-stream"]),
      "--autoplay-policy=no-user-gesture-required",
      `--use-file-for-fake-audio-capture=${wav}`,
      `--use-file-for-fake-video-capture=${y4m}`,
      `--lang=${lang}`,
    ],
  });
}

/** Both browsers take authorities of their user's own from a database of NSS: Chromium from ~/.pki/nssdb,
 * Firefox from its profile. */
async function trust(folder, authority) {
  await mkdir(folder, { recursive: true });
  await run("certutil", ["-d", `sql:${folder}`, "-N", "--empty-password"]);
  await run("certutil", ["-d", `sql:${folder}`, "-A", "-n", "Assize test", "-t", "C,,", "-i", authority]);
}

async function firefox(browser, lang, trusts) {
  const profile = join(browser.dir, "profile");
  await soundServer();
  if (trusts) await trust(profile, trusts);
  return puppeteer.launch({
    browser: "firefox",
    executablePath: "/usr/bin/firefox-esr",
    headless: true,
    acceptInsecureCerts: true,
    userDataDir: profile,
    extraPrefsFirefox: {
      ...(trusts ? { "media.peerconnection.ice.loopback": true } : {}),
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.autoplay.default": 0,
      "media.navigator.audio.fake_frequency": browser.tone,
      "intl.accept_languages": lang,
      "network.proxy.type": 0,
    },
  });
}

/** Headless Firefox plays nothing without a sound device: PulseAudio with a null sink. */
async function soundServer() {
  const here = await run("pactl", ["info"]).then(() => true, () => false);
  if (here) return;
  await run("pulseaudio", [
    "--start", "--exit-idle-time=-1", "--disallow-exit", "-n",
    "-L", "module-null-sink", "-L", "module-native-protocol-unix",
  ]);
}
