// SPDX-License-Identifier: Apache-2.0
/** The recordings: a list with its progress, playing in place, downloads with their fingerprints. */
import type { JSX, RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { browserWorld, shared } from "../browser.ts";
import type { RecordEntry, RecordFile } from "../protocol.ts";
import { fileAddress, followed, MEDIA_ERR_NETWORK, Mending, Pass, Watch } from "../records.ts";
import type { Listing, Rendering, Trouble } from "../records.ts";
import { clock, dateTime, fileSize } from "../text.ts";
import { ConnectionsDoor } from "./door.tsx";
import { Frame } from "./frame.tsx";
import { useText, useWords } from "./hooks.ts";
import { CloseIcon, DownloadIcon, PlayIcon, WarningIcon } from "./icons.tsx";
import { RecordProgress } from "./progress.tsx";

export function Records({ token }: { readonly token: string }): JSX.Element {
  const text = useText();
  const shown = useListing(token);
  return (
    <Frame title={text.records.title} testId="page-records">
      <div class="column records">
        <h1>{text.records.title}</h1>
        <p>{text.records.intro}</p>
        <ListingView {...shown} only={null} />
      </div>
    </Frame>
  );
}

/** The same for one hearing, where it has just been closed. */
export function RecordsOf({ token, hearing }: { readonly token: string; readonly hearing: string }): JSX.Element {
  return <ListingView {...useListing(token)} only={hearing} />;
}

/** The list, kept fresh while the page is open. */
function useListing(token: string): Omit<ListingProps, "only"> {
  const pass = useMemo(() => new Pass(token, shared), [token]);
  const [listing, setListing] = useState<Listing>({ state: "loading" });
  const watch = useMemo(() => new Watch(pass, browserWorld, (next) => setListing((shown) => followed(shown, next))), [pass]);
  useEffect(() => {
    void watch.ask();
    return () => watch.stop();
  }, [watch]);
  return {
    pass, listing,
    again: () => { setListing({ state: "loading" }); void watch.ask(); },
    refresh: () => void watch.ask(true),
  };
}

interface ListingProps {
  readonly pass: Pass;
  readonly listing: Listing;
  readonly again: () => void;
  /** Asks for the list at once, and soon again, while the one here stays in sight. */
  readonly refresh: () => void;
  readonly only: string | null;
}

function ListingView({ pass, listing, again, refresh, only }: ListingProps): JSX.Element {
  const text = useText();
  switch (listing.state) {
    case "loading":
      return <p role="status" data-testid="records-loading"><span class="spinner" aria-hidden="true" />{text.records.loading}</p>;
    case "refused":
      return <p class="warning" role="alert" data-testid="records-refused"><WarningIcon />{text.records.refused}</p>;
    case "failed":
      return <Failed words={text.records.failed} again={again} />;
    case "here": {
      const records = only === null ? listing.records : listing.records.filter((one) => one.hearing === only);
      return (
        <>
          {listing.isOld ? <Failed words={text.records.old} again={refresh} /> : null}
          {records.length === 0 ? (
            <div class="card quiet empty" data-testid="records-empty">
              <h2>{text.records.empty}</h2>
              <p>{text.records.emptyText}</p>
            </div>
          ) : <ul class="record-list">{records.map((one) => <Entry key={one.hearing} pass={pass} entry={one} refresh={refresh} />)}</ul>}
        </>
      );
    }
  }
}

function Failed({ words, again }: { readonly words: string; readonly again: () => void }): JSX.Element {
  const text = useText();
  return (
    <div class="warning" role="alert" data-testid="records-failed">
      <WarningIcon />
      <div>
        <p>{words}</p>
        <button type="button" onClick={again} data-testid="list-again">{text.records.again}</button>
      </div>
    </div>
  );
}

interface EntryProps {
  readonly pass: Pass;
  readonly entry: RecordEntry;
  readonly refresh: () => void;
}

function Entry({ pass, entry, refresh }: EntryProps): JSX.Element {
  const { text, language } = useWords();
  const [playing, setPlaying] = useState<RecordFile | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    // Before the player is drawn no more, and the focus gone with it.
    opener.current?.focus();
    setPlaying(null);
  };
  const whole = entry.files.filter((file) => file.kind === "composite");
  const tracks = entry.files.filter((file) => file.kind === "track");
  const durationMs = Math.max(0, ...whole.map((file) => file.durationMs), ...tracks.map((file) => file.durationMs));
  const file = (one: RecordFile) => (
    <FileLine key={one.file} pass={pass} hearing={entry.hearing} file={one} playing={playing?.file === one.file}
      opener={opener} onPlay={() => setPlaying(playing?.file === one.file ? null : one)} />
  );
  return (
    <li class="card record-entry" data-testid="record-entry" data-hearing={entry.hearing} data-state={entry.state}>
      <h2>{entry.title}</h2>
      <dl class="facts">
        <div><dt>{text.lobby.caseNumber}</dt><dd>{entry.case}</dd></div>
        <div><dt>{text.lobby.court}</dt><dd>{entry.court}</dd></div>
        <div><dt>{text.records.opened}</dt><dd>{entry.openedAt === null ? text.records.neverOpened : dateTime(language, entry.openedAt)}</dd></div>
        {entry.closedAt === null ? null : <div><dt>{text.records.closed}</dt><dd>{dateTime(language, entry.closedAt)}</dd></div>}
        {durationMs > 0 ? <div><dt>{text.records.duration}</dt><dd>{clock(durationMs)}</dd></div> : null}
      </dl>
      <EntryState key={entry.state} pass={pass} entry={entry} refresh={refresh} />
      {playing ? <Player key={playing.file} pass={pass} hearing={entry.hearing} file={playing} onClose={close} /> : null}
      {whole.length > 0 ? (
        <section>
          <h3>{text.records.whole}</h3>
          <p class="hint">{text.records.wholeText}</p>
          <ul class="files">{whole.map(file)}</ul>
        </section>
      ) : null}
      {tracks.length > 0 ? (
        <section>
          <h3>{text.records.tracks}</h3>
          <p class="hint">{text.records.tracksText}</p>
          <ul class="files">{tracks.map(file)}</ul>
        </section>
      ) : null}
      {entry.connectionsBytes === null ? null : <ConnectionsDoor of="kept" pass={pass} id={entry.hearing} />}
    </li>
  );
}

