// SPDX-License-Identifier: Apache-2.0
/** How large each seat's picture stands on the screen: what the server is told, so that it sends no more than is seen. */

/** One picture on the page, in the page's pixels. */
export interface Shown {
  readonly seat: number;
  readonly width: number;
  readonly height: number;
}

/** More than any screen; the protocol's bound. */
const HEIGHT_MOST = 65535;

/**
 * Heights in pixels of the screen, one a seat. A hidden page sees nothing; a device that is overloaded asks for half.
 * Pictures are 16:9 within their box, so a narrow box shows a lower one.
 */
export function heightsOf(
  seats: number, shown: readonly Shown[], { ratio, hidden, halved }: { ratio: number; hidden: boolean; halved: boolean },
): readonly number[] {
  const heights = Array.from({ length: seats }, () => 0);
  if (hidden) return heights;
  for (const { seat, width, height } of shown) {
    if (seat < 0 || seat >= seats) continue;
    const pixels = Math.min(height, (width * 9) / 16) * ratio * (halved ? 0.5 : 1);
    heights[seat] = Math.min(HEIGHT_MOST, Math.max(heights[seat] ?? 0, Math.round(pixels)));
  }
  return heights;
}

/** Rounded so that a pixel more or less is no news. Ours. */
export function isNews(before: readonly number[] | null, now: readonly number[]): boolean {
  if (!before || before.length !== now.length) return true;
  return now.some((height, seat) => {
    const was = before[seat] ?? 0;
    return (height === 0) !== (was === 0) || Math.abs(height - was) > Math.max(8, was / 20);
  });
}
