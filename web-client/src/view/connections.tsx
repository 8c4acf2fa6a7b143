// SPDX-License-Identifier: Apache-2.0
/** Everybody's connection, for the court: in plain words first, with figures and graphs behind them; live, or of a hearing that was. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { moment, percent, rate, wordsIn } from "../connections-text.ts";
import type { Words } from "../connections-text.ts";
import { findingsOf, grown, linesOf, markOf, noPast, parseKept, POINTS_MOST, STALE_MS, thinned } from "../figures.ts";
import type { Figures, Past } from "../figures.ts";
import type { Hearing } from "../hearing.ts";
import { fileAddress } from "../records.ts";
import type { Pass } from "../records.ts";
import type { Session } from "../session.ts";
import type { Language } from "../text.ts";
import { useNowMs, useWords } from "./hooks.ts";
import { DownloadIcon, WarningIcon } from "./icons.tsx";
import "../../connections.css";

export type ConnectionsProps =
  | { readonly of: "live"; readonly session: Session; readonly hearing: Hearing }
  | { readonly of: "kept"; readonly pass: Pass; readonly id: string };

/** So many rows of a table: more are read by nobody. Ours. */
const ROWS_MOST = 20;
/** What is missing for longer is a gap in a graph: lines are kept every 10 s, or less often of many people. Ours. */
const GAP_MS = 60_000;

export function Connections(props: ConnectionsProps): JSX.Element {
  return props.of === "live" ? <Live {...props} /> : <Kept {...props} />;
}

function Live({ session, hearing }: Extract<ConnectionsProps, { of: "live" }>): JSX.Element {
  const { language } = useWords();
  const words = wordsIn(language);
  const [past, setPast] = useState<Past>(noPast);
  const nowMs = useNowMs() + hearing.clockAheadMs;
  useEffect(() => session.watchConnections((event) => {
    setPast((before) => grown(before, [...(event.past ?? []), ...event.people]));
  }), [session]);
  const all = hearing.you ? [hearing.you, ...hearing.people.values()] : [];
  const here = all.filter(({ person, room }) => room !== "outside" || past.people.has(person));
  const lines = here.map((person) => {
    const figures = past.people.get(person.person) ?? [];
    return { id: person.person, name: person.name, role: person.role, isHere: person.connected && person.room !== "outside", figures };
  });
  const known = lines.filter(({ isHere, figures }) => isHere && figures.length > 0);
  const troubled = known.filter(({ figures }) => ["poor", "bad", "cut"].includes(markOf(figures[figures.length - 1] as Figures)));
  return (
    <div class="connections" data-testid="connections-live">
      <p class="hint">{words.intro}</p>
      {known.length === 0
        ? <p role="status" data-testid="connections-none">{words.none}</p>
        : <p role="status" data-testid="connections-summary"><strong>{words.summary(known.length, troubled.length)}</strong></p>}
      <ul class="people">
        {lines.map((line) => <PersonLine key={line.id} {...line} nowMs={nowMs} isLive />)}
      </ul>
    </div>
  );
}

type Loaded = { readonly state: "loading" | "failed" } | { readonly state: "here"; readonly past: Past };

function Kept({ pass, id }: Extract<ConnectionsProps, { of: "kept" }>): JSX.Element {
  const { language } = useWords();
  const words = wordsIn(language);
  const address = fileAddress(id, "connections.jsonl");
  const [loaded, setLoaded] = useState<Loaded>({ state: "loading" });
  const load = () => {
    setLoaded({ state: "loading" });
    void keptAt(pass, address).then((past) => setLoaded(past ? { state: "here", past } : { state: "failed" }));
  };
  useEffect(load, [pass, address]);
  switch (loaded.state) {
    case "loading":
      return <p role="status" data-testid="connections-loading"><span class="spinner" aria-hidden="true" />{words.loading}</p>;
    case "failed":
      return (
        <div class="warning" role="alert" data-testid="connections-failed">
          <WarningIcon />
          <div>
            <p>{words.failed}</p>
            <button type="button" onClick={load}>{words.again}</button>
          </div>
        </div>
      );
    case "here": {
      const { people, names } = loaded.past;
      return (
        <div class="connections" data-testid="connections-kept">
          <p class="hint">{people.size === 0 ? words.noneKept : words.keptIntro}</p>
          <ul class="people">
            {[...people].map(([person, figures]) => {
              const who = names.get(person);
              return <PersonLine key={person} id={person} name={who?.name ?? person} role={who?.role ?? null} isHere figures={figures} nowMs={0} isLive={false} />;
            })}
          </ul>
          <p><a class="button" href={fileAddress(id, "connections.jsonl", true)} download={`${id}.connections.jsonl`} data-testid="connections-download">
            <DownloadIcon />{words.download}</a></p>
        </div>
      );
    }
  }
}

