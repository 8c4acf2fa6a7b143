// SPDX-License-Identifier: Apache-2.0
/** Chooses the page: by address, then by where the person stands in the hearing. */
import type { JSX } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { isAside, isState, unreachable } from "../hearing.ts";
import type { Route } from "../route.ts";
import type { Session } from "../session.ts";
import type { Store } from "../store.ts";
import type { Unsupported } from "../support.ts";
import { textIn } from "../text.ts";
import type { Language } from "../text.ts";
import { Closed, Courtroom } from "./courtroom.tsx";
import { Later } from "./door.tsx";
import { Frame } from "./frame.tsx";
import { Home } from "./home.tsx";
import { useStore, useText, useWakeLock, WordsContext } from "./hooks.ts";
import { Lobby } from "./lobby.tsx";
import { Announcements } from "./notices.tsx";
import { Over } from "./over.tsx";
import { Sounds } from "./sounds.tsx";
import { UnsupportedPage } from "./unsupported.tsx";
import { Waiting } from "./waiting.tsx";

interface AppProps {
  readonly route: Route;
  readonly session: Session | null;
  readonly unsupported: Unsupported | null;
  readonly language: Store<Language>;
}

export function App({ route, session, unsupported, language }: AppProps): JSX.Element {
  const chosen = useStore(language);
  // With the words, not after them: whoever reads the page at once hears them in their own tongue.
  useLayoutEffect(() => { document.documentElement.lang = chosen; }, [chosen]);
  const words = {
    language: chosen,
    text: textIn(chosen),
    setLanguage: (next: Language) => language.set(next),
  };
  return <WordsContext.Provider value={words}>{pageOf(route, session, unsupported)}</WordsContext.Provider>;
}

function pageOf(route: Route, session: Session | null, unsupported: Unsupported | null): JSX.Element {
  if (unsupported) return <UnsupportedPage reason={unsupported} />;
  switch (route.page) {
    case "home":
      return <Home incomplete={false} />;
    case "records":
      return route.token === null ? <Home incomplete /> : <RecordsPage token={route.token} />;
    case "hearing":
      return session && route.token !== null
        ? <HearingPage session={session} token={route.token} />
        : <Home incomplete />;
    default:
      return unreachable(route.page);
  }
}

function RecordsPage({ token }: { token: string }): JSX.Element {
  return <Later load={() => import("./records.tsx")} draw={({ Records }) => <Records token={token} />} />;
}

function HearingPage({ session, token }: { session: Session; token: string }): JSX.Element {
  const state = useStore(session.store);
  const local = useStore(session.local.store);
  const { hearing } = state;
  useWakeLock();
  const all = { session, state, local, hearing };
  const stage = (() => {
    if (isState(hearing, "closed") && hearing.stage !== "over") return <Closed hearing={hearing} />;
    switch (hearing.stage) {
      case "arriving":
        return <Arriving />;
      case "lobby": case "joining":
        return <Lobby {...all} />;
      case "present":
        return hearing.you?.room === "courtroom" || isAside(hearing.you) ? <Courtroom {...all} /> : <Waiting {...all} />;
      case "over":
        return <Over session={session} hearing={hearing} token={token} />;
      default:
        return unreachable(hearing.stage);
    }
  })();
  return (
    <Announcements hearing={hearing} onSeen={(id) => session.noticeSeen(id)}>
      {stage}
      <Sounds tracks={state.tracks} local={session.local} />
    </Announcements>
  );
}

function Arriving(): JSX.Element {
  const text = useText();
  return (
    <Frame title={text.arriving} testId="page-arriving">
      <p class="arriving" role="status"><span class="spinner" aria-hidden="true" />{text.arriving}</p>
    </Frame>
  );
}
