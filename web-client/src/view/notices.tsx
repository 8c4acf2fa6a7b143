// SPDX-License-Identifier: Apache-2.0
/** What the page tells without being asked: short notices, seen and read aloud; and whether it is connected. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Hearing, Notice, NoticeKind } from "../hearing.ts";
import type { Health } from "../media.ts";
import { useText } from "./hooks.ts";
import { CloseIcon, WarningIcon } from "./icons.tsx";

/** How long each stays in sight; what concerns oneself stays longer. Ours. */
const STAY_MS: { readonly [kind in NoticeKind]: number } = {
  entered: 5000, gone: 6000, waiting: 8000, hand: 8000, linked: 5000,
  muted: 15000, admitted: 8000, "sent-back": 15000, failed: 12000,
};

interface AnnouncementsProps {
  readonly hearing: Hearing;
  readonly onSeen: (id: number) => void;
}

export function Announcements({ hearing, onSeen }: AnnouncementsProps): JSX.Element {
  return (
    <div class="notices" role="log" aria-live="polite" aria-atomic="false" data-testid="notices">
      {hearing.notices.map((notice) => (
        <NoticeLine key={notice.id} notice={notice} onSeen={onSeen} />
      ))}
    </div>
  );
}

function NoticeLine({ notice, onSeen }: { notice: Notice; onSeen: (id: number) => void }): JSX.Element {
  const text = useText();
  useEffect(() => {
    const timer = window.setTimeout(() => onSeen(notice.id), STAY_MS[notice.kind]);
    return () => window.clearTimeout(timer);
  }, [notice.id]);
  const why = notice.code === null ? "" : text.errors[notice.code];
  return (
    <div class={`notice ${notice.kind}`} data-notice={notice.kind} data-code={notice.code ?? undefined}>
      <span>{text.notices[notice.kind](notice.name, why)}</span>
      <button type="button" class="plain icon-only" aria-label={text.notices.dismiss} onClick={() => onSeen(notice.id)}>
        <CloseIcon />
      </button>
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
