// SPDX-License-Identifier: Apache-2.0
/** What stands on a page when there is nothing to do but read: an end, or how far a recording is. */
import type { ComponentChildren, JSX } from "preact";
import type { OnRecord } from "../protocol.ts";
import { useText } from "./hooks.ts";

export function OverWords({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div role="status">
      <h1>{title}</h1>
      <p class="lead">{children}</p>
    </div>
  );
}

/** How far the recording is, for those who will hand it out. */
export function RecordProgress({ record }: { readonly record: Pick<OnRecord, "state" | "percent"> }): JSX.Element | null {
  const text = useText();
  const { state, percent } = record;
  if (state === "off" || state === "on" || state === "lost") return null;
  const words = state === "rendering" && percent !== null
    ? text.record.renderingPercent(Math.round(percent)) : text.record[state];
  return (
    <div class="record-progress" data-testid="record-progress" data-state={state}>
      <p role="status">{words}</p>
      {state === "sealing" || state === "rendering" ? (
        <progress aria-label={text.records.progress} max={100} {...(state === "rendering" && percent !== null ? { value: percent } : {})} />
      ) : null}
    </div>
  );
}