/** The file of a hearing, with our own cookie; null when it does not come. */
async function keptAt(pass: Pass, address: string): Promise<Past | null> {
  try {
    if ((await pass.reach(address)) !== "here") return null;
    const response = await fetch(address, { credentials: "same-origin", cache: "no-store" });
    return response.ok ? parseKept(await response.text()) : null;
  } catch {
    return null;
  }
}

interface LineProps {
  readonly id: string;
  readonly name: string;
  readonly role: import("../protocol.ts").Role | null;
  readonly isHere: boolean;
  readonly figures: readonly Figures[];
  readonly nowMs: number;
  readonly isLive: boolean;
}

/** Of a hearing that is over, the worst minute speaks for the whole: that is what is asked for later. */
function spokesman(figures: readonly Figures[], isLive: boolean): Figures | null {
  if (isLive) return figures[figures.length - 1] ?? null;
  const known = figures.filter(({ quality, cut }) => quality > 0 || cut);
  return known.reduce<Figures | null>((worst, one) => (worst === null || weight(one) < weight(worst) ? one : worst), null);
}

function weight({ cut, quality, up, down }: Figures): number {
  return cut ? -1 : quality - Math.max(up.loss, down.loss) / 1001;
}

function PersonLine({ id, name, role, isHere, figures, nowMs, isLive }: LineProps): JSX.Element {
  const { text, language } = useWords();
  const words = wordsIn(language);
  const one = spokesman(figures, isLive);
  const isStale = isLive && one !== null && nowMs - one.at > STALE_MS;
  const mark = one && isHere ? markOf(one) : "unknown";
  const state = !isHere ? words.away : isStale ? words.stale : words.marks[mark];
  const shown = isLive || one === null ? state : `${words.worst(words.marks[mark])} (${moment(language, one.at)})`;
  const found = one && isHere && !isStale ? findingsOf(one) : [];
  return (
    <li class="connection" data-testid="connection" data-person={id} data-mark={isHere && !isStale ? mark : "away"}>
      <p class="connection-name">
        <span class="name">{name}</span>
        {role ? <span class="hint">{text.roles[role]}</span> : null}
        <strong class={`mark ${isHere && !isStale ? mark : "unknown"}`}>{shown}</strong>
      </p>
      {found.length === 0 ? null : (
        <ul class="findings">
          {found.map((finding) => (
            <li key={finding.kind} data-finding={finding.kind}>{words.finding[finding.kind]("n" in finding ? finding.n : 0)}</li>
          ))}
        </ul>
      )}
      {one === null ? null : (
        <details>
          <summary aria-label={words.details(name)} data-testid="connection-details">{words.detailsShort}</summary>
          <FiguresTable one={one} words={words} language={language} />
          <Graphs figures={figures} words={words} language={language} />
        </details>
      )}
    </li>
  );
}

interface FiguresProps {
  readonly words: Words;
  readonly language: Language;
}

function FiguresTable({ one, words, language }: FiguresProps & { readonly one: Figures }): JSX.Element {
  const row = (what: string, from: string, to: string) => <tr><th scope="row">{what}</th><td>{from}</td><td>{to}</td></tr>;
  const height = (pixels: number) => (pixels > 0 ? `${pixels}p` : words.unknown);
  const fact = (what: string, value: string) => <div><dt>{what}</dt><dd>{value}</dd></div>;
  const held = one.down.held > 0 ? `, ${one.down.held} ${words.heldBack}` : "";
  return (
    <>
      <table data-testid="connection-figures">
        <thead><tr><td /><th scope="col">{words.from}</th><th scope="col">{words.to}</th></tr></thead>
        <tbody>
          {row(words.rate, rate(language, one.up.bps), rate(language, one.down.bps))}
          {row(words.loss, percent(language, one.up.loss / 10), percent(language, one.down.loss / 10))}
          {row(words.jitter, `${one.up.jitterMs} ms`, `${one.down.jitterMs} ms`)}
          {row(words.picture, height(one.up.height), height(one.down.height))}
          {row(words.pictures, one.up.layers.length > 0 ? `${words.layers}${words.colon}${one.up.layers.map((n) => n + 1).join(", ")}` : "0", `${one.down.pictures}${held}`)}
        </tbody>
      </table>
      <dl class="facts">
        {fact(words.rtt, one.rttMs > 0 ? `${one.rttMs} ms` : words.unknown)}
        {fact(words.estimate, one.estimateBps > 0 ? rate(language, one.estimateBps) : words.unknown)}
        {one.path && one.path !== "unknown" ? fact(words.path, words.paths[one.path] ?? one.path) : null}
        {fact(words.microphone, words.microphones[one.microphone])}
      </dl>
    </>
  );
}

