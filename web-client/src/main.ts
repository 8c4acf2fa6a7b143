// SPDX-License-Identifier: Apache-2.0
/** Wires the rest: the address, the session, the page drawn from them. */
import { h, render } from "preact";
import { browserWorld, keep, loadLanguage, mediaLibrary, saveLanguage } from "./browser.ts";
import { BEAT_EVERY_MS } from "./pulse.ts";
import { routeOf } from "./route.ts";
import { Session } from "./session.ts";
import { Store } from "./store.ts";
import { surroundings, unsupportedBecause } from "./support.ts";
import { App } from "./view/app.tsx";

const route = routeOf(location.pathname, location.hash, keep);
// The secret leaves the address bar, the history and every screenshot at once.
if (location.hash !== "") history.replaceState(null, "", location.pathname);
// Another link pasted over this one is another page.
addEventListener("hashchange", () => location.reload());

const language = new Store(loadLanguage());
language.watch(() => saveLanguage(language.get()));

const unsupported = route.page === "hearing" ? unsupportedBecause(surroundings()) : null;
const session = route.page === "hearing" && route.token !== null && unsupported === null
  ? new Session(route.token, browserWorld, keep, mediaLibrary)
  : null;

if (session) {
  session.start();
  const doubt = () => session.doubt();
  addEventListener("online", doubt);
  (navigator as { connection?: EventTarget }).connection?.addEventListener("change", doubt); // where browsers tell
  setInterval(() => session.beat(performance.now()), BEAT_EVERY_MS);
  const numbers = { stats: () => session.numbers() };
  Object.defineProperty(window, "assize", { value: Object.freeze(numbers) });
}

const page = document.getElementById("page");
if (page) render(h(App, { route, session, unsupported, language }), page);
