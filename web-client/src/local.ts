// SPDX-License-Identifier: Apache-2.0
/** This page's own microphone, camera and screen: what the person wants, what is open, what went wrong. */
import {
  listDevices, loadPreferences, noChoices, openBoth, openDevice, openScreen, savePreferences, watchDevices,
} from "./devices.ts";
import type { Choices, DeviceProblem, Opened, Preferences } from "./devices.ts";
import type { Source } from "./protocol.ts";
import { Store } from "./store.ts";

export interface Own {
  /** The person wants it sent whenever it may be. */
  readonly wanted: boolean;
  readonly opening: boolean;
  readonly track: MediaStreamTrack | null;
  /** The system gives nothing of it: a phone call, a switch on the device, another window. We send silence, or black. */
  readonly silenced: boolean;
  readonly problem: DeviceProblem | null;
}

export interface LocalState {
  readonly microphone: Own;
  readonly camera: Own;
  readonly screen: Own;
  readonly choices: Choices;
  readonly preferences: Preferences;
  /** The browser refused to play sound until the person presses something. */
  readonly soundBlocked: boolean;
}

const off: Own = { wanted: false, opening: false, track: null, silenced: false, problem: null };
/** Until begin() has asked: nobody can enter before it is known what works. */
const unknown: Own = { ...off, opening: true };

/** Does what it picks up go out, as far as the person and the system have a say? */
export function isLive(own: Own): boolean {
  return own.wanted && own.track !== null && !own.silenced;
}

/** Wishes outlive a reload of the page, so that a reload in mid-hearing changes nothing. */
const WISHES = "assize.wishes";

export class Local {
  readonly store: Store<LocalState>;
  private stopWatching: (() => void) | null = null;
  /** Counts ends: a device that the person allows only afterwards is stopped again. */
  private turn = 0;

  constructor() {
    this.store = new Store<LocalState>({
      microphone: unknown, camera: unknown, screen: off, choices: noChoices, preferences: loadPreferences(),
      soundBlocked: false,
    });
  }

  /** Asks for microphone and camera together, once. Which of them to open is what was wanted before a reload. */
  async begin(): Promise<void> {
    this.stopWatching ??= watchDevices(() => void this.refresh());
    const wishes = loadWishes();
    const { microphoneId, cameraId } = this.store.get().preferences;
    this.put("microphone", { ...off, wanted: wishes.microphone, opening: wishes.microphone });
    this.put("camera", { ...off, wanted: wishes.camera, opening: wishes.camera });
    if (wishes.microphone && wishes.camera) {
      const { turn } = this;
      const both = await openBoth(microphoneId, cameraId);
      this.took("microphone", both.microphone, turn);
      this.took("camera", both.camera, turn);
    } else {
      await this.openIfWanted("microphone");
      await this.openIfWanted("camera");
    }
    await this.refresh();
  }

  /** For those who only hear and see: asks for nothing, opens nothing. */
  async listen(): Promise<void> {
    this.stopWatching ??= watchDevices(() => void this.refresh());
    this.store.patch({ microphone: off, camera: off });
    await this.refresh();
  }

  /** Stops every device and forgets what was wanted. */
  end(): void {
    this.turn += 1;
    this.stopWatching?.();
    this.stopWatching = null;
    for (const source of ["microphone", "camera", "screen"] as const) this.release(source);
    this.store.patch({ microphone: unknown, camera: unknown });
  }

  async set(source: Source, on: boolean): Promise<void> {
    const own = this.store.get()[source];
    // Silence in the device itself, at once: what is asked of the server may wait behind a request that hangs.
    if (source === "microphone" && own.track) own.track.enabled = on;
    if (!on) {
      this.put(source, { ...own, wanted: false, problem: null });
      // A camera that is off shows no light; a microphone stays open so that it opens in no time.
      if (source !== "microphone") this.release(source);
      this.keepWishes();
      return;
    }
    if (own.wanted && (own.track || own.opening)) return;
    this.put(source, { ...own, wanted: true, opening: own.track === null, problem: null });
    this.keepWishes();
    if (!own.track) await this.openIfWanted(source);
    await this.refresh();
  }

