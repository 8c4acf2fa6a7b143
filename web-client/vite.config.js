// SPDX-License-Identifier: Apache-2.0
// One page for every path; old but supported browsers set the target (Chrome 74, Firefox 120).
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  // The library's traces cost 2 kB and are never read.
  resolve: { alias: { debug: new URL("src/silent.ts", import.meta.url).pathname } },
  build: {
    outDir: "dist",
    target: ["chrome74", "firefox120", "safari13"],
    // Everything is a file of its own: the page's CSP allows no data: scripts and no inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
  },
});
