// SPDX-License-Identifier: Apache-2.0
/** When one's part is over: why, and what can be done now. */
import type { JSX } from "preact";
import type { Ending, Hearing } from "../hearing.ts";
import type { Session } from "../session.ts";
import { Later } from "./door.tsx";
import { Frame } from "./frame.tsx";
import { useText } from "./hooks.ts";
import { OverWords } from "./progress.tsx";

/** What a fresh page may mend. */
const LOADED_AGAIN: readonly Ending[] = ["protocol-version", "internal", "full", "bad-message"];

interface OverProps {
  readonly session: Session;
  readonly hearing: Hearing;
  readonly token: string;
}

export function Over({ session, hearing, token }: OverProps): JSX.Element {
  const text = useText();
  const ending: Ending = hearing.ending ?? "left";
  const words = text.over[ending];
  const records = ending === "closed" && hearing.may.includes("records");
  const matter = hearing.matter;
  return (
    <Frame title={words.title} testId="page-over">
      <div class="column over" data-testid="over" data-ending={ending}>
        <OverWords title={words.title}>{words.text}</OverWords>
        <p class="row">
          {ending === "left" ? <button type="button" class="primary" onClick={() => location.reload()} data-testid="again">{text.over.again}</button> : null}
          {ending === "already-joined" || ending === "elsewhere"
            ? <button type="button" class="primary" onClick={() => session.useHere()} data-testid="use-here">{text.over.useHere}</button> : null}
          {LOADED_AGAIN.includes(ending)
            ? <button type="button" class="primary" onClick={() => location.reload()} data-testid="reload">{text.over.reload}</button> : null}
          {records ? <a class="button primary" href="/records" data-testid="to-records">{text.over.records}</a> : null}
        </p>
        {records && matter
          ? <Later load={() => import("./records.tsx")} draw={({ RecordsOf }) => <RecordsOf token={token} hearing={matter.hearing} />} /> : null}
        <p class="hint">{text.over.help}</p>
      </div>
    </Frame>
  );
}
