// SPDX-License-Identifier: Apache-2.0
/** The judge's and clerk's panel: who is where, letting in and out, and the course of the hearing. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { timeOf, wordsIn } from "../conduct-text.ts";
import { isInSession, isPaused } from "../hearing.ts";
import type { Hearing } from "../hearing.ts";
import { OATHS } from "../protocol.ts";
import type { Action, Person, Role } from "../protocol.ts";
import { rosterOf } from "../seating.ts";
import type { Session } from "../session.ts";
import { Confirm, Dialog } from "./dialog.tsx";
import { ConnectionsDoor } from "./door.tsx";
import { useText, useWords } from "./hooks.ts";
import { CloseIcon, HandIcon, MicrophoneIcon, MicrophoneOffIcon } from "./icons.tsx";
import { Quality } from "./tile.tsx";
import "../../conduct.css";

type Question = { readonly about: "remove" | "dismiss" | "screen"; readonly person: Person } | { readonly about: "close" | "suspend" | "in-camera" };

export interface PanelProps {
  readonly session: Session;
  readonly hearing: Hearing;
  readonly onClose: () => void;
}

export function PeoplePanel({ session, hearing, onClose }: PanelProps): JSX.Element {
  const text = useText();
  const [question, setQuestion] = useState<Question | null>(null);
  const roster = rosterOf(hearing);
  const may = (action: Action) => hearing.may.includes(action);
  const consentOf = (person: Person) => (hearing.matter?.consent && person.role === "party" ? person.consent : null);
  const admit = (person: Person) => void session.act({ type: "admit", person: person.person });
  return (
    <aside class="panel" aria-label={text.controls.people} data-testid="panel">
      <div class="panel-head">
        <h2>{text.people.title}</h2>
        <button type="button" class="plain icon-only" onClick={onClose} aria-label={text.close} data-testid="close-panel"><CloseIcon /></button>
      </div>
      <Course session={session} hearing={hearing} ask={setQuestion} />
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
            <PersonLine key={person.person} person={person} consent={consentOf(person)}>
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
            <PersonLine key={person.person} person={person} consent={consentOf(person)}>
              <More person={person} hearing={hearing} session={session} ask={setQuestion} />
            </PersonLine>
          ))}
        </ul>
      </section>
      {roster.aside.length > 0 ? (
        <section>
          <h3>{text.aside.rooms} <span class="count">{roster.aside.length}</span></h3>
          <ul class="people" data-testid="aside-people">
            {roster.aside.map((person) => (
              <PersonLine key={person.person} person={person} consent={consentOf(person)} where={`${text.rooms[person.room]} ${person.number}`}>
                {may("call-back") && person.role !== "judge" ? (
                  <button type="button" data-testid="call-back" onClick={() => void session.act({ type: "callBack", person: person.person })}
                    aria-label={text.aside.callBackName(person.name)}>{text.aside.callBack}</button>
                ) : null}
                <More person={person} hearing={hearing} session={session} ask={setQuestion} />
              </PersonLine>
            ))}
          </ul>
        </section>
      ) : null}
      {roster.away.length > 0 ? (
        <section>
          <h3>{text.people.away} <span class="count">{roster.away.length}</span></h3>
          <ul class="people away">
            {roster.away.map((person) => (
              <PersonLine key={person.person} person={person} consent={consentOf(person)}>
                <More person={person} hearing={hearing} session={session} ask={setQuestion} />
              </PersonLine>
            ))}
          </ul>
        </section>
      ) : null}
      {may("connections") ? <ConnectionsDoor of="live" session={session} hearing={hearing} /> : null}
      <Questions question={question} session={session} hearing={hearing} onDone={() => setQuestion(null)} />
    </aside>
  );
}

interface LineProps {
  readonly person: Person;
  readonly isYou?: boolean;
  /** The room beside the courtroom that the person is in. */
  readonly where?: string;
  /** Of a party, where the hearing needs it. */
  readonly consent?: Person["consent"] | null;
  readonly children?: JSX.Element | readonly (JSX.Element | null)[] | null;
}