  async choose(kind: "microphone" | "camera" | "speaker", deviceId: string): Promise<void> {
    const preferences = { ...this.store.get().preferences, [`${kind}Id`]: deviceId === "" ? null : deviceId };
    this.store.patch({ preferences });
    savePreferences(preferences);
    if (kind === "speaker") return;
    const { wanted, track } = this.store.get()[kind];
    if (!wanted && !track) return;
    track?.stop();
    this.put(kind, { ...off, wanted, opening: true });
    await this.openIfWanted(kind, true);
  }

  soundBlocked(blocked: boolean): void {
    this.store.patch({ soundBlocked: blocked });
  }

  private async openIfWanted(source: Source, even = false): Promise<void> {
    const { preferences, [source]: own } = this.store.get();
    const { turn } = this;
    if (!own.wanted && !even) return;
    switch (source) {
      case "microphone":
        return this.took(source, await openDevice(source, preferences.microphoneId), turn);
      case "camera":
        return this.took(source, await openDevice(source, preferences.cameraId), turn);
      case "screen":
        return this.took(source, await openScreen(), turn);
    }
  }

  private took(source: Source, opened: Opened, turn: number): void {
    if (turn !== this.turn) return opened.track?.stop();
    const own = this.store.get()[source];
    if (opened.track === null) {
      this.put(source, { ...off, problem: opened.problem });
      return;
    }
    const { track } = opened;
    if ((!own.wanted && source !== "microphone") || (own.track && own.track !== track)) {
      track.stop();
      if (!own.track) this.put(source, { ...own, opening: false });
      return;
    }
    if (source === "microphone") track.enabled = own.wanted;
    track.addEventListener("ended", () => void this.onEnded(source, track));
    for (const change of ["mute", "unmute"]) track.addEventListener(change, () => this.onSilenced(source, track));
    this.put(source, { ...off, wanted: own.wanted, track, silenced: track.muted });
  }

  private onSilenced(source: Source, track: MediaStreamTrack): void {
    const own = this.store.get()[source];
    if (own.track === track) this.put(source, { ...own, silenced: track.muted });
  }

  /** Unplugged, taken away, or sharing stopped from the browser's own bar. */
  private async onEnded(source: Source, track: MediaStreamTrack): Promise<void> {
    const own = this.store.get()[source];
    if (own.track !== track) return;
    this.put(source, { ...own, track: null, silenced: false, opening: source !== "screen" && own.wanted });
    if (source === "screen") this.put(source, off);
    else if (own.wanted) await this.openIfWanted(source);
  }

  private async refresh(): Promise<void> {
    this.store.patch({ choices: await listDevices() });
  }

  private release(source: Source): void {
    const own = this.store.get()[source];
    this.put(source, { ...own, wanted: false, opening: false, track: null, silenced: false });
    own.track?.stop();
  }

  private put(source: Source, own: Own): void {
    this.store.patch({ [source]: own });
  }

  private keepWishes(): void {
    const { microphone, camera } = this.store.get();
    const wishes = { microphone: microphone.wanted, camera: camera.wanted };
    try {
      sessionStorage.setItem(WISHES, JSON.stringify(wishes));
    } catch {
      // Storage may be forbidden; a reload then starts with both on, in the lobby's plain sight.
    }
  }
}

function loadWishes(): { microphone: boolean; camera: boolean } {
  try {
    const raw = JSON.parse(sessionStorage.getItem(WISHES) ?? "{}") as { [key: string]: unknown };
    return { microphone: raw["microphone"] !== false, camera: raw["camera"] !== false };
  } catch {
    return { microphone: true, camera: true };
  }
}
