// SPDX-License-Identifier: Apache-2.0
/** Rooms beside the courtroom: being asked in, asking others, coming back. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Hearing } from "../hearing.ts";
import { isInSession, nameOf } from "../hearing.ts";
import type { Action, Aside, Person } from "../protocol.ts";
import { ASIDE } from "../protocol.ts";
import type { Session } from "../session.ts";
import { Dialog } from "./dialog.tsx";
import { useText } from "./hooks.ts";
import { LockIcon } from "./icons.tsx";

interface AsideProps {
  readonly session: Session;
  readonly hearing: Hearing;
}

/** Asked into a room: nobody is brought in, each enters on purpose. Always there, so that readers hear what comes. */
export function AskedBanner({ session, hearing }: AsideProps): JSX.Element {
  const text = useText();
  const { asked } = hearing;
  return (
    <div role="status">
      {asked === null ? null : (
        <div class="advice asked" data-testid="asked" data-room={asked.room}>
          <p><LockIcon /> {text.aside.asked(nameOf(hearing, asked.by), text.aside.in[asked.room])}</p>
          <button type="button" class="primary" data-testid="enter-aside"
            onClick={() => void session.act({ type: "enter", number: asked.number })}>{text.aside.enter}</button>
          <button type="button" data-testid="decline-aside"
            onClick={() => void session.act({ type: "decline" })}>{text.aside.decline}</button>
        </div>
      )}
    </div>
  );
}

/** In one of them: who hears, and the way back. */
export function AsideNote({ session, hearing }: AsideProps): JSX.Element {
  const text = useText();
  return (
    <div class="aside-note" data-testid="aside-note">
      <p role="status"><LockIcon /> {text.aside.private}</p>
      {isInSession(hearing) ? <p role="status" class="hint" data-testid="aside-open">{text.aside.open}</p> : null}
      <button type="button" class="primary" data-testid="come-back"
        onClick={() => void session.act({ type: "comeBack" })}>{text.aside.back}</button>
    </div>
  );
}

const ACTION_OF: { readonly [room in Aside]: Action } = {
  consultation: "consult", deliberation: "deliberate", caucus: "caucus",
};

/** The kinds of rooms that may be opened now. */
export function roomsToOpen(hearing: Hearing): readonly Aside[] {
  return ASIDE.filter((room) => hearing.may.includes(ACTION_OF[room]));
}

/** Whom one may ask into such a room; the server decides. */
export function mayBeAsked(hearing: Hearing, room: Aside): readonly Person[] {
  const { you } = hearing;
  const bench = you?.role === "judge" || you?.role === "clerk";
  return [...hearing.people.values()].filter((person) => {
    if (!person.connected || person.room === "outside" || (you && person.room === room && person.number === you.number)) return false;
    if (room === "deliberation") return person.role === "judge";
    const listens = person.role === "observer" || person.role === "technician";
    const presides = person.role === "judge" || person.role === "clerk";
    if (listens || (room === "consultation" && presides)) return false;
    return bench || person.role === "interpreter" || (person.role !== "witness" && you?.side !== 0 && person.side === you?.side);
  });
}

export function MeetDialog({ session, hearing, onClose }: AsideProps & { readonly onClose: () => void }): JSX.Element {
  const text = useText();
  const rooms = roomsToOpen(hearing);
  const [room, setRoom] = useState<Aside>(rooms[0] ?? "consultation");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const people = mayBeAsked(hearing, room);
  const asked = people.filter(({ person }) => chosen.has(person)).map(({ person }) => person);
  const flip = (person: string) => {
    const next = new Set(chosen);
    if (!next.delete(person)) next.add(person);
    setChosen(next);
  };
  return (
    <Dialog title={text.aside.title} onClose={onClose} testId="meet-dialog">
      <p class="hint">{text.aside.hint}</p>
      {rooms.length > 1 ? (
        <fieldset>
          <legend>{text.aside.kind}</legend>
          {rooms.map((one) => (
            <label key={one} class="choice"><input type="radio" name="room" checked={room === one} onChange={() => setRoom(one)}
              data-testid={`meet-${one}`} /> {text.rooms[one]}</label>
          ))}
        </fieldset>
      ) : null}
      <fieldset>
        <legend>{text.aside.who}</legend>
        {people.length === 0 ? <p data-testid="nobody-to-ask">{text.aside.nobody}</p> : null}
        {people.map((one) => (
          <label key={one.person} class="choice"><input type="checkbox" checked={chosen.has(one.person)} onChange={() => flip(one.person)}
            data-testid="meet-person" data-person={one.person} /> {one.name} <span class="role">{text.roles[one.role]}</span></label>
        ))}
      </fieldset>
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>{text.cancel}</button>
        <button type="button" class="primary" disabled={asked.length === 0} data-testid="meet-ask"
          onClick={() => { onClose(); void session.act({ type: "meet", room, people: asked }); }}>{text.aside.ask}</button>
      </div>
    </Dialog>
  );
}
