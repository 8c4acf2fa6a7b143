// SPDX-License-Identifier: Apache-2.0
// Prints what the first load costs, compressed as a server would send it. Fails over the bounds below.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** Bytes of all files together, gzip. Ours: a second on a poor phone link. */
const MOST_GZIP = 96_000;

const files = ["dist/index.html", ...readdirSync("dist/assets").map((name) => join("dist/assets", name))];
let gzip = 0;
let brotli = 0;
for (const file of files) {
  const body = readFileSync(file);
  const one = { gzip: gzipSync(body, { level: 9 }).length, brotli: brotliCompressSync(body).length };
  gzip += one.gzip;
  brotli += one.brotli;
  console.log(`${file}: ${body.length} bytes, gzip ${one.gzip}, brotli ${one.brotli}`);
}
console.log(`together: gzip ${gzip}, brotli ${brotli} (bound ${MOST_GZIP})`);
process.exit(gzip > MOST_GZIP ? 1 : 0);