function PersonLine({ person, isYou, where, consent, children }: LineProps): JSX.Element {
  const { text, language } = useWords();
  const inside = person.room === "courtroom" && person.connected;
  const lost = !person.connected && person.room !== "outside";
  return (
    <li class="person" data-person={person.person} data-room={person.room} data-connected={person.connected} data-testid="person">
      <span class="person-name">
        <span class="name">{person.name}{isYou ? ` (${text.courtroom.you})` : ""}</span>
        <span class="role">{text.roles[person.role]}{lost ? ` · ${text.people.lostConnection}` : person.room === "outside" ? ` · ${text.people.notJoined}` : where ? ` · ${where}` : ""}{person.locked ? ` · ${text.people.locked}` : ""}{consent ? ` · ${text.people.consents[consent]}` : ""}{person.oath ? <span data-testid="oath-state" data-sworn={person.sworn}> · {person.sworn ? wordsIn(language).states.sworn : wordsIn(language).states.asked}</span> : null}</span>
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
  const { text, language } = useWords();
  const words = wordsIn(language);
  const may = (action: Action) => hearing.may.includes(action);
  const inside = person.room === "courtroom";
  const hasFloor = hearing.matter?.floor === person.person;
  const isSpotlit = hearing.matter?.spotlight === person.person;
  const act = (type: "mute" | "lowerHand") => (event: Event) => {
    shut(event);
    void session.act({ type, person: person.person });
  };
  const actions = [
    inside && person.hand && may("admit") ? <button key="hand" type="button" onClick={act("lowerHand")} data-testid="lower-hand">{text.people.lowerHand}</button> : null,
    inside && may("mute") && person.microphone === "on" ? <button key="mute" type="button" onClick={act("mute")} data-testid="mute-person">{text.people.mute}</button> : null,
    may("lock") && person.role !== "judge" ? <button key="lock" type="button" onClick={(event) => { shut(event); void session.act({ type: "lock", person: person.person, on: !person.locked }); }} data-testid="lock-person">{person.locked ? text.people.unlock : text.people.lock}</button> : null,
    inside && may("floor") ? <button key="floor" type="button" onClick={(event) => { shut(event); void session.act(hasFloor ? { type: "openFloor" } : { type: "giveFloor", person: person.person }); }} data-testid="floor-person">{hasFloor ? text.people.openFloor : text.people.giveFloor}</button> : null,
    ...OATHS.map((form) => (inside && may("swear") && SWORN.includes(person.role) && !person.oath
      ? <button key={form} type="button" onClick={(event) => { shut(event); void session.act({ type: "swear", person: person.person, form }); }} data-testid={`swear-${form}`}>{form === "oath" ? words.swear : words.affirm}</button> : null)),
    person.oath && may("release") ? <button key="release" type="button" onClick={(event) => { shut(event); void session.act({ type: "release", person: person.person }); }} data-testid="release-person">{person.sworn ? words.release : words.takeBack}</button> : null,
    inside && may("spotlight") ? <button key="spotlight" type="button" onClick={(event) => { shut(event); void session.act({ type: "spotlight", person: person.person, on: !isSpotlit }); }} data-testid="spotlight-person">{isSpotlit ? words.spotlightEnd : words.spotlight}</button> : null,
    may("screen") && person.role !== "judge" ? <button key="screen" type="button" onClick={(event) => { shut(event); ask({ about: "screen", person }); }} data-testid="screen-person">{text.people.screen}</button> : null,
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

/** Of whom an oath may be asked. */
const SWORN: readonly Role[] = ["witness", "expert", "interpreter"];

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

interface CourseProps {
  readonly session: Session;
  readonly hearing: Hearing;
  readonly ask: (question: Question) => void;
}

function Course({ session, hearing, ask }: CourseProps): JSX.Element {
  const { text, language } = useWords();
  const words = wordsIn(language);
  const locked = hearing.matter?.locked ?? false;
  const may = (action: Action) => hearing.may.includes(action);
  const set = (state: "open" | "recess") => () => void session.act({ type: "setState", state });
  const state = hearing.matter?.state ?? "waiting";
  const inCamera = hearing.matter?.inCamera ?? false;
  const before = state === "waiting" || state === "scheduled";
  const inSession = isInSession(hearing);
  return (
    <section class="course" aria-label={text.people.course}>
      <h3>{text.people.course}</h3>
      <p data-testid="course-state" data-state={state} class={`state ${state}`}>{text.states[state]}{inCamera && !inSession ? ` · ${text.states["in-camera"]}` : ""}</p>
      <div class="course-buttons">
        {may("open") && before ? <button type="button" class="primary" onClick={set("open")} data-testid="open-hearing">{text.people.open}</button> : null}
        {may("recess") && inSession ? <button type="button" onClick={set("recess")} data-testid="recess">{text.people.recess}</button> : null}
        {may("resume") && isPaused(hearing) ? <button type="button" class="primary" onClick={set("open")} data-testid="resume">{text.people.resume}</button> : null}
        {may("suspend") ? <button type="button" onClick={() => ask({ about: "suspend" })} data-testid="suspend">{text.people.suspend}</button> : null}
        {may("in-camera") ? (
          <button type="button" data-testid="doors" onClick={() => { if (inCamera) void session.act({ type: "inCamera", on: false }); else ask({ about: "in-camera" }); }}>
            {inCamera ? text.people.doorsOpen : text.people.doorsClose}
          </button>
        ) : null}
        {may("mute") && (inSession || state === "waiting") ? <button type="button" onClick={() => void session.act({ type: "muteAll" })} data-testid="mute-all">{text.people.muteAll}</button> : null}
        {may("floor") && hearing.matter?.floor ? <button type="button" onClick={() => void session.act({ type: "openFloor" })} data-testid="open-floor">{text.people.openFloor}</button> : null}
        {may("lock-room") ? <button type="button" aria-pressed={locked} onClick={() => void session.act({ type: "lockRoom", on: !locked })} data-testid="lock-room">{words.lock}</button> : null}
        {may("close") && (inSession || isPaused(hearing)) ? <button type="button" class="danger-text" onClick={() => ask({ about: "close" })} data-testid="close-hearing">{text.people.closeHearing}</button> : null}
      </div>
      <p role="status">{locked ? words.lockedNote : ""}</p>
      {may("mark") ? <Mark session={session} /> : null}
    </section>
  );
}

/** A mark in the journal at this second, with the court's words. */
function Mark({ session }: { readonly session: Session }): JSX.Element {
  const { language } = useWords();
  const words = wordsIn(language);
  const [said, setSaid] = useState("");
  const [marked, setMarked] = useState<string | null>(null);
  const send = (event: Event) => {
    event.preventDefault();
    const given = said.trim();
    if (given === "") return;
    const at = timeOf(language, Date.now());
    void session.act({ type: "mark", words: given }).then((done) => {
      if (!done) return;
      setSaid("");
      setMarked(at);
    });
  };
  return (
    <form class="mark" onSubmit={send} data-testid="mark">
      <label>{words.mark}
        <input type="text" value={said} maxLength={REASON_MOST} required placeholder={words.markWords} data-testid="mark-words" onInput={(event) => setSaid(event.currentTarget.value)} />
      </label>
      <button type="submit" data-testid="mark-send">{words.markSend}</button>
      <p role="status">{marked === null ? "" : words.marked(marked)}</p>
    </form>
  );
}

/** A step of the course that needs the court's reason. */
function Reasoned({ about, session, onDone }: { about: "suspend" | "in-camera"; session: Session; onDone: () => void }): JSX.Element {
  const text = useText();
  const [reason, setReason] = useState("");
  const words = text.people.reasoned[about];
  const say = (event: Event) => {
    event.preventDefault();
    const given = reason.trim();
    if (given === "") return;
    onDone();
    void session.act(about === "suspend" ? { type: "setState", state: "suspended", reason: given } : { type: "inCamera", on: true, reason: given });
  };
  return (
    <Dialog title={words.title} onClose={onDone} testId={`${about}-dialog`}>
      <form onSubmit={say}>
        <p>{words.text}</p>
        <label>{text.people.reason}
          <input type="text" value={reason} maxLength={REASON_MOST} required data-testid="reason" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <div class="dialog-actions">
          <button type="button" onClick={onDone}>{text.cancel}</button>
          <button type="submit" class="primary" data-testid="reason-yes">{words.yes}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** Characters; of the longest, three bytes each, 300 bytes fit. */
const REASON_MOST = 100;

/** Who is kept from this person's eyes and ears. At once, as each box is ticked. */
function Screens({ person, hearing, session, onDone }: { person: Person; hearing: Hearing; session: Session; onDone: () => void }): JSX.Element {
  const text = useText();
  const others = [...hearing.people.values()].filter((one) => one.person !== person.person && one.role !== "judge");
  const what = (from: string) => hearing.screens.find((one) => one.person === person.person && one.from === from)?.what ?? "none";
  return (
    <Dialog title={text.people.screenTitle(person.name)} onClose={onDone} testId="screen-dialog">
      <p class="hint">{text.people.screenText}</p>
      {others.length === 0 ? <p>{text.people.nobodyElse}</p> : null}
      <ul class="people">
        {others.map((one) => (
          <li key={one.person}>
            <label class="choice">{one.name} <span class="role">{text.roles[one.role]}</span>
              <select value={what(one.person)} data-testid="screen-from" data-person={one.person}
                onChange={(event) => void session.act({ type: "screen", person: person.person, from: one.person, what: chosenIn(event.currentTarget.value) })}>
                {SCREENED.map((each) => <option key={each} value={each}>{text.people.screened[each]}</option>)}
              </select>
            </label>
          </li>
        ))}
      </ul>
      <div class="dialog-actions"><button type="button" class="primary" onClick={onDone} data-testid="screens-done">{text.close}</button></div>
    </Dialog>
  );
}

const SCREENED = ["none", "both", "picture", "sound"] as const;

function chosenIn(value: string): (typeof SCREENED)[number] {
  return SCREENED.find((one) => one === value) ?? "none";
}

/** Putting somebody out, with the reason for the record. The safe answer has the focus. */
function Removal({ person, session, onDone }: { person: Person; session: Session; onDone: () => void }): JSX.Element {
  const { text, language } = useWords();
  const words = text.people;
  const [reason, setReason] = useState("");
  const remove = () => {
    const given = reason.trim();
    onDone();
    void session.act({ type: "remove", person: person.person, ...(given === "" ? {} : { reason: given }) });
  };
  return (
    <Confirm title={words.removeTitle(person.name)} yes={words.removeYes} testId="remove-question" onNo={onDone} onYes={remove}
      more={(
        <label>{wordsIn(language).removeReason}
          <input type="text" value={reason} maxLength={REASON_MOST} data-testid="remove-reason" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
      )}>
      {words.removeText}
    </Confirm>
  );
}

function Questions({ question, session, hearing, onDone }: { question: Question | null; session: Session; hearing: Hearing; onDone: () => void }): JSX.Element | null {
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
    case "suspend": case "in-camera":
      return <Reasoned about={question.about} session={session} onDone={onDone} />;
    case "screen":
      return <Screens person={question.person} hearing={hearing} session={session} onDone={onDone} />;
    case "remove":
      return <Removal person={question.person} session={session} onDone={onDone} />;
    case "dismiss": {
      const { person } = question;
      return (
        <Confirm title={words.dismissTitle(person.name)} yes={words.dismissYes} testId="dismiss-question"
          onNo={onDone} onYes={() => { onDone(); void session.act({ type: "dismiss", person: person.person }); }}>
          {words.dismissText}
        </Confirm>
      );
    }
  }
}
