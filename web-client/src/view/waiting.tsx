// SPDX-License-Identifier: Apache-2.0
/** The waiting room: nobody hears or sees you, and what happens next. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isSpeaker } from "../hearing.ts";
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
  const now = hearing.matter?.state ?? "waiting";
  return (
    <Frame title={text.waiting.title} testId="page-waiting">
      <LinkBanner hearing={hearing} health={state.health} />
      <div class="waiting">
        <div class="waiting-words">
          <h1>{text.waiting.title}</h1>
          <p class="lead" role="status" data-testid="waiting-state" data-state={now}>{text.waiting.hearingIs[now]}</p>
          <p class="private"><LockIcon /><span>{text.waiting.private}</span></p>
          <p>{text.waiting.next}</p>
          <MatterFacts hearing={hearing} />
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
      {leaving ? <LeaveQuestion session={session} onStay={() => setLeaving(false)} /> : null}
    </Frame>
  );
}
