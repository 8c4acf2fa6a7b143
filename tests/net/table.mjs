// SPDX-License-Identifier: Apache-2.0
// The figures as people read them: a line on the terminal, a table in docs/networks.md.
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { cpus, loadavg, release } from "node:os";

/** What the figures were taken on. */
export async function machine() {
  const system = (await readFile("/etc/os-release", "utf8")).match(/^PRETTY_NAME="(.*)"/m)?.[1];
  const git = (...args) => execFileSync("git", args, { encoding: "utf8" }).trim();
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    commit: git("rev-parse", "--short", "HEAD"),
    system,
    kernel: release(),
    cores: cpus().length,
    processor: cpus()[0].model.trim(),
    load: loadavg()[1],
  };
}

/** The result with its targets judged: [{words, way, met}]. */
export function judged(cell, result) {
  const targets = Object.entries(result.ways ?? {}).flatMap(([way, figures]) =>
    cell.targets.map(({ words, met }) => ({ words, way, met: met(figures) })));
  return { ...result, targets };
}

const percent = (share) => (share === null ? "?" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`);
const ms = (time) => (time === null ? "never" : time < 10_000 ? `${time} ms` : `${(time / 1000).toFixed(1)} s`);
const kbit = (bps) => (bps === null ? "?" : String(Math.round(bps / 1000)));

/** The columns: heading, and what stands in it for one way. */
const COLUMNS = [
  ["sound", (f) => percent(f.sound)],
  ["longest silence", (f) => ms(f.silentMs)],
  ["concealed", (f) => percent(f.concealed)],
  ["freezes, longest", (f) => `${f.freezes}, ${ms(f.longestFreezeMs)}`],
  ["by the browser", (f) => `${f.browserFreezes}, ${ms(f.browserFrozenMs)}`],
  ["picture", (f) => `${f.height} at ${f.fps.toFixed(0)}/s`],
  ["first sound, picture", (f) => (f.ratio === undefined ? `${ms(f.firstSoundMs)}, ${ms(f.firstPictureMs)}` : "")],
  ["kbit/s", (f) => kbit(f.bps) + (f.link ? ` of ${kbit(f.link)}` : "") + (f.ratio ? ` (before ${kbit(f.before)})` : "")],
  ["estimate", (f) => (f.estimate ? kbit(f.estimate) + (f.link ? ` (${percent(f.estimate / f.link)})` : "") : "")],
  ["back: sound, picture", (f) =>
    [f.soundBackMs !== null || f.pictureBackMs !== null ? `${ms(f.soundBackMs)}, ${ms(f.pictureBackMs)}` : "",
      f.heights ? `freeze ${ms(f.stepFreezeMs)}; ${f.heights.join(", ")} lines; up after ${ms(f.layerBackMs)}` : ""].filter(Boolean).join("; ")],
  ["path", (f) => f.path ?? ""],
];

const verdict = ({ words, met }) => `${words}: ${met === null ? "not told" : met ? "met" : "**missed**"}`;
const ofWay = (result, way) => result.targets.filter((target) => target.way === way).map(verdict).join("; ");

/** One cell on the terminal. */
export function row(result) {
  const head = `${result.name} (${(result.took / 1000).toFixed(0)} s)`;
  if (result.error) return `${head}\n    FAILED: ${result.error}`;
  if (result.notYet) return `${head}\n    not yet: ${result.notYet}`;
  const ways = Object.entries(result.ways).map(([way, f]) => {
    const figures = COLUMNS.map(([name, tell]) => [name, tell(f)]).filter(([, value]) => value !== "");
    return `    ${way.padEnd(5)} ${figures.map((pair) => pair.join(" ")).join(" | ")}\n          ${ofWay(result, way).replaceAll("**", "")}`;
  });
  return [head, ...ways].join("\n");
}

const BEGIN = "<!-- made by tests/net/run --table -->";
const END = "<!-- end -->";

/** The document with a new table between its marks; `abouts`: of each run its results are from. */
export function table(text, abouts, results) {
  const [about] = abouts;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`no place for the table: ${BEGIN} ... ${END}`);
  const heads = ["line", "way", ...COLUMNS.map(([name]) => name), "targets"];
  const rows = results.flatMap((result) => {
    if (!result.ways) return [[result.name, "", ...COLUMNS.map(() => ""), result.error ? `failed: ${result.error.split("\n")[0]}` : `not yet: ${result.notYet}`]];
    return Object.entries(result.ways).map(([way, f]) => [result.name, way, ...COLUMNS.map(([, tell]) => tell(f)), ofWay(result, way)]);
  });
  const judgedTargets = results.flatMap(({ targets }) => targets);
  const count = (met) => judgedTargets.filter((target) => target.met === met).length;
  const lines = [
    `${about.system}, Linux ${about.kernel}, ${about.cores} cores of ${about.processor}. Targets met ${count(true)}, missed ${count(false)}, not told ${count(null)}.`,
    "",
    ...abouts.map(({ date, commit, command, load }) => `- ${date}, commit ${commit}, load average before ${load.toFixed(1)}: \`${command}\``),
    "",
    `| ${heads.join(" | ")} |`,
    `|${heads.map(() => "---").join("|")}|`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ];
  return `${text.slice(0, begin)}${BEGIN}\n${lines.join("\n")}\n${text.slice(end)}`;
}
