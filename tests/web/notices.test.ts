// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { h, render } from "preact";
import { emptyHearing } from "../../web-client/src/hearing.ts";
import type { Hearing } from "../../web-client/src/hearing.ts";
import { textIn } from "../../web-client/src/text.ts";
import { Announcements } from "../../web-client/src/view/notices.tsx";

/** As much of a document as drawing a few words takes. */
class Part {
  parentNode: Part | null = null;
  childNodes: Part[] = [];
  readonly attributes = new Map<string, string>();
  readonly nodeType: number;
  data: string;
  constructor(readonly localName: string, data = "") {
    this.nodeType = localName === "" ? 3 : 1;
    this.data = data;
  }
  get firstChild(): Part | null {
    return this.childNodes[0] ?? null;
  }
  get nextSibling(): Part | null {
    const beside = this.parentNode?.childNodes ?? [];
    return beside[beside.indexOf(this) + 1] ?? null;
  }
  get textContent(): string {
    return this.data + this.childNodes.map((part) => part.textContent).join("");
  }
  insertBefore(part: Part, before: Part | null): Part {
    part.parentNode?.removeChild(part);
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    this.childNodes.splice(at, 0, part);
    part.parentNode = this;
    return part;
  }
  removeChild(part: Part): void {
    this.childNodes.splice(this.childNodes.indexOf(part), 1);
    part.parentNode = null;
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, String(value));
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  all(role: string): Part[] {
    const own = this.attributes.get("role") === role ? [this as Part] : [];
    return [...own, ...this.childNodes.flatMap((part) => part.all(role))];
  }
}

const drawn = {
  createElement: (name: string) => new Part(name),
  createElementNS: (_space: string, name: string) => new Part(name),
  createTextNode: (data: string) => new Part("", data),
};

test("who slept in a page of the hearing and lost the room hears that the server is full", () => {
  Object.assign(globalThis, { document: drawn });
  const root = new Part("body");
  const draw = (hearing: Hearing, page: string) => render(
    h(Announcements, { hearing, onSeen: () => undefined, children: h(page, null) }),
    root as unknown as Element,
  );
  draw({ ...emptyHearing, stage: "present" }, "main");
  const [region, ...more] = root.all("status");
  assert.ok(region && more.length === 0 && region.textContent === "");
  draw({ ...emptyHearing, stage: "joining", waitsForRoom: true }, "form");
  assert.deepEqual(root.all("status"), [region], "a region that comes with its words is not read");
  assert.equal(region.textContent, textIn("en").lobby.serverFull);
  draw({ ...emptyHearing, stage: "present" }, "main");
  assert.equal(region.textContent, "");
});
