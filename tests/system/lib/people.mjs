// SPDX-License-Identifier: Apache-2.0
// A person at the page: what they press and what they wait for, by the hooks in web-client/README.md.
import { TONES } from "./browser.mjs";
import { heard, tonesIn } from "./oracle.mjs";
import { until } from "./stack.mjs";

const hook = (name) => `[data-testid="${name}"]`;

export class Person {
  /** Opens the link and waits for the join page. */
  static async arrive(browser, invited, options = {}) {
    const person = new Person();
    Object.assign(person, { browser, invited, id: invited.person, role: invited.role, name: invited.name });
    person.page = await browser.open(invited.link, options);
    await person.sees("page-lobby", 20);
    return person;
  }

  /** Presses Join and waits for the courtroom or the waiting room. */
  async join() {
    await this.press("join", 15);
    return until(`${this.name} is in a room`, 15, () =>
      this.page.evaluate(() =>
        ["page-courtroom", "page-waiting"].find((p) => document.querySelector(`[data-testid="${p}"]`)),
      ),
    );
  }

  async sees(name, seconds = 10) {
    await this.page.waitForSelector(hook(name), { timeout: seconds * 1000, visible: true });
  }

  async shows(selector, seconds = 10) {
    await this.page.waitForSelector(selector, { timeout: seconds * 1000 });
  }

  /** Waits until the button is there and may be pressed, then presses it. */
  async press(name, seconds = 10) {
    await this.pressIn("", name, seconds);
  }

  async pressIn(scope, name, seconds = 10) {
    const selector = `${scope} ${hook(name)}`.trim();
    await until(`${this.name} may press ${selector}`, seconds, () =>
      this.page.evaluate((s) => {
        const button = document.querySelector(s);
        if (!button || button.disabled || button.getAttribute("aria-disabled") === "true") return false;
        button.click();
        return true;
      }, selector),
    );
  }

  /** Judge and clerk: lets somebody into the courtroom. */
  async admit(other) {
    const row = `${hook("person")}[data-person="${other.id}"]`;
    await this.openPanel();
    await this.pressIn(row, "admit");
  }

  async openPanel() {
    const there = await this.page.$(hook("panel"));
    if (!there) await this.press("people");
    await this.sees("panel");
  }

  /** The state shown by a hook that has data-state. */
  state(name) {
    return this.page.evaluate((s) => document.querySelector(s)?.dataset.state ?? null, hook(name));
  }

  async waitState(name, wanted, seconds = 10) {
    await until(`${this.name} sees ${name} ${wanted}`, seconds, async () => (await this.state(name)) === wanted);
  }

  /** Numbers only: what arrives in each seat, what goes up. */
  stats() {
    return this.page.evaluate(() => window.assize.stats());
  }

  /** Waits until the tones of these people are heard and no other. */
  async hears(speakers, seconds = 20) {
    const wanted = speakers.map(({ browser }) => browser.tone).sort().join();
    let last;
    await until(`${this.name} hears ${wanted || "nobody"}`, seconds, async () => {
      last = [...tonesIn(await heard(this.page, TONES)).keys()].sort().join();
      return last === wanted;
    }).catch((error) => {
      throw new Error(`${error.message}, but ${last}`);
    });
  }

  /** Packets that have arrived, of everybody. */
  async arrived() {
    const { seats } = await this.stats();
    if (seats.length === 0) throw new Error(`${this.name}'s page has no transports`);
    return seats.map((s) => (s.audio?.packets ?? 0) + (s.video?.packets ?? 0)).reduce((a, b) => a + b, 0);
  }
}
