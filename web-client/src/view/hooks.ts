// SPDX-License-Identifier: Apache-2.0
/** What views share: the words, the watched values, a clock. */
import { createContext } from "preact";
import type { RefObject } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { LOOK_EVERY_MS } from "../effort.ts";
import { heirOf, placesOf } from "../focus.ts";
import type { Session } from "../session.ts";
import type { Store } from "../store.ts";
import { textIn } from "../text.ts";
import type { Language, Text } from "../text.ts";

export interface Words {
  readonly language: Language;
  readonly text: Text;
  readonly setLanguage: (language: Language) => void;
}

export const WordsContext = createContext<Words>({
  language: "en", text: textIn("en"), setLanguage: () => undefined,
});

export function useWords(): Words {
  return useContext(WordsContext);
}

export function useText(): Text {
  return useContext(WordsContext).text;
}

/** Draws again whenever the store changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    const changed = () => setValue(() => store.get());
    changed();
    return store.watch(changed);
  }, [store]);
  return value;
}

/** Keeps the focus within `page`: when what has it vanishes, what is near to it gets it. */
export function useKeptFocus(page: RefObject<HTMLElement>, otherwise: RefObject<HTMLElement>): void {
  useEffect(() => {
    const element = page.current;
    if (!element) return undefined;
    let last: { part: Element; places: readonly HTMLElement[] } | null = null;
    const came = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement) last = { part: target, places: placesOf(target) };
    };
    // What the person left has the focus no more, though it is still there: it may go, the focus stays where it is.
    // Asked afterwards: some browsers tell of the loss while they take the part away.
    const went = () => queueMicrotask(() => {
      if (last?.part.isConnected && document.activeElement !== last.part) last = null;
    });
    const drawn = () => {
      if (!last || last.part.isConnected) return;
      const heir = heirOf(last.places) ?? otherwise.current;
      last = null;
      if (!heir || (document.activeElement && document.activeElement !== document.body)) return;
      if (heir.tabIndex < 0) heir.tabIndex = -1;
      heir.focus({ preventScroll: true });
    };
    // Right after each drawing, whichever part of the page it draws.
    const drawings = new MutationObserver(drawn);
    drawings.observe(element, { childList: true, subtree: true });
    element.addEventListener("focusin", came);
    element.addEventListener("focusout", went);
    return () => {
      drawings.disconnect();
      element.removeEventListener("focusin", came);
      element.removeEventListener("focusout", went);
    };
  }, []);
}

/** Tells the session how large each seat's picture stands in `room`, as long as there is one. */
export function useLooks(session: Session, room: RefObject<HTMLElement>): void {
  const watch = useRef<(() => void) | null>(null);
  useEffect(() => {
    const told = () => {
      const pictures = [...(room.current?.querySelectorAll<HTMLElement>("video[data-seat]") ?? [])];
      const shown = pictures.map((video) => (
        { seat: Number(video.dataset["seat"]), width: video.clientWidth, height: video.clientHeight }));
      session.looks(shown, window.devicePixelRatio || 1, document.visibilityState === "hidden");
    };
    const sizes = typeof ResizeObserver === "function" ? new ResizeObserver(told) : null;
    watch.current = () => {
      sizes?.disconnect();
      for (const video of room.current?.querySelectorAll("video[data-seat]") ?? []) sizes?.observe(video);
      told();
    };
    document.addEventListener("visibilitychange", told);
    window.addEventListener("resize", told);
    const timer = window.setInterval(() => void session.look(), LOOK_EVERY_MS);
    return () => {
      window.clearInterval(timer);
      sizes?.disconnect();
      document.removeEventListener("visibilitychange", told);
      window.removeEventListener("resize", told);
      session.looks([], 1, false);
    };
  }, [session]);
  // Whatever was drawn may have brought or taken pictures.
  useEffect(() => watch.current?.());
}

/** The page's clock, once a second. */
export function useNowMs(): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return nowMs;
}

/** Keeps the screen of a phone lit: one that sleeps drops out of the hearing. */
export function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let stopped = false;
    const ask = () => {
      if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
      navigator.wakeLock.request("screen").then(
        (got) => {
          if (stopped) void got.release();
          else lock = got;
        },
        // An empty battery may refuse; nothing else depends on it.
        () => undefined,
      );
    };
    ask();
    // The browser takes the lock back whenever the page is out of sight.
    document.addEventListener("visibilitychange", ask);
    return () => {
      stopped = true;
      document.removeEventListener("visibilitychange", ask);
      void lock?.release();
    };
  }, []);
}
