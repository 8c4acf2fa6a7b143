// SPDX-License-Identifier: Apache-2.0
/** What views share: the words, the watched values, a clock. */
import { createContext } from "preact";
import type { RefObject } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { heirOf, placesOf } from "../focus.ts";
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
  const last = useRef<{ part: Element; places: readonly HTMLElement[] } | null>(null);
  useEffect(() => {
    const came = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement) last.current = { part: target, places: placesOf(target) };
    };
    const element = page.current;
    element?.addEventListener("focusin", came);
    return () => element?.removeEventListener("focusin", came);
  }, []);
  // After every drawing: only then is it known what is drawn no more.
  useLayoutEffect(() => {
    if (!last.current || last.current.part.isConnected) return;
    const heir = heirOf(last.current.places) ?? otherwise.current;
    last.current = null;
    if (!heir || (document.activeElement && document.activeElement !== document.body)) return;
    if (heir.tabIndex < 0) heir.tabIndex = -1;
    heir.focus({ preventScroll: true });
  });
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
