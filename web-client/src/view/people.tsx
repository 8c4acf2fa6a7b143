// SPDX-License-Identifier: Apache-2.0
/** The judge's and clerk's panel: who is where, letting in and out, and the course of the hearing. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Hearing } from "../hearing.ts";
import type { Action, Person } from "../protocol.ts";
import { rosterOf } from "../seating.ts";
import type { Session } from "../session.ts";
import { Confirm } from "./dialog.tsx";
import { ConnectionsDoor } from "./door.tsx";
import { useText } from "./hooks.ts";
import { CloseIcon, HandIcon, MicrophoneIcon, MicrophoneOffIcon } from "./icons.tsx";
import { Quality } from "./tile.tsx";

type Question = { readonly about: "remove" | "dismiss"; readonly person: Person } | { readonly about: "close" };

interface PanelProps {
  readonly session: Session;
  readonly hearing: Hearing;
  readonly onClose: () => void;
}

/** Does this role's `may` or the people it sees call for the panel at all? */
export function hasPanel(hearing: Hearing): boolean {
  const mine: readonly Action[] = ["admit", "dismiss", "mute", "remove", "open", "recess", "resume", "close", "records", "connections"];
  const bench = hearing.you?.role === "judge" || hearing.you?.role === "clerk";
  return bench || hearing.may.some((action) => mine.includes(action) && action !== "records");
}

export function PeoplePanel({ session, hearing, onClose }: PanelProps): JSX.Element {
  const text = useText();
  const [question, setQuestion] = useState<Question | null>(null);
  const roster = rosterOf(hearing);
  const may = (action: Action) => hearing.may.includes(action);
  const admit = (person: Person) => void session.act({ type: "admit", person: person.person });
  return (
    <aside class="panel" aria-label={text.controls.people} data-testid="panel">
      <div class="panel-head">
        <h2>{text.people.title}</h2>
        <button type="button" class="plain icon-only" onClick={onClose} aria-label={text.close} data-testid="close-panel"><CloseIcon /></button>
      </div>
      <Course session={session} hearing={hearing} onCloseHearing={() => setQuestion({ about: "close" })} />
      <section>
        <div class="panel-section">
          <h3>{text.people.waiting} <span class="count">{roster.waiting.length}</span></h3>
          {may("admit") && roster.waiting.length > 1 ? (
            <button type="button" onClick={() => roster.waiting.forEach(admit)} data-testid="admit-all">{text.people.admitAll}</button>
          ) : null}
        </div>
        {roster.waiting.length === 0 ? <p class="hint">{text.people.nobodyWaits}</p> : null}
        <ul class="people">
          {roster.waiting.map((person) => (
            <PersonLine key={person.person} person={person}>
              {may("admit") ? (
                <button type="button" class="primary" onClick={() => admit(person)} data-testid="admit"
                  aria-label={text.people.admitName(person.name)}>{text.people.admit}</button>
              ) : null}
              <More person={person} hearing={hearing} session={session} ask={setQuestion} />
            </PersonLine>
          ))}
        </ul>
      </section>
      <section>
        <h3>{text.people.inside} <span class="count">{roster.inside.length + (hearing.you?.room === "courtroom" ? 1 : 0)}</span></h3>
        <ul class="people">
          {hearing.you ? <PersonLine person={hearing.you} isYou /> : null}
          {roster.inside.map((person) => (
            <PersonLine key={person.person} person={person}>
              <More person={person} hearing={hearing} session={session} ask={setQuestion} />
            </PersonLine>
          ))}
        </ul>
      </section>
      {roster.away.length > 0 ? (
        <section>
          <h3>{text.people.away} <span class="count">{roster.away.length}</span></h3>
          <ul class="people away">
            {roster.away.map((person) => <PersonLine key={person.person} person={person} />)}
          </ul>
        </section>
      ) : null}
      {may("connections") ? <ConnectionsDoor of="live" session={session} hearing={hearing} /> : null}
      <Questions question={question} session={session} onDone={() => setQuestion(null)} />
    </aside>
  );
}

interface LineProps {
  readonly person: Person;
  readonly isYou?: boolean;
  readonly children?: JSX.Element | readonly (JSX.Element | null)[] | null;
}

function PersonLine({ person, isYou, children }: LineProps): JSX.Element {
  const text = useText();
  const inside = person.room === "courtroom" && person.connected;
  const lost = !person.connected && person.room !== "outside";
  return (
    <li class="person" data-person={person.person} data-room={person.room} data-connected={person.connected} data-testid="person">
      <span class="person-name">
        <span class="name">{person.name}{isYou ? ` (${text.courtroom.you})` : ""}</span>
        <span class="role">{text.roles[person.role]}{lost ? ` · ${text.people.lostConnection}` : person.room === "outside" ? ` · ${text.people.notJoined}` : ""}</span>
      </span>
      {inside ? (
        <span class="person-state">
          {person.hand ? <span class="hand"><HandIcon /><span class="sr">{text.courtroom.handUp}</span></span> : null}
          {person.microphone === "on"
            ? <span><MicrophoneIcon /><span class="sr">{text.courtroom.microphoneOn}</span></span>
            : <span class="off"><MicrophoneOffIcon /><span class="sr">{text.courtroom.muted}</span></span>}
          <Quality quality={person.quality} path={person.path} />
        </span>
      ) : null}
      {children}
    </li>
  );
}

