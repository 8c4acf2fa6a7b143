// SPDX-License-Identifier: Apache-2.0
/** Says politely that this browser cannot take part, why, and what would help. */
import type { JSX } from "preact";
import type { Unsupported } from "../support.ts";
import { Frame } from "./frame.tsx";
import { useText } from "./hooks.ts";

export function UnsupportedPage({ reason }: { readonly reason: Unsupported }): JSX.Element {
  const text = useText();
  return (
    <Frame title={text.unsupported.title} testId="page-unsupported">
      <div class="column">
        <h1>{text.unsupported.title}</h1>
        <p class="warning" data-reason={reason}>{text.unsupported[reason]}</p>
        <p class="lead">{text.unsupported.advice}</p>
        <p class="hint">{text.over.help}</p>
      </div>
    </Frame>
  );
}
