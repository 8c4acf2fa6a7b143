// SPDX-License-Identifier: Apache-2.0
/** Whether what spoke all the time has fallen silent: a dead path, seconds before the browser says so. No DOM, no clock. */

/** Between two looks. Ours. */
export const BEAT_EVERY_MS = 250;
/** Nothing for so long, of what came with nearly every look. Ours: longer than the bursts of loss that a line has. */
export const QUIET_AFTER_MS = 600;
/** So many looks must have found something before silence says anything. Ours. */
const STEADY_LOOKS = 4;
/** Between two looks so far apart the device slept. Ours: a page in the background still has one a second. */
export const SLEPT_MS = 4000;

export interface Pulse {
  /** What was counted last; whatever it counts, it changes when something comes. */
  readonly count: number;
  /** Looks that found something, without a long silence between them. */
  readonly steady: number;
  readonly heardMs: number;
  /** It spoke all the time, and fell silent. */
  readonly quiet: boolean;
}

export const noPulse: Pulse = { count: 0, steady: 0, heardMs: 0, quiet: false };

/** After one look. */
export function felt(pulse: Pulse, count: number, nowMs: number): Pulse {
  if (count !== pulse.count) return { count, steady: pulse.steady + 1, heardMs: nowMs, quiet: false };
  if (pulse.quiet || nowMs - pulse.heardMs < QUIET_AFTER_MS) return pulse;
  return { ...pulse, steady: 0, quiet: pulse.steady >= STEADY_LOOKS };
}