interface MoreProps {
  readonly person: Person;
  readonly hearing: Hearing;
  readonly session: Session;
  readonly ask: (question: Question) => void;
}

/** The rarer actions, behind one button each person. */
function More({ person, hearing, session, ask }: MoreProps): JSX.Element | null {
  const text = useText();
  const may = (action: Action) => hearing.may.includes(action);
  const inside = person.room === "courtroom";
  const act = (type: "mute" | "lowerHand") => (event: Event) => {
    shut(event);
    void session.act({ type, person: person.person });
  };
  const actions = [
    inside && person.hand && may("admit") ? <button key="hand" type="button" onClick={act("lowerHand")} data-testid="lower-hand">{text.people.lowerHand}</button> : null,
    inside && may("mute") && person.microphone === "on" ? <button key="mute" type="button" onClick={act("mute")} data-testid="mute-person">{text.people.mute}</button> : null,
    inside && may("dismiss") ? <button key="dismiss" type="button" onClick={(event) => { shut(event); ask({ about: "dismiss", person }); }} data-testid="dismiss">{text.people.dismiss}</button> : null,
    may("remove") ? <button key="remove" type="button" class="danger-text" onClick={(event) => { shut(event); ask({ about: "remove", person }); }} data-testid="remove">{text.people.remove}</button> : null,
  ].filter((action) => action !== null);
  if (actions.length === 0) return null;
  return (
    <details class="more" onBlur={shutWhenLeft} onKeyDown={(event) => { if (event.key === "Escape") shut(event); }}>
      <summary aria-label={text.people.more(person.name)} data-testid="more"><span aria-hidden="true">⋯</span></summary>
      <div class="more-list">{actions}</div>
    </details>
  );
}

function shut(event: Event): void {
  const details = (event.currentTarget as Element).closest("details");
  if (!details?.open) return;
  details.open = false;
  details.querySelector("summary")?.focus();
}

function shutWhenLeft(event: FocusEvent): void {
  const details = event.currentTarget as HTMLDetailsElement;
  if (event.relatedTarget instanceof Node && !details.contains(event.relatedTarget)) details.open = false;
}

function Course({ session, hearing, onCloseHearing }: { session: Session; hearing: Hearing; onCloseHearing: () => void }): JSX.Element {
  const text = useText();
  const may = (action: Action) => hearing.may.includes(action);
  const set = (state: "open" | "recess") => () => void session.act({ type: "setState", state });
  const state = hearing.matter?.state ?? "waiting";
  return (
    <section class="course" aria-label={text.people.course}>
      <h3>{text.people.course}</h3>
      <p data-testid="course-state" data-state={state} class={`state ${state}`}>{text.states[state]}</p>
      <div class="course-buttons">
        {may("open") && (state === "waiting" || state === "scheduled") ? <button type="button" class="primary" onClick={set("open")} data-testid="open-hearing">{text.people.open}</button> : null}
        {may("recess") && state === "open" ? <button type="button" onClick={set("recess")} data-testid="recess">{text.people.recess}</button> : null}
        {(may("resume") || may("open")) && state === "recess" ? <button type="button" class="primary" onClick={set("open")} data-testid="resume">{text.people.resume}</button> : null}
        {may("close") && (state === "open" || state === "recess") ? <button type="button" class="danger-text" onClick={onCloseHearing} data-testid="close-hearing">{text.people.closeHearing}</button> : null}
      </div>
    </section>
  );
}

function Questions({ question, session, onDone }: { question: Question | null; session: Session; onDone: () => void }): JSX.Element | null {
  const text = useText();
  if (question === null) return null;
  const words = text.people;
  switch (question.about) {
    case "close":
      return (
        <Confirm title={words.closeTitle} yes={words.closeYes} testId="close-question" onNo={onDone}
          onYes={() => { onDone(); void session.act({ type: "setState", state: "closed" }); }}>
          {words.closeText}
        </Confirm>
      );
    case "remove": case "dismiss": {
      const { about, person } = question;
      const title = about === "remove" ? words.removeTitle(person.name) : words.dismissTitle(person.name);
      return (
        <Confirm title={title} yes={about === "remove" ? words.removeYes : words.dismissYes} testId={`${about}-question`}
          onNo={onDone} onYes={() => { onDone(); void session.act({ type: about, person: person.person }); }}>
          {about === "remove" ? words.removeText : words.dismissText}
        </Confirm>
      );
    }
  }
}
