// SPDX-License-Identifier: Apache-2.0
/** The start page: what this is, and a place to paste a link. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { linkOf } from "../route.ts";
import { Frame } from "./frame.tsx";
import { useText } from "./hooks.ts";

export function Home({ incomplete }: { readonly incomplete: boolean }): JSX.Element {
  const text = useText();
  const [pasted, setPasted] = useState("");
  const [bad, setBad] = useState(false);
  const go = (event: Event) => {
    event.preventDefault();
    const link = linkOf(pasted, location.origin);
    if (link === null) return setBad(true);
    location.assign(link);
    // The same path with another fragment does not load by itself.
    if (link.startsWith(`${location.pathname}#`)) location.reload();
  };
  return (
    <Frame title={text.tagline} testId="page-home">
      <div class="column">
        <h1>{text.home.title}</h1>
        {incomplete ? <p class="warning" role="alert">{text.home.noToken}</p> : null}
        <p class="lead">{text.home.open}</p>
        <p>{text.home.about}</p>
        <form class="card" onSubmit={go} noValidate>
          <label for="link">{text.home.paste}</label>
          <p class="hint" id="link-hint">{text.home.pasteHint}</p>
          <div class="row">
            <input id="link" type="url" inputMode="url" autoComplete="off" spellcheck={false} value={pasted}
              data-testid="link" aria-describedby={bad ? "link-hint link-bad" : "link-hint"} aria-invalid={bad}
              onInput={(event) => { setPasted(event.currentTarget.value); setBad(false); }} />
            <button type="submit" class="primary" data-testid="go">{text.home.go}</button>
          </div>
          {bad ? <p class="problem" id="link-bad" role="alert">{text.home.badLink}</p> : null}
        </form>
        <section class="card quiet">
          <h2>{text.home.need}</h2>
          <ul>{text.home.needs.map((need) => <li key={need}>{need}</li>)}</ul>
        </section>
        <p class="hint">{text.home.trouble}</p>
      </div>
    </Frame>
  );
}