function Graphs({ figures, words, language }: FiguresProps & { readonly figures: readonly Figures[] }): JSX.Element {
  const points = thinned(figures, POINTS_MOST);
  const rows = thinned(figures, ROWS_MOST);
  const most = (pick: (one: Figures) => number, least: number) => Math.max(least, ...points.map(pick));
  return (
    <>
      <Graph points={points} words={words} language={language} what={words.lossGraph} up={(one) => one.up.loss} down={(one) => one.down.loss}
        most={most((one) => Math.max(one.up.loss, one.down.loss), 100)} say={(value) => percent(language, value / 10)} />
      <Graph points={points} words={words} language={language} what={words.rateGraph} up={(one) => one.up.bps} down={(one) => one.down.bps}
        most={most((one) => Math.max(one.up.bps, one.down.bps), 64_000)} say={(value) => rate(language, value)} />
      <details>
        <summary>{words.table}</summary>
        <div class="table-scroll" role="group" tabIndex={0} aria-label={words.table}>
          <table data-testid="connection-table">
            <thead>
              <tr>
                <th scope="col">{words.time}</th><th scope="col">{words.state}</th>
                <th scope="col">{words.loss}, {words.from}</th><th scope="col">{words.loss}, {words.to}</th>
                <th scope="col">{words.rate}, {words.from}</th><th scope="col">{words.rate}, {words.to}</th><th scope="col">{words.rtt}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((one) => (
                <tr key={one.at}>
                  <th scope="row">{moment(language, one.at)}</th><td>{words.marks[markOf(one)]}</td>
                  <td>{percent(language, one.up.loss / 10)}</td><td>{percent(language, one.down.loss / 10)}</td>
                  <td>{rate(language, one.up.bps)}</td><td>{rate(language, one.down.bps)}</td><td>{one.rttMs > 0 ? `${one.rttMs} ms` : words.unknown}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

interface GraphProps extends FiguresProps {
  readonly points: readonly Figures[];
  readonly what: string;
  readonly up: (one: Figures) => number;
  readonly down: (one: Figures) => number;
  readonly most: number;
  readonly say: (value: number) => string;
}

const WIDTH = 300;
const HEIGHT = 60;

/** From them a broken line, to them a whole one: not told by colour alone. The table says the same in words. */
function Graph({ points, words, language, what, up, down, most, say }: GraphProps): JSX.Element | null {
  const first = points[0];
  const last = points[points.length - 1];
  if (!first || !last) return null;
  const line = (pick: (one: Figures) => number, name: string) => linesOf(points, pick, most, first.at, last.at, GAP_MS + (last.at - first.at) / POINTS_MOST).map((part, n) => (
    <polyline key={`${name}${n}`} class={name} points={[...part, ...part.slice(-1)].map(([x, y]) => `${(x * WIDTH).toFixed(1)},${((1 - y) * HEIGHT).toFixed(1)}`).join(" ")} />
  ));
  const peak = (pick: (one: Figures) => number) => say(Math.max(...points.map(pick)));
  const [from, to] = [moment(language, first.at), moment(language, last.at)];
  return (
    <figure class="graph">
      <figcaption>{what} <span class="hint">0 – {say(most)}</span></figcaption>
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" role="img" aria-label={words.said(what, from, to, peak(up), peak(down))} data-testid="graph">
        <path class="ground" d={`M0 ${HEIGHT}H${WIDTH}M0 0H${WIDTH}`} />
        {line(down, "down")}
        {line(up, "up")}
      </svg>
      <p class="hint graph-foot"><span>{from}</span><span><i class="key up" aria-hidden="true" />{words.from} <i class="key down" aria-hidden="true" />{words.to}</span><span>{to}</span></p>
    </figure>
  );
}
