// SPDX-License-Identifier: Apache-2.0
/** Where the focus goes when what had it is drawn no more: near to it, and never back to the page's beginning. */

/** The part of Element used here. */
export interface Part {
  readonly isConnected: boolean;
  readonly parentElement: Part | null;
  matches(selector: string): boolean;
  querySelector(selector: string): Part | null;
}

/** Parts of a page that have a heading to go on from. */
const PLACES = "section, aside, main, .record-entry";
const HEADINGS = "h1, h2, h3";

/** What surrounds `part`, from near to far; to be asked while it is still drawn. */
export function placesOf<P extends Part>(part: P): readonly P[] {
  const places: P[] = [];
  for (let at: Part | null = part; at; at = at.parentElement) if (at.matches(PLACES)) places.push(at as P);
  return places;
}

/**
 * The nearest place still drawn, by its heading if it has one. Not its next button: whoever presses twice would
 * press that too. Null when none is left.
 */
export function heirOf<P extends Part>(places: readonly P[]): P | null {
  const place = places.find((one) => one.isConnected);
  return place ? ((place.querySelector(HEADINGS) as P | null) ?? place) : null;
}
