// SPDX-License-Identifier: Apache-2.0
/** The browser's own things behind the small interfaces the rest is tested with. */
import type { Socket, World } from "./connection.ts";
import type { DevicePart } from "./media.ts";
import type { RtpCapabilities } from "./protocol.ts";
import type { Keep } from "./route.ts";
import type { MediaLibrary } from "./session.ts";
import { chooseLanguage } from "./text.ts";
import type { Language } from "./text.ts";

export const browserWorld: World = {
  open: openSocket,
  setTimer: (run, afterMs) => window.setTimeout(run, afterMs),
  clearTimer: (timer) => window.clearTimeout(timer),
  random: () => Math.random(),
  now: () => performance.now(),
};

function openSocket(): Socket {
  const secure = location.protocol === "https:";
  const ws = new WebSocket(`${secure ? "wss" : "ws"}://${location.host}/ws`);
  const socket: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => ws.send(text),
    close: () => ws.close(),
  };
  ws.onopen = () => socket.onopen?.();
  ws.onmessage = (event) => socket.onmessage?.({ data: event.data });
  ws.onclose = (event) => socket.onclose?.({ code: event.code });
  return socket;
}

/** What was made ready for the latest welcome. */
let prepared: { readonly for: RtpCapabilities; readonly device: Promise<DevicePart> } | null = null;

async function prepare(capabilities: RtpCapabilities): Promise<DevicePart> {
  if (prepared?.for === capabilities) return prepared.device;
  const made = { for: capabilities, device: import("./media.ts").then(({ Media }) => Media.prepare(capabilities)) };
  prepared = made;
  // The next one tries anew.
  made.device.catch(() => { if (prepared === made) prepared = null; });
  return made.device;
}

export const mediaLibrary: MediaLibrary = {
  preload: prepare,
  open: async (capabilities, joined, listener) => {
    const device = await prepare(capabilities);
    const { Media } = await import("./media.ts");
    return Media.open(device, joined, listener);
  },
};

/** This tab's storage; a memory of our own where the browser forbids it. */
export const keep: Keep = usable(() => sessionStorage) ?? memory();
/** What all tabs share; null where the browser forbids it. */
export const shared: Keep | null = usable(() => localStorage);

function usable(storage: () => Keep): Keep | null {
  try {
    const found = storage();
    found.setItem("assize.probe", "1");
    found.removeItem("assize.probe");
    return found;
  } catch {
    return null;
  }
}

function memory(): Keep {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

const LANGUAGE = "assize.language";

export function loadLanguage(): Language {
  let remembered: string | null = null;
  try {
    remembered = localStorage.getItem(LANGUAGE);
  } catch {
    // Forbidden storage: the browser's own language then.
  }
  return chooseLanguage(remembered, navigator.languages);
}

export function saveLanguage(language: Language): void {
  try {
    localStorage.setItem(LANGUAGE, language);
  } catch {
    // Forbidden storage: chosen for this page only.
  }
}
