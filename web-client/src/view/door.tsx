// SPDX-License-Identifier: Apache-2.0
/** What few use is loaded when it is wanted: the court's panel, which no party's page has, oaths and objections. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useText } from "./hooks.ts";
import { WarningIcon } from "./icons.tsx";
import type { ConductProps } from "./conduct.tsx";
import type { ConnectionsProps } from "./connections.tsx";
import type { PanelProps } from "./people.tsx";

interface LaterProps<M> {
  readonly load: () => Promise<M>;
  readonly draw: (loaded: M) => JSX.Element;
}

/** Loads a part of the page and draws it; says so while it comes, and when it does not. */
export function Later<M>({ load, draw }: LaterProps<M>): JSX.Element {
  const text = useText();
  const [part, setPart] = useState<{ readonly here: M } | "failed" | null>(null);
  const ask = () => {
    setPart(null);
    load().then((here) => setPart({ here }), () => setPart("failed"));
  };
  useEffect(ask, []);
  if (part === null) return <p role="status"><span class="spinner" aria-hidden="true" />{text.records.loading}</p>;
  if (part !== "failed") return draw(part.here);
  return (
    <div class="warning" role="alert" data-testid="part-failed">
      <WarningIcon />
      <div>
        <p>{text.records.failed}</p>
        <button type="button" onClick={ask}>{text.records.again}</button>
      </div>
    </div>
  );
}

/** The judge's and clerk's panel. */
export function PanelDoor(props: PanelProps): JSX.Element {
  return <Later load={() => import("./people.tsx")} draw={({ PeoplePanel }) => <PeoplePanel {...props} />} />;
}

/** Oaths and objections: always there, so that readers hear what comes; loaded with the first. */
export function ConductDoor(props: ConductProps): JSX.Element {
  const { you, matter } = props.hearing;
  const isWanted = Boolean(you?.oath) || (matter?.objections.length ?? 0) > 0;
  const [wasWanted, setWanted] = useState(isWanted);
  if (isWanted && !wasWanted) setWanted(true);
  return (
    <div role="status">
      {isWanted || wasWanted ? <Later load={() => import("./conduct.tsx")} draw={({ Conduct }) => <Conduct {...props} />} /> : null}
    </div>
  );
}

/** The way to everybody's connection. */
export function ConnectionsDoor(props: ConnectionsProps): JSX.Element {
  const text = useText();
  const [open, setOpen] = useState(false);
  return (
    <section class="connections-door">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} data-testid="connections">{text.people.connections}</button>
      {open ? <Later load={() => import("./connections.tsx")} draw={({ Connections }) => <Connections {...props} />} /> : null}
    </section>
  );
}
