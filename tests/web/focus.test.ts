// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { heirOf, placesOf } from "../../web-client/src/focus.ts";
import type { Part } from "../../web-client/src/focus.ts";

/** A part of a page with as much of an Element as is asked for. */
class FakePart implements Part {
  isConnected = true;
  readonly inside: FakePart[] = [];
  constructor(readonly tag: string, readonly parentElement: FakePart | null, readonly name = "") {
    parentElement?.inside.push(this);
  }
  matches(selector: string): boolean {
    return selector.split(", ").some((one) => one === this.tag || one === `.${this.name}`);
  }
  querySelector(selector: string): FakePart | null {
    for (const part of this.inside) {
      const found = part.matches(selector) ? part : part.querySelector(selector);
      if (found) return found;
    }
    return null;
  }
}

test("the focus goes to the heading of the nearest place that is still drawn, not to a button", () => {
  const main = new FakePart("main", new FakePart("div", null));
  const title = new FakePart("h1", main);
  const aside = new FakePart("aside", main);
  const panel = new FakePart("h2", aside);
  const section = new FakePart("section", aside);
  const course = new FakePart("h3", section);
  const button = new FakePart("button", new FakePart("div", section));
  new FakePart("button", section);
  const places = placesOf(button);
  assert.deepEqual(places.map((place) => place.tag), ["section", "aside", "main"]);
  const expected = [course, panel, title, null];
  for (const [n, heir] of expected.entries()) {
    assert.equal(heirOf(places), heir, String(n));
    const place = places[n];
    if (place) place.isConnected = false;
  }
});

test("a place without a heading gets the focus itself; outside all places there is no heir", () => {
  const main = new FakePart("main", null);
  assert.equal(heirOf(placesOf(new FakePart("button", main))), main);
  assert.equal(heirOf(placesOf(new FakePart("button", new FakePart("div", null)))), null);
});

test("of many records each is a place of its own: the focus does not go back to the page's title", () => {
  const main = new FakePart("main", null);
  new FakePart("h1", main);
  const list = new FakePart("ul", main);
  new FakePart("h2", new FakePart("li", list, "record-entry"));
  const entry = new FakePart("li", list, "record-entry");
  const title = new FakePart("h2", entry);
  assert.equal(heirOf(placesOf(new FakePart("button", new FakePart("div", entry)))), title);
});