/** The recorder tells of its new beginning just after it was asked: so many lists may pass until "failed" means that it failed again. Ours. */
const LISTS_BELIEVED = 2;

/** Drawn anew with each state, so that what was told of the one before is gone. */
function EntryState({ pass, entry, refresh }: EntryProps): JSX.Element | null {
  const text = useText();
  const [asked, setAsked] = useState<Rendering | "asking" | null>(null);
  const listsLeft = useRef(0);
  const isBusy = asked === "asking";
  const render = () => {
    if (isBusy) return;
    setAsked("asking");
    void pass.renderAgain(entry.hearing).then((answer) => {
      setAsked(answer);
      if (answer !== "started") return;
      listsLeft.current = LISTS_BELIEVED;
      refresh();
    });
  };
  useEffect(() => {
    if (asked !== "started") return;
    listsLeft.current -= 1;
    if (listsLeft.current === 0) setAsked(null);
  }, [entry]);
  switch (entry.state) {
    case "sealing": case "rendering":
      return <RecordProgress record={entry} />;
    case "failed":
      if (asked === "started") {
        return (
          <p role="status" data-testid="render-asked" data-asked={asked}><span class="spinner" aria-hidden="true" />{text.records.asked.started}</p>
        );
      }
      return (
        <div class="warning" role="alert" data-testid="render-failed">
          <WarningIcon />
          <div>
            <p>{text.record.failed}</p>
            <button type="button" onClick={render} aria-disabled={isBusy} data-testid="render-again">{text.records.render}</button>
            {asked === null || asked === "asking" ? null
              : <p role="status" data-testid="render-asked" data-asked={asked}>{text.records.asked[asked]}</p>}
          </div>
        </div>
      );
    case "off": case "on": case "lost":
      return <p class="hint" data-testid="record-state">{text.record[entry.state]}</p>;
    case "ready":
      return entry.files.length === 0 ? <p class="hint">{text.records.noFiles}</p> : null;
  }
}

function nameOfFile(file: RecordFile, text: ReturnType<typeof useText>): string {
  if (file.kind === "composite") return text.records.whole;
  const role = file.role === null ? "" : ` (${text.roles[file.role]})`;
  return `${file.name || file.file}${role}`;
}

interface FileProps {
  readonly pass: Pass;
  readonly hearing: string;
  readonly file: RecordFile;
  readonly playing: boolean;
  /** Set to the button of what plays. */
  readonly opener: RefObject<HTMLButtonElement>;
  readonly onPlay: () => void;
}

