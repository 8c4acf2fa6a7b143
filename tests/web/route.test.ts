// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { keepResume, keptResume, linkOf, routeOf, tokenIn } from "../../web-client/src/route.ts";
import type { Keep } from "../../web-client/src/route.ts";
import { Store } from "../../web-client/src/store.ts";
import { askAgainMs, fileAddress } from "../../web-client/src/records.ts";
import { parseRecords } from "../../web-client/src/protocol.ts";
import { sample } from "./samples.ts";

const TOKEN = "djEuMDEyMzQ1Njc4OWFiY2RlZg.c2lnbmF0dXJl";

function emptyKeep(): Keep & { readonly items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

test("the link's token is kept for the tab, and found again without the fragment", () => {
  const keep = emptyKeep();
  assert.deepEqual(routeOf("/hearing", "", keep), { page: "hearing", token: null });
  assert.deepEqual(routeOf("/hearing", `#${TOKEN}`, keep), { page: "hearing", token: TOKEN });
  assert.deepEqual(routeOf("/hearing/", "", keep), { page: "hearing", token: TOKEN });
  assert.deepEqual(routeOf("/records", "", keep), { page: "records", token: TOKEN }, "a judge goes on to the records");
  assert.deepEqual(routeOf("/records", "#another.pass", keep), { page: "records", token: "another.pass" });
  assert.deepEqual(routeOf("/", "", keep), { page: "home", token: null });
  assert.deepEqual(routeOf("/nowhere", `#${TOKEN}`, keep), { page: "home", token: null });
});

test("another invitation forgets the place of the one before; the same one keeps it", () => {
  const keep = emptyKeep();
  routeOf("/hearing", `#${TOKEN}`, keep);
  keepResume(keep, "secret");
  routeOf("/hearing", `#${TOKEN}`, keep);
  assert.equal(keptResume(keep), "secret");
  routeOf("/hearing", "#a-different-token", keep);
  assert.equal(keptResume(keep), null);
});

test("only what can be a token is one", () => {
  for (const bad of ["", "#", "#main", "#a b c d e f", "#<script>alert(1)</script>", `#${"x".repeat(5000)}`]) {
    assert.equal(tokenIn(bad), null, bad.slice(0, 30));
  }
});

test("a pasted link is followed only to ourselves", () => {
  const origin = "https://court.example:8443";
  const rows = [
    [`${origin}/hearing#${TOKEN}`, `/hearing#${TOKEN}`], [`  ${origin}/records#${TOKEN}\n`, `/records#${TOKEN}`],
    [`https://elsewhere.example/hearing#${TOKEN}`, null], [`http://court.example:8443/hearing#${TOKEN}`, null],
    [`${origin}/#${TOKEN}`, null], [`${origin}/hearing`, null], ["javascript:alert(1)", null], ["", null], ["//elsewhere.example/hearing#abcdefgh", null],
  ] as const;
  for (const [pasted, link] of rows) assert.equal(linkOf(pasted, origin), link, pasted);
});

test("a store tells its watchers of changes only, and not those who left", () => {
  const store = new Store({ n: 0 });
  let told = 0;
  const stop = store.watch(() => { told += 1; });
  store.patch({ n: 1 });
  store.set(store.get());
  assert.equal(told, 1);
  stop();
  store.patch({ n: 2 });
  assert.equal(told, 1);
  assert.equal(store.get().n, 2);
});

test("files of a record are addressed safely, and asked for often only while made", () => {
  assert.equal(fileAddress("00000000000000a1", "a b?.webm", true), "/records/00000000000000a1/a%20b%3F.webm?download");
  const records = parseRecords(sample("records.json"));
  assert.ok(records);
  assert.equal(askAgainMs({ state: "here", records, isOld: false }), 15000);
  const rendering = records.map((one) => ({ ...one, state: "rendering" as const }));
  assert.equal(askAgainMs({ state: "here", records: rendering, isOld: false }), 2000);
  assert.equal(askAgainMs({ state: "failed" }), 15000);
});
