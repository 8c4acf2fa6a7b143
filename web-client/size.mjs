// SPDX-License-Identifier: Apache-2.0
// Prints what the first load costs, compressed as a server would send it, and apart from it what only judge, clerk and
// technician load, when they ask for it (a file that view/door.tsx loads). Fails over the bounds below.
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** Bytes of all files together, gzip. Ours: a second on a poor phone link. */
const MOST_GZIP = 100_000;
/** The same of what is loaded later, by its files' names: no party's page asks for it (tests/system/quality.test.mjs), but for oaths and objections, in both languages (3 kB), when there are any. */
const LATER = /^(conduct(-text)?|connections|people|records)-/;
const MOST_LATER_GZIP = 18_000;

const files = ["dist/index.html", ...readdirSync("dist/assets").map((name) => join("dist/assets", name))];
let gzip = 0;
let brotli = 0;
let later = 0;
for (const file of files) {
  const body = readFileSync(file);
  const one = { gzip: gzipSync(body, { level: 9 }).length, brotli: brotliCompressSync(body).length };
  if (LATER.test(basename(file))) {
    later += one.gzip;
  } else {
    gzip += one.gzip;
    brotli += one.brotli;
  }
  console.log(`${file}: ${body.length} bytes, gzip ${one.gzip}, brotli ${one.brotli}`);
}
console.log(`together: gzip ${gzip}, brotli ${brotli} (bound ${MOST_GZIP})`);
console.log(`later, for the court: gzip ${later} (bound ${MOST_LATER_GZIP})`);
process.exit(gzip > MOST_GZIP || later > MOST_LATER_GZIP || later === 0 ? 1 : 0);
