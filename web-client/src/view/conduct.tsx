// SPDX-License-Identifier: Apache-2.0
/** Oaths and objections, as everybody in the courtroom meets them. Loaded when there is one. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { oathFor, wordsIn } from "../conduct-text.ts";
import type { Words } from "../conduct-text.ts";
import { closedBy, testifies } from "../hearing.ts";
import type { Hearing } from "../hearing.ts";
import type { Ruling } from "../protocol.ts";
import type { Session } from "../session.ts";
import { useWords } from "./hooks.ts";
import "../../conduct.css";

export interface ConductProps {
  readonly session: Session;
  readonly hearing: Hearing;
}

/** A ruling stays in sight for so long. Ours. */
const RULING_SHOWN_MS = 10_000;

export function Conduct({ session, hearing }: ConductProps): JSX.Element {
  const { language } = useWords();
  const words = wordsIn(language);
  return (
    <>
      <Oath session={session} hearing={hearing} words={words} />
      <Objections session={session} hearing={hearing} words={words} />
    </>
  );
}

interface PartProps extends ConductProps {
  readonly words: Words;
}

function Oath({ session, hearing, words }: PartProps): JSX.Element | null {
  const { language } = useWords();
  const { you } = hearing;
  if (!you?.oath) return null;
  if (you.sworn) return <p class="room-note" data-testid="under-oath">{testifies(you) ? words.underOath : words.bound}</p>;
  const { title, text } = oathFor(words, you.role, you.oath);
  return (
    <section class="oath" data-testid="oath" data-form={you.oath}>
      <h2>{title}</h2>
      <p>{words.aloud}</p>
      <blockquote>{text}</blockquote>
      <button type="button" class="primary" data-testid="oath-said" onClick={() => void session.act({ type: "sworn", language })}>{words.said}</button>
    </section>
  );
}

function Objections({ session, hearing, words }: PartProps): JSX.Element | null {
  const { matter, you } = hearing;
  const ruled = useNewRuling(hearing);
  const pending = you?.room === "courtroom" ? matter?.objections ?? [] : [];
  const nameOf = (person: string) => hearing.people.get(person)?.name ?? words.somebody;
  const rule = (number: number, ruling: Ruling) => () => void session.act({ type: "rule", number, ruling });
  return (
    <>
      {pending.length > 0 ? (
        <div class="objections" data-testid="objections">
          {pending.map(({ number, by }) => (
            <div key={number} class="advice" data-testid="objection" data-number={number}>
              <p>{by === you?.person ? words.ownObjection : words.objection(nameOf(by))}</p>
              {hearing.may.includes("rule") ? (
                <>
                  <button type="button" class="primary" data-testid="rule-sustained" onClick={rule(number, "sustained")}>{words.sustain}</button>
                  <button type="button" class="primary" data-testid="rule-overruled" onClick={rule(number, "overruled")}>{words.overrule}</button>
                </>
              ) : null}
              {by === you?.person ? <button type="button" data-testid="objection-withdraw" onClick={rule(number, "withdrawn")}>{words.withdraw}</button> : null}
            </div>
          ))}
          {you && closedBy(hearing, you) === "objection" ? <p class="held-note" data-testid="held-note">{words.held}</p> : null}
        </div>
      ) : null}
      {ruled ? <p class="room-note" data-testid="ruling" data-ruling={ruled.ruling}>{words.ruled(ruled.number, ruled.ruling)}</p> : null}
    </>
  );
}

/** The last ruling, for a while, if it was made while this page was there. */
function useNewRuling({ matter }: Hearing): { readonly number: number; readonly ruling: Ruling } | null {
  const ruling = matter?.ruling ?? null;
  const known = useRef(ruling?.number ?? 0);
  const [shown, setShown] = useState<typeof ruling>(null);
  useEffect(() => {
    if (ruling === null || ruling.number === known.current) return undefined;
    known.current = ruling.number;
    setShown(ruling);
    const timer = setTimeout(() => setShown(null), RULING_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [ruling?.number]);
  return shown;
}
