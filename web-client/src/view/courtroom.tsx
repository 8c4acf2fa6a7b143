// SPDX-License-Identifier: Apache-2.0
/** The courtroom: the bench above, the parties at their sides, the record's state always in sight. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { adviceOf } from "../effort.ts";
import { inSessionMs, isAside, isInSession, isPaused, isSpeaker, isState } from "../hearing.ts";
import type { Hearing } from "../hearing.ts";
import { hasPanel, rosterOf, seatingOf } from "../seating.ts";
import type { Area, Place } from "../seating.ts";
import { clock } from "../text.ts";
import { AsideNote, AskedBanner } from "./aside.tsx";
import { Consent } from "./consent.tsx";
import { Controls } from "./controls.tsx";
import { Problem } from "./devices.tsx";
import { ConductDoor, PanelDoor } from "./door.tsx";
import { Frame } from "./frame.tsx";
import { useLooks, useNowMs, useText } from "./hooks.ts";
import { LockIcon, WarningIcon } from "./icons.tsx";
import type { HearingProps } from "./lobby.tsx";
import { AdviceBanner, LinkBanner } from "./notices.tsx";
import { OverWords, RecordProgress } from "./progress.tsx";
import { Tile } from "./tile.tsx";

/** Below this width the panel covers the room, so it stays shut until asked for. In step with style.css. */
const ROOM_FOR_PANEL = "(min-width: 960px)";

export function Courtroom(props: HearingProps): JSX.Element {
  const { session, state, local, hearing } = props;
  const text = useText();
  const [panelOpen, setPanelOpen] = useState(() => matchMedia(ROOM_FOR_PANEL).matches);
  const aside = isAside(hearing.you);
  const title = text.rooms[hearing.you?.room ?? "courtroom"];
  const withPanel = hasPanel(hearing);
  const room = useRef<HTMLDivElement>(null);
  useLooks(session, room);
  const panel = withPanel
    ? { open: panelOpen, waiting: rosterOf(hearing).waiting.length, toggle: () => setPanelOpen(!panelOpen) }
    : null;
  return (
    <Frame title={title} testId={aside ? "page-aside" : "page-courtroom"} wide
      top={<Top hearing={hearing} />}
      bottom={<Controls {...props} panel={panel} />}>
      <h1 class={aside ? "aside-title" : "sr"}>{title}</h1>
      <LinkBanner hearing={hearing} health={state.health} />
      <AskedBanner session={session} hearing={hearing} />
      <Consent session={session} hearing={hearing} />
      <ConductDoor session={session} hearing={hearing} />
      {aside ? <AsideNote session={session} hearing={hearing} /> : null}
      <AdviceBanner advice={hearing.linkUp ? adviceOf(state.effort, hearing, state.soundOnly) : null} session={session} />
      <Problem kind="microphone" local={session.local} state={local} />
      <Problem kind="camera" local={session.local} state={local} />
      <Problem kind="screen" local={session.local} state={local} />
      <div class="room-and-panel" ref={room}>
        {isPaused(hearing) && !aside ? <Recess {...props} /> : <Room {...props} />}
        {withPanel && panelOpen ? (
          <PanelDoor session={session} hearing={hearing} onClose={() => setPanelOpen(false)} />
        ) : null}
      </div>
    </Frame>
  );
}

function Top({ hearing }: { readonly hearing: Hearing }): JSX.Element {
  const { matter } = hearing;
  return (
    <>
      <div class="top-matter">
        <span class="top-title">{matter?.title}</span>
        <span class="top-case">{matter?.case}</span>
      </div>
      <div class="top-status">
        <Elapsed hearing={hearing} />
        <RecordBanner hearing={hearing} />
      </div>
    </>
  );
}

function Elapsed({ hearing }: { readonly hearing: Hearing }): JSX.Element {
  const text = useText();
  const nowMs = useNowMs();
  const state = hearing.matter?.state ?? "waiting";
  return (
    <span class={`state ${state}`} data-testid="hearing-state" data-state={state}>
      <span class="state-words" role="status">{text.states[state]}</span>
      {isInSession(hearing) || isPaused(hearing)
        ? <span class="elapsed" role="timer"><span class="sr">{text.courtroom.elapsed} </span>{clock(inSessionMs(hearing, nowMs))}</span> : null}
    </span>
  );
}