function FileLine({ pass, hearing, file, playing, opener, onPlay }: FileProps): JSX.Element {
  const { text, language } = useWords();
  const name = nameOfFile(file, text);
  const address = fileAddress(hearing, file.file, true);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const isReached = useRef(false);
  // Another window may have taken the cookie: ours first, then the same press again.
  const download = (event: Event) => {
    if (pass.isMine() || isReached.current) {
      isReached.current = false;
      return;
    }
    const link = event.currentTarget as HTMLAnchorElement;
    event.preventDefault();
    setTrouble(null);
    void pass.reach(address).then((reached) => {
      if (reached !== "here") return setTrouble(reached);
      isReached.current = true;
      link.click();
    });
  };
  return (
    <li class="file" data-testid="file" data-kind={file.kind} data-person={file.person ?? undefined}>
      <span class="file-name">
        <span class="name">{name}</span>
        <span class="hint">{clock(file.durationMs)} · {fileSize(language, file.bytes)} · {file.mime}</span>
      </span>
      <span class="file-actions">
        <button type="button" ref={playing ? opener : null} onClick={onPlay} aria-pressed={playing} data-testid="play" aria-label={text.records.playName(name)}>
          <PlayIcon />{text.records.play}
        </button>
        <a class="button" href={address} download={file.file} data-testid="download" onClick={download}
          aria-label={text.records.downloadName(name)}><DownloadIcon />{text.records.download}</a>
      </span>
      {trouble ? <p class="warning" role="alert" data-testid="download-trouble" data-trouble={trouble}><WarningIcon />{text.records.trouble[trouble]}</p> : null}
      <Fingerprint sha256={file.sha256} />
    </li>
  );
}

function Fingerprint({ sha256 }: { readonly sha256: string }): JSX.Element {
  const text = useText();
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard?.writeText(sha256).then(() => setCopied(true), () => undefined);
  };
  return (
    <details class="fingerprint">
      <summary>{text.records.fingerprint}</summary>
      <p><code data-testid="sha256">{sha256}</code></p>
      <p><button type="button" onClick={copy}>{text.records.copy}</button> <span role="status">{copied ? text.records.copied : ""}</span></p>
    </details>
  );
}

interface PlayerProps {
  readonly pass: Pass;
  readonly hearing: string;
  readonly file: RecordFile;
  readonly onClose: () => void;
}

function Player({ pass, hearing, file, onClose }: PlayerProps): JSX.Element {
  const text = useText();
  const ref = useRef<HTMLVideoElement>(null);
  const address = fileAddress(hearing, file.file);
  const mending = useMemo(() => new Mending(pass, address), [pass, address]);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [trying, setTrying] = useState(false);
  useEffect(() => {
    ref.current?.focus();
    ref.current?.play().catch(() => undefined);
  }, []);
  const mend = async (code: number) => {
    const next = await mending.broken(code);
    const video = ref.current;
    setTrying(false);
    if (next !== "again") return setTrouble(next);
    if (!video) return;
    // On from where it was. The button that asked for it goes with the words.
    if (trouble) video.focus();
    setTrouble(null);
    const atS = video.currentTime;
    video.load();
    video.currentTime = atS;
    void video.play().catch(() => undefined);
  };
  const again = () => {
    if (trying) return;
    setTrying(true);
    mending.renew();
    void mend(MEDIA_ERR_NETWORK);
  };
  const plays = () => {
    mending.renew();
    setTrouble(null);
  };
  const audioOnly = file.mime.startsWith("audio/");
  return (
    <div class="player" data-testid="player">
      <div class="panel-head">
        <h3>{nameOfFile(file, text)}</h3>
        <button type="button" class="plain icon-only" onClick={onClose} aria-label={text.records.stop} data-testid="close-player"><CloseIcon /></button>
      </div>
      {trouble ? (
        <div class="warning" role="alert" data-testid="player-trouble" data-trouble={trouble}>
          <WarningIcon />
          <div>
            <p>{trying ? text.records.trying : text.records.trouble[trouble]}</p>
            <button type="button" onClick={again} aria-disabled={trying} data-testid="play-again">{text.records.again}</button>
          </div>
        </div>
      ) : null}
      <video ref={ref} class={audioOnly ? "sound-only" : ""} controls playsInline preload="metadata" src={address}
        aria-label={nameOfFile(file, text)} onError={(event) => void mend(event.currentTarget.error?.code ?? 0)} onPlaying={plays}
        data-testid="player-video" />
    </div>
  );
}
