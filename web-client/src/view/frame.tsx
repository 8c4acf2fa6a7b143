// SPDX-License-Identifier: Apache-2.0
/** The frame around every page: the house's name, the language, the content. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeptFocus, useWords } from "./hooks.ts";
import { Seal } from "./icons.tsx";
import { Notices } from "./notices.tsx";

/** Somebody has been anywhere on these pages with keyboard, pointer or finger. */
let isEntered = false;

interface FrameProps {
  /** For the window's title and the reader: which page this is. */
  readonly title: string;
  readonly testId: string;
  readonly children: ComponentChildren;
  /** Beside the name, when the page has more to say on top. */
  readonly top?: ComponentChildren;
  /** Under the content, always in sight. */
  readonly bottom?: ComponentChildren;
  readonly wide?: boolean;
}

export function Frame({ title, testId, children, top, bottom, wide }: FrameProps): JSX.Element {
  const { text } = useWords();
  const page = useRef<HTMLDivElement>(null);
  const main = useRef<HTMLElement>(null);
  useKeptFocus(page, main);
  useEffect(() => { document.title = `${title} – ${text.name}`; }, [title, text]);
  // A new page takes the focus, so that a screen reader begins there; not those that come by themselves while it loads.
  useEffect(() => {
    if (isEntered) main.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div ref={page} class={wide ? "frame wide" : "frame"} data-testid={testId} onFocusIn={() => { isEntered = true; }}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{text.skip}</a>
      <header class="top">
        <div class="house"><Seal /><span class="house-name">{text.name}</span></div>
        {top}
        <LanguageButton />
      </header>
      <main id="main" ref={main} tabIndex={-1}>{children}</main>
      <Notices />
      {bottom}
    </div>
  );
}

export function LanguageButton(): JSX.Element {
  const { language, text, setLanguage } = useWords();
  const other = language === "en" ? "zh-Hans" : "en";
  return (
    <button type="button" class="plain language" lang={other} data-testid="language"
      onClick={() => setLanguage(other)}>
      {text.language.other}
    </button>
  );
}
