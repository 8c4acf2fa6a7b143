// SPDX-License-Identifier: Apache-2.0
/** Can this browser take part? If not, why not, so that the page can say what to do. */

export type Unsupported = "insecure" | "no-webrtc" | "old-firefox" | "old-chrome" | "in-app";

export interface Surroundings {
  readonly userAgent: string;
  readonly secure: boolean;
  readonly webrtc: boolean;
}

/** The oldest we were tried with or the media library supports. */
const OLDEST_FIREFOX = 120;
const OLDEST_CHROME = 74;

export function unsupportedBecause({ userAgent, secure, webrtc }: Surroundings): Unsupported | null {
  if (!secure) return "insecure";
  const firefox = versionAfter(userAgent, /Firefox\/(\d+)/);
  if (firefox !== null && firefox < OLDEST_FIREFOX) return "old-firefox";
  const chrome = versionAfter(userAgent, /Chrom(?:e|ium)\/(\d+)/);
  const inApp = /MicroMessenger|QQ\//.test(userAgent);
  if (chrome !== null && chrome < OLDEST_CHROME) return inApp ? "in-app" : "old-chrome";
  if (!webrtc) return inApp ? "in-app" : "no-webrtc";
  return null;
}

function versionAfter(userAgent: string, pattern: RegExp): number | null {
  const found = pattern.exec(userAgent);
  return found ? Number(found[1]) : null;
}

export function surroundings(): Surroundings {
  return {
    userAgent: navigator.userAgent,
    secure: isSecureContext,
    webrtc: typeof RTCPeerConnection === "function" && typeof WebSocket === "function",
  };
}

/** A phone gets fewer seats: half the decoding, a quarter of the battery. */
export function seatsWanted(): number {
  const small = matchMedia("(max-width: 640px), (max-height: 480px)").matches;
  const touch = matchMedia("(pointer: coarse)").matches;
  return small && touch ? 6 : 12;
}

/** Sound that brings what was said just before it along, RFC 2198: Chromium takes it, Firefox does not. */
export function takesRed(): boolean {
  const { codecs = [] } = globalThis.RTCRtpReceiver?.getCapabilities?.("audio") ?? {};
  return codecs.some(({ mimeType }) => mimeType.toLowerCase() === "audio/red");
}