/** Form, words and place say it, not colour alone: a filled disc on record, a ring when not, a sign when lost. */
export function RecordBanner({ hearing }: { readonly hearing: Hearing }): JSX.Element {
  const text = useText();
  const { state, reason } = hearing.record;
  // "On record" is a promise: without a connection the page does not know, so it does not say so.
  const shown = state === "on" && !hearing.linkUp ? "unknown" : state;
  const recess = state === "off" && isPaused(hearing);
  // What is said beside the courtroom is on no record, whatever is said in it.
  if (isAside(hearing.you)) return <div class="record off" data-testid="record" data-state="aside"><strong>{text.aside.notRecorded}</strong></div>;
  const words = recess ? text.record.notInRecess : text.record[shown];
  const why = shown === "lost" ? text.record.lostBecause(reason ?? "") : null;
  const alarming = shown === "lost" || shown === "unknown";
  return (
    <div class={`record ${shown}`} data-testid="record" data-state={shown} data-reason={reason ?? undefined}>
      {alarming ? <WarningIcon /> : <span class="record-mark" aria-hidden="true" />}
      <span role={alarming ? "alert" : "status"}>
        <span class="sr">{text.record.label}: </span>
        <strong>{words}</strong>
        {why ? <span class="record-why"> {why}</span> : null}
      </span>
    </div>
  );
}

function Room({ state, local, hearing }: HearingProps): JSX.Element {
  const text = useText();
  const seating = seatingOf(hearing);
  const draw = (places: readonly Place[]) => places.map((place) => (
    <li key={place.key} class="cell"><Tile place={place} hearing={hearing} tracks={state.tracks} local={local} soundOnly={state.soundOnly}
      thin={state.effort.thin} /></li>
  ));
  const area = (name: Area) => seating[name].length === 0 ? null : (
    <section class={`area ${name}`} aria-label={text.courtroom[name]}>
      <ul class="tiles" data-count={seating[name].length}>{draw(seating[name])}</ul>
    </section>
  );
  const floor = [seating.left.length, seating.stand.length, seating.right.length].filter((n) => n > 0).length;
  const alone = [...seating.bench, ...seating.left, ...seating.right, ...seating.stand, ...seating.gallery].every((place) => place.isYou);
  return (
    // Scrolls when there are many: so it can be reached by keyboard.
    <div class="room" role="group" aria-label={text.courtroom.title} tabIndex={0} data-floor={floor} data-bench={seating.bench.length} data-testid="room">
      {hearing.matter?.inCamera && !isAside(hearing.you)
        ? <p class="room-note" role="status" data-testid="in-camera-note">{hearing.you?.role === "observer" ? text.courtroom.inCameraPublic : text.courtroom.inCamera}</p> : null}
      {isState(hearing, "scheduled", "waiting") && !isAside(hearing.you)
        ? <p class="room-note" role="status">{text.courtroom.notOpen}</p> : null}
      {alone ? <p class="room-note" data-testid="alone">{isAside(hearing.you) ? text.aside.alone : text.courtroom.alone}</p> : null}
      {seating.screens.length > 0 ? <ul class="screens">{draw(seating.screens)}</ul> : null}
      {area("bench")}
      {floor > 0 ? <div class="floor">{area("left")}{area("stand")}{area("right")}</div> : null}
      {area("gallery")}
    </div>
  );
}

/** No picture is drawn in a recess: nothing may look as if it went on. */
function Recess({ hearing }: HearingProps): JSX.Element {
  const text = useText();
  const suspended = isState(hearing, "suspended");
  const reason = hearing.matter?.reason;
  return (
    // Scrolls on a phone beside the panel: so it can be reached by keyboard.
    <div class="pause" role="group" aria-label={text.courtroom.title} tabIndex={0} data-testid="recess-screen">
      <LockIcon />
      <h2>{suspended ? text.courtroom.suspendedTitle : text.courtroom.recessTitle}</h2>
      {reason ? <p data-testid="course-reason">{text.courtroom.reason(reason)}</p> : null}
      <p class="lead" role="status">{text.courtroom.recess}</p>
      {isSpeaker(hearing) ? <p>{text.courtroom.recessMicrophone}</p> : null}
    </div>
  );
}

/** The end, wherever one was: in the courtroom, in the waiting room, or only now arrived. */
export function Closed({ hearing }: { readonly hearing: Hearing }): JSX.Element {
  const text = useText();
  return (
    <Frame title={text.courtroom.closedTitle} testId="page-closed" wide top={<Top hearing={hearing} />}>
      <LinkBanner hearing={hearing} health="up" />
      <div class="pause" data-testid="closed-screen">
        <OverWords title={text.courtroom.closedTitle}>{text.courtroom.closed}</OverWords>
        {hearing.may.includes("records") ? (
          <>
            <RecordProgress record={hearing.record} />
            <p><a class="button primary" href="/records" data-testid="to-records">{text.over.records}</a></p>
          </>
        ) : null}
      </div>
    </Frame>
  );
}
