// SPDX-License-Identifier: Apache-2.0
/** A party's consent to being heard online: asked, given, withdrawn. */
import type { JSX } from "preact";
import type { Hearing } from "../hearing.ts";
import type { Session } from "../session.ts";
import { useText } from "./hooks.ts";

interface ConsentProps {
  readonly session: Session;
  readonly hearing: Hearing;
}

/** For the party alone, as long as it may be said; always there, so that readers hear what comes. */
export function Consent({ session, hearing }: ConsentProps): JSX.Element {
  const text = useText();
  const said = hearing.you?.consent ?? "none";
  const asked = hearing.matter?.consent === true && hearing.may.includes("consent");
  const say = (given: boolean) => () => void session.act({ type: "consent", given });
  return (
    <div role="status">
      {asked ? (
        <div class="advice consent" data-testid="consent" data-consent={said}>
          <p>{text.consent[said]}</p>
          {said !== "given" ? <button type="button" class="primary" data-testid="consent-yes" onClick={say(true)}>{text.consent.yes}</button> : null}
          {said !== "withdrawn" ? <button type="button" data-testid="consent-no" onClick={say(false)}>{said === "given" ? text.consent.withdraw : text.consent.no}</button> : null}
        </div>
      ) : null}
    </div>
  );
}
