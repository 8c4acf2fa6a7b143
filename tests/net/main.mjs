// SPDX-License-Identifier: Apache-2.0
// tests/net/run, in a network of its own.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { cells, SHORT } from "./cells.mjs";
import { openServer } from "./line.mjs";
import { checkLines } from "./lines-check.mjs";
import { measure } from "./measure.mjs";
import { World } from "./people.mjs";
import { judged, machine, row, table } from "./table.mjs";

const { values: options } = parseArgs({
  options: {
    cells: { type: "string" },
    seconds: { type: "string", default: "10" },
    settle: { type: "string", default: "Infinity" },
    check: { type: "boolean", default: false },
    json: { type: "string" },
    table: { type: "string" },
    from: { type: "string", multiple: true },
    list: { type: "boolean", default: false },
  },
});

function chosen() {
  if (options.cells === undefined) return cells;
  if (options.cells === "short") return SHORT.map((name) => cells.find((cell) => cell.name === name));
  const pattern = new RegExp(options.cells);
  return cells.filter(({ name }) => pattern.test(name));
}

/** Those that want a TURN server have one; beside it the others would ask for more than their figures tell. */
async function runAll(some) {
  const results = [];
  await openServer();
  for (const turn of [false, true]) {
    const these = some.filter(({ wants }) => (wants === "turn") === turn);
    if (these.length > 0) results.push(...(await runIn(these, { turn })));
  }
  return results;
}

async function runIn(some, wanted) {
  const world = await World.open(some.some((cell) => cell.third) ? 3 : 2, wanted);
  const results = [];
  try {
    for (const cell of some) {
      const began = Date.now();
      const result = await measure(world, cell, Number(options.seconds), Number(options.settle)).catch((error) => ({ error: error.message }));
      results.push({ name: cell.name, took: Date.now() - began, ...judged(cell, result) });
      console.log(row(results.at(-1)));
    }
  } finally {
    await world.close();
  }
  return results;
}

/** Of cells that were run again the last result. */
const newest = (results) => [...new Map(results.map((result) => [result.name, result])).values()];

async function draw(abouts, results) {
  if (!options.table) return;
  const order = cells.map(({ name }) => name);
  results.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  await writeFile(options.table, table(await readFile(options.table, "utf8"), abouts, results));
}

// The first process of a namespace is not ended by signals it does not ask for.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const some = chosen();
if (options.list) {
  for (const { name } of some) console.log(name);
} else if (options.check) {
  const lines = await checkLines();
  if (options.json) await writeFile(options.json, JSON.stringify({ lines }, null, 1));
  process.exitCode = lines.every(({ ok }) => ok) ? 0 : 1;
} else if (options.from) {
  const runs = await Promise.all(options.from.map(async (file) => JSON.parse(await readFile(file, "utf8"))));
  await draw(runs.map(({ about }) => about), newest(runs.flatMap(({ results }) => results)));
} else {
  const about = { ...(await machine()), command: ["tests/net/run", ...process.argv.slice(2)].join(" ") };
  const results = await runAll(some);
  if (options.json) await writeFile(options.json, JSON.stringify({ about, results }, null, 1));
  await draw([about], results);
  process.exitCode = results.length && results.every(({ error }) => !error) ? 0 : 1;
}
