// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chooseLanguage, clock, fileSize, textIn } from "../../web-client/src/text.ts";

/** Set by web-client/test.mjs. */
declare const SAMPLES: string;

/** Every word of a dictionary with its path; functions are called with something to say. */
function wordsOf(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String((value as (...args: unknown[]) => unknown)("X", "Y"))]];
  if (typeof value !== "object" || value === null) throw new Error(`${path} is no word`);
  return Object.entries(value).flatMap(([key, inner]) => wordsOf(inner, `${path}.${key}`));
}

test("both languages say everything, and nothing is left empty", () => {
  const en = wordsOf(textIn("en"), "");
  const zh = wordsOf(textIn("zh-Hans"), "");
  assert.deepEqual(zh.map(([path]) => path), en.map(([path]) => path).filter((path) => zh.some(([other]) => other === path)));
  assert.equal(zh.length, en.length);
  for (const [path, words] of [...en, ...zh]) assert.notEqual(words.trim(), "", path);
});

test("the Chinese is Chinese, but for names of things that have none", () => {
  const same = /^\.(name|language\.other|records\.fingerprint)$|^\.home\.needs\.\d$/;
  for (const [path, words] of wordsOf(textIn("zh-Hans"), "")) {
    if (!same.test(path) && path !== ".notices.failed") assert.match(words, /[\u4e00-\u9fff]/, path);
  }
  for (const [path, words] of wordsOf(textIn("en"), "")) {
    if (!same.test(path)) assert.doesNotMatch(words, /[\u4e00-\u9fff]/, path);
  }
});

/** Said by a name that the page has in hand: a role, a state, an error. */
const BY_NAME = /^\.(roles|states|rooms|problems|notices|errors|over|unsupported|advice)\.|^\.(waiting\.hearingIs|aside\.in|controls\.closed|consent|people\.(screened|reasoned|consents)|courtroom\.(quality|path|screened|bench|left|right|stand|gallery)|record|records\.(asked|trouble)|silenced)(\.|$)|^\.home\.needs/;

test("nothing is translated that no page says", () => {
  const folder = join(SAMPLES, "../../web-client/src/view/");
  const views = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8")).join("");
  const unsaid = wordsOf(textIn("en"), "").map(([path]) => path).filter((path) => {
    const [key, group] = path.split(".").reverse();
    // A group may have been given a name of its own.
    return !BY_NAME.test(path) && !new RegExp(`\\b(text|words|names${group ? `|${group}` : ""})\\??\\.${key}\\b`).test(views);
  });
  assert.deepEqual(unsaid, []);
  for (const key of ["label", "lostBecause", "renderingPercent", "notInRecess"]) assert.match(views, new RegExp(`record\\.${key}\\b`));
});

test("what a control is called holds what stands on it (WCAG 2.5.3)", () => {
  for (const language of ["en", "zh-Hans"] as const) {
    const { controls } = textIn(language);
    const { short } = controls;
    const rows = [
      [short.microphone, controls.mute], [short.microphone, controls.unmute], [short.camera, controls.cameraOn], [short.camera, controls.cameraOff],
      [short.hand, controls.raise], [short.hand, controls.lower], [short.share, controls.share], [short.share, controls.unshare],
      [short.people, controls.people], [short.aside, textIn(language).aside.title], [short.settings, controls.settings], [short.leave, controls.leave],
    ] as const;
    for (const [shown, called] of rows) assert.ok(called.toLowerCase().includes(shown.toLowerCase()), `${called}: ${shown}`);
  }
});

test("the language is the remembered one, else the browser's first that we speak, else English", () => {
  const rows = [
    [null, ["zh-CN", "en"], "zh-Hans"], [null, ["fr", "zh-TW"], "zh-Hans"], [null, ["de", "en-GB", "zh"], "en"],
    [null, ["fr"], "en"], [null, [], "en"], ["zh-Hans", ["en"], "zh-Hans"], ["en", ["zh"], "en"], ["xx", ["zh"], "zh-Hans"],
  ] as const;
  for (const [remembered, browser, language] of rows) assert.equal(chooseLanguage(remembered, browser), language);
});

test("durations and sizes", () => {
  const clocks = [[0, "00:00"], [-5, "00:00"], [61_000, "01:01"], [3_600_000, "1:00:00"], [5_025_000, "1:23:45"]] as const;
  for (const [ms, words] of clocks) assert.equal(clock(ms), words);
  const sizes = [[0, "0 B"], [999, "999 B"], [1000, "1 kB"], [1_048_576, "1 MB"], [1_550_000, "1.6 MB"], [25_300_000_000, "25 GB"]] as const;
  for (const [bytes, words] of sizes) assert.equal(fileSize("en", bytes), words);
});
