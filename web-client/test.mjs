// SPDX-License-Identifier: Apache-2.0
// Bundles ../tests/web/*.test.ts for this node (18 or later) and runs them with node --test.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const tests = join(here, "../tests/web");
const out = mkdtempSync(join(tmpdir(), "assize-web-test-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));
const entryPoints = readdirSync(tests)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join(tests, name));
if (entryPoints.length === 0) throw new Error(`no tests in ${tests}`);
await build({
  entryPoints,
  bundle: true,
  platform: "node",
  target: "node18",
  format: "esm",
  outdir: out,
  outExtension: { ".js": ".mjs" },
  define: { SAMPLES: JSON.stringify(join(here, "../tests/protocol/")) },
  jsx: "automatic",
  jsxImportSource: "preact",
  // A library's library asks for node's own modules the old way.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  // The tests lie outside this folder; their packages are in it.
  nodePaths: [join(here, "node_modules")],
  logLevel: "warning",
});
const files = readdirSync(out).map((name) => join(out, name));
const result = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
process.exit(result.status ?? 1);
