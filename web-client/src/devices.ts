// SPDX-License-Identifier: Apache-2.0
/** Camera, microphone, screen, speaker: choose, open, recover; every failure with a reason a person can act on. */

export type DeviceKind = "microphone" | "camera" | "screen";

/**
 * refused: the person or the browser said no. blocked: the operating system did. none: no such device.
 * busy: another program has it. unsuitable: it cannot do what was asked. insecure: the page is not on a
 * secure address. unsupported: the browser cannot. unknown: anything else.
 */
export type DeviceProblem =
  | "refused" | "blocked" | "none" | "busy" | "unsuitable" | "insecure" | "unsupported" | "unknown";

export type Opened =
  | { readonly track: MediaStreamTrack; readonly problem: null }
  | { readonly track: null; readonly problem: DeviceProblem };

/** What a browser's error on getUserMedia or getDisplayMedia means. */
export function problemOf(error: unknown): DeviceProblem {
  const { name, message } = errorWords(error);
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return /system/i.test(message) ? "blocked" : "refused";
    case "NotFoundError":
    case "DevicesNotFoundError":
      return "none";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "OverconstrainedError":
    case "ConstraintNotSatisfiedError":
      return "unsuitable";
    case "SecurityError":
      return "insecure";
    case "TypeError":
    case "NotSupportedError":
      return "unsupported";
    default:
      return "unknown";
  }
}

function errorWords(error: unknown): { name: string; message: string } {
  if (typeof error !== "object" || error === null) return { name: "", message: "" };
  const { name, message } = error as { name?: unknown; message?: unknown };
  return {
    name: typeof name === "string" ? name : "",
    message: typeof message === "string" ? message : "",
  };
}

/** Pictures for a court on a poor link: faces, not films. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } };

/** Opens the chosen device, or any if that one is gone. Never rejects. */
export async function openDevice(kind: "microphone" | "camera", deviceId: string | null): Promise<Opened> {
  const devices = mediaDevices();
  if (!devices) return { track: null, problem: isSecureContext ? "unsupported" : "insecure" };
  const wanted = deviceId === null ? {} : { deviceId: { exact: deviceId } };
  const first = await attempt(() => devices.getUserMedia(constraints(kind, wanted)));
  const retry = first.problem === "unsuitable" || (deviceId !== null && first.problem === "none");
  return retry ? attempt(() => devices.getUserMedia(constraints(kind, {}))) : first;
}

/** Both with one question to the person; what fails together is tried apart, to know which. Never rejects. */
export async function openBoth(
  microphoneId: string | null,
  cameraId: string | null,
): Promise<{ microphone: Opened; camera: Opened }> {
  const devices = mediaDevices();
  if (devices) {
    try {
      const stream = await devices.getUserMedia({
        audio: { ...VOICE, ...(microphoneId === null ? {} : { deviceId: { ideal: microphoneId } }) },
        video: { ...PICTURE, ...(cameraId === null ? {} : { deviceId: { ideal: cameraId } }) },
      });
      const [audio] = stream.getAudioTracks();
      const [video] = stream.getVideoTracks();
      if (audio && video) {
        return { microphone: { track: audio, problem: null }, camera: { track: video, problem: null } };
      }
    } catch {
      // Tried apart below, where the reason is read.
    }
  }
  const microphone = await openDevice("microphone", microphoneId);
  const camera = await openDevice("camera", cameraId);
  return { microphone, camera };
}

/** A person's refusal to choose a window is "refused". Never rejects. */
export function openScreen(): Promise<Opened> {
  const devices = mediaDevices();
  if (!devices || typeof devices.getDisplayMedia !== "function") {
    return Promise.resolve({ track: null, problem: "unsupported" });
  }
  return attempt(() => devices.getDisplayMedia({ video: { frameRate: { max: 10 } }, audio: false }));
}

export function canShareScreen(): boolean {
  return typeof mediaDevices()?.getDisplayMedia === "function";
}

export interface Choices {
  readonly microphones: readonly MediaDeviceInfo[];
  readonly cameras: readonly MediaDeviceInfo[];
  /** Empty where the browser does not let a page choose. */
  readonly speakers: readonly MediaDeviceInfo[];
}

export const noChoices: Choices = { microphones: [], cameras: [], speakers: [] };

/** What can be chosen now; names are empty until permission was given. Never rejects. */
export async function listDevices(): Promise<Choices> {
  try {
    const all = (await mediaDevices()?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind) => all.filter((one) => one.kind === kind && one.deviceId !== "");
    return {
      microphones: of("audioinput"),
      cameras: of("videoinput"),
      speakers: "setSinkId" in HTMLMediaElement.prototype ? of("audiooutput") : [],
    };
  } catch {
    return noChoices;
  }
}

/** Calls when a device is plugged in or out. Returns the way to stop. */
export function watchDevices(changed: () => void): () => void {
  const devices = mediaDevices();
  devices?.addEventListener?.("devicechange", changed);
  return () => devices?.removeEventListener?.("devicechange", changed);
}

function constraints(kind: "microphone" | "camera", wanted: MediaTrackConstraints): MediaStreamConstraints {
  return kind === "microphone"
    ? { audio: { ...VOICE, ...wanted } }
    : { video: { ...PICTURE, ...wanted } };
}

async function attempt(open: () => Promise<MediaStream>): Promise<Opened> {
  try {
    const [track] = (await open()).getTracks();
    return track ? { track, problem: null } : { track: null, problem: "none" };
  } catch (error) {
    return { track: null, problem: problemOf(error) };
  }
}

/** Undefined on insecure addresses and in old browsers, whatever the types say. */
function mediaDevices(): MediaDevices | undefined {
  return typeof navigator === "undefined" ? undefined : (navigator.mediaDevices as MediaDevices | undefined);
}

/** The person's choices, remembered on this machine. */
export interface Preferences {
  readonly microphoneId: string | null;
  readonly cameraId: string | null;
  readonly speakerId: string | null;
}

const PREFERENCES = "assize.devices";

export function loadPreferences(): Preferences {
  const none = { microphoneId: null, cameraId: null, speakerId: null };
  try {
    const raw: unknown = JSON.parse(localStorage.getItem(PREFERENCES) ?? "null");
    if (typeof raw !== "object" || raw === null) return none;
    const of = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);
    const { microphoneId, cameraId, speakerId } = raw as { [key: string]: unknown };
    return { microphoneId: of(microphoneId), cameraId: of(cameraId), speakerId: of(speakerId) };
  } catch {
    return none;
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(PREFERENCES, JSON.stringify(preferences));
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}
