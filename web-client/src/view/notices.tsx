// SPDX-License-Identifier: Apache-2.0
/** What the page tells without being asked: short notices, seen and read aloud; and whether it is connected. */
import { createContext } from "preact";
import type { ComponentChildren, JSX } from "preact";
import { useContext, useEffect } from "preact/hooks";
import { emptyHearing, nameOf } from "../hearing.ts";
import type { Hearing, Notice, NoticeKind } from "../hearing.ts";
import type { Health } from "../media.ts";
import type { Advice } from "../effort.ts";
import type { Session } from "../session.ts";
import type { Text } from "../text.ts";
import { useText } from "./hooks.ts";
import { CloseIcon, WarningIcon } from "./icons.tsx";

/** How long each stays in sight; what concerns oneself stays longer. Ours. */
const STAY_MS: { readonly [kind in NoticeKind]: number } = {
  entered: 5000, gone: 6000, parted: 6000, locked: 15000, waiting: 8000, hand: 8000, linked: 5000,
  muted: 15000, admitted: 8000, aside: 8000, floor: 8000, resumed: 15000, "sent-back": 15000, failed: 12000,
};

interface Announced {
  readonly hearing: Hearing;
  readonly notices: readonly Notice[];
  readonly onSeen: (id: number) => void;
}

const Announced = createContext<Announced>({ hearing: emptyHearing, notices: [], onSeen: () => undefined });

interface AnnouncementsProps {
  readonly hearing: Hearing;
  readonly onSeen: (id: number) => void;
  readonly children: ComponentChildren;
}

/**
 * Around the pages of a hearing. Reads the notices aloud, and that the server is full, from places that outlive each
 * page: a reader is silent about what a region brings along when it appears. Each page's frame draws the notices
 * where nothing lies under them, the lobby the full server.
 */
export function Announcements({ hearing, onSeen, children }: AnnouncementsProps): JSX.Element {
  const text = useText();
  return (
    <Announced.Provider value={{ hearing, notices: hearing.notices, onSeen }}>
      {children}
      <div class="sr" role="log" aria-live="polite" aria-atomic="false">
        {hearing.notices.map((notice) => <Spoken key={notice.id} words={wordsOf(notice, text, hearing)} notice={notice} onSeen={onSeen} />)}
      </div>
      <div class="sr" role="status">{hearing.waitsForRoom ? <p>{text.lobby.serverFull}</p> : null}</div>
    </Announced.Provider>
  );
}

interface SpokenProps {
  readonly words: string;
  readonly notice: Notice;
  readonly onSeen: (id: number) => void;
}

/** Also ends the notice when its time has come. */
function Spoken({ words, notice, onSeen }: SpokenProps): JSX.Element {
  useEffect(() => {
    const timer = window.setTimeout(() => onSeen(notice.id), STAY_MS[notice.kind]);
    return () => window.clearTimeout(timer);
  }, [notice.id]);
  return <p>{words}</p>;
}

function wordsOf(notice: Notice, text: Text, hearing: Hearing): string {
  const { missing } = notice;
  if (missing) {
    const names = missing.consent.map((person) => nameOf(hearing, person) ?? "?");
    return [
      missing.judge ? text.missing.judge : "", missing.record ? text.missing.record : "",
      names.length > 0 ? text.missing.consent(names.join(" · ")) : "",
    ].filter((words) => words !== "").join(" ");
  }
  return text.notices[notice.kind](notice.name, notice.code === null ? "" : text.errors[notice.code]);
}

/** The notices as drawn, in the frame of a page. */
export function Notices(): JSX.Element {
  const text = useText();
  const { hearing, notices, onSeen } = useContext(Announced);
  return (
    <div class="notices" data-testid="notices">
      <div class="notices-list">
        {notices.map((notice) => (
          <div key={notice.id} class={`notice ${notice.kind}`} data-notice={notice.kind} data-code={notice.code ?? undefined}>
            <span>{wordsOf(notice, text, hearing)}</span>
            <button type="button" class="plain icon-only" aria-label={text.notices.dismiss} onClick={() => onSeen(notice.id)}>
              <CloseIcon />
            </button>
          </div>
        ))}
      </div>
    </div>
  );
}

/** Says that the connection or the media is being restored; nothing when all is well. */
export function LinkBanner({ hearing, health }: { hearing: Hearing; health: Health }): JSX.Element | null {
  const text = useText();
  const words = !hearing.linkUp ? text.link.lost : health === "trouble" ? text.link.media : null;
  if (words === null) return null;
  return (
    <div class="link-banner" role="alert" data-testid={hearing.linkUp ? "media-trouble" : "link-lost"}>
      <WarningIcon /><span>{words}</span><span class="spinner" aria-hidden="true" />
    </div>
  );
}

interface AdviceProps {
  readonly advice: Advice | null;
  readonly session: Session;
}

/** How the own connection is, in plain words, and what can be done. Always there, so that readers hear what comes. */
export function AdviceBanner({ advice, session }: AdviceProps): JSX.Element {
  const text = useText();
  return (
    <div role="status">
      {advice === null ? null : (
        <div class="advice" data-testid="advice" data-advice={advice}>
          <p>{text.advice[advice]}</p>
          {advice === "propose" ? (
            <>
              <button type="button" class="primary" data-testid="accept-sound-only" onClick={() => session.setSoundOnly(true)}>{text.advice.accept}</button>
              <button type="button" data-testid="dismiss-sound-only" onClick={() => session.dismissProposal()}>{text.advice.refuse}</button>
            </>
          ) : null}
          {advice === "thin" ? (
            <button type="button" data-testid="try-picture" onClick={() => session.tryPicture()}>{text.advice.tryPicture}</button>
          ) : null}
        </div>
      )}
    </div>
  );
}
