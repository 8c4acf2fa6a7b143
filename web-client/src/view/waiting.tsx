// SPDX-License-Identifier: Apache-2.0
/** The waiting room: nobody hears or sees you, and what happens next. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isSpeaker } from "../hearing.ts";
import { AskedBanner, mayBeAsked, MeetDialog, roomsToOpen } from "./aside.tsx";
import { Consent } from "./consent.tsx";
import { Problem } from "./devices.tsx";
import { Frame } from "./frame.tsx";
import { useText } from "./hooks.ts";
import { LeaveIcon, LockIcon } from "./icons.tsx";
import { LeaveQuestion } from "./controls.tsx";
import { MatterFacts, OwnPicture } from "./lobby.tsx";
import type { HearingProps } from "./lobby.tsx";
import { LinkBanner } from "./notices.tsx";

export function Waiting({ session, state, local, hearing }: HearingProps): JSX.Element {
  const text = useText();
  const [leaving, setLeaving] = useState(false);
  const [meeting, setMeeting] = useState(false);
  const now = hearing.matter?.state ?? "waiting";
  return (
    <Frame title={text.waiting.title} testId="page-waiting">
      <LinkBanner hearing={hearing} health={state.health} />
      <AskedBanner session={session} hearing={hearing} />
      <Consent session={session} hearing={hearing} />
      <div class="waiting">
        <div class="waiting-words">
          <h1>{text.waiting.title}</h1>
          <p class="lead" role="status" data-testid="waiting-state" data-state={now}>{text.waiting.hearingIs[now]}</p>
          <p class="private"><LockIcon /><span>{text.waiting.private}</span></p>
          <p>{text.waiting.next}</p>
          <MatterFacts hearing={hearing} />
          {roomsToOpen(hearing).length > 0 && mayBeAsked(hearing, "consultation").length > 0
            ? <button type="button" onClick={() => setMeeting(true)} data-testid="consult">{text.aside.consult}</button> : null}
          <button type="button" onClick={() => setLeaving(true)} data-testid="leave"><LeaveIcon />{text.controls.leave}</button>
        </div>
        {isSpeaker(hearing) ? (
          <section class="waiting-self" aria-label={text.waiting.yourPicture}>
            <OwnPicture session={session} local={local} />
            <p class="hint">{text.waiting.onlyYou}</p>
            <Problem kind="microphone" local={session.local} state={local} />
            <Problem kind="camera" local={session.local} state={local} />
          </section>
        ) : null}
      </div>
      {meeting ? <MeetDialog session={session} hearing={hearing} onClose={() => setMeeting(false)} /> : null}
      {leaving ? <LeaveQuestion session={session} onStay={() => setLeaving(false)} /> : null}
    </Frame>
  );
}
