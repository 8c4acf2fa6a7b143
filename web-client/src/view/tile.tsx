// SPDX-License-Identifier: Apache-2.0
/** One person in the courtroom: picture, name, role, and what can be known of them at a glance. */
import type { JSX } from "preact";
import { closedBy, screenOf } from "../hearing.ts";
import type { Hearing } from "../hearing.ts";
import { isLive } from "../local.ts";
import type { LocalState } from "../local.ts";
import type { SeatTracks } from "../media.ts";
import type { Path } from "../path.ts";
import type { Place } from "../seating.ts";
import { useText } from "./hooks.ts";
import {
  CameraOffIcon, HandIcon, MicrophoneOffIcon, QualityIcon, SpeakingIcon, WarningIcon,
} from "./icons.tsx";
import { Picture } from "./picture.tsx";

interface TileProps {
  readonly place: Place;
  readonly hearing: Hearing;
  readonly tracks: readonly SeatTracks[];
  readonly local: LocalState;
  /** The person wants no pictures of others. */
  readonly soundOnly: boolean;
  /** The line carries no picture of one's own. */
  readonly thin: boolean;
}

export function Tile({ place, hearing, tracks, local, soundOnly, thin }: TileProps): JSX.Element {
  const text = useText();
  const { person, isYou } = place;
  const given = faceOf(place, hearing, tracks, local);
  const isScreen = place.source === "screen";
  const unsent = thin && isYou && !isScreen && isLive(local.camera);
  const face = unsent || (soundOnly && !isYou) ? { ...given, showing: false } : given;
  const held = face.showing && place.seat !== null && (hearing.seats[place.seat]?.held ?? false);
  const screened = isYou || isScreen ? null : screenOf(hearing, person.person);
  const closed = closedBy(hearing, person) !== null;
  const microphoneOn = isYou ? isLive(local.microphone) : person.microphone === "on";
  const speaking = microphoneOn && hearing.speaking.has(person.person);
  const label = isScreen ? text.courtroom.screen(person.name) : person.name;
  const classes = ["tile", speaking ? "is-speaking" : "", isScreen ? "is-screen" : "", held ? "is-held" : "", person.connected ? "" : "is-away"];
  return (
    <article class={classes.filter(Boolean).join(" ")} data-testid={isScreen ? "screen" : "tile"}
      data-person={person.person} data-role={person.role} data-you={isYou} data-speaking={speaking}
      data-microphone={microphoneOn ? "on" : "off"} data-closed={closed} data-seat={place.seat ?? undefined} data-held={held}
      aria-label={`${label}, ${text.roles[person.role]}`}>
      <Picture track={face.track} turn={face.turn} warm={face.warm} showing={face.showing}
        mirrored={isYou} label={label} testId={isYou ? "own-picture" : "picture"}
        {...(place.seat === null ? {} : { seat: place.seat })} cover={<Cover name={person.name} />} />
      {held ? <p class="held-note" data-testid="held">{text.courtroom.held}</p> : null}
      {screened ? <p class="held-note" data-testid="screened" data-what={screened.what}>{text.courtroom.screened[screened.what]}</p> : null}
      {unsent ? <p class="held-note" data-testid="unsent">{text.courtroom.unsent}</p> : null}
      {isScreen ? null : (
        <div class="tile-corner">
          {hearing.matter?.floor === person.person ? <span class="badge floor" data-testid="has-floor"><SpeakingIcon /><span class="words">{text.courtroom.floor}</span></span> : null}
          {person.hand ? <span class="badge hand" data-testid="hand"><HandIcon /><span class="words">{text.courtroom.handUp}</span></span> : null}
          {!person.connected && !isYou ? <span class="badge away"><WarningIcon /><span class="words">{text.courtroom.away}</span></span> : null}
        </div>
      )}
      <div class="tile-foot">
        <span class="tile-state">
          {speaking
            ? <span class="speaking-mark"><SpeakingIcon /><span class="sr">{text.courtroom.speaking}</span></span>
            : microphoneOn ? null : <span class="muted-mark"><MicrophoneOffIcon /><span class="sr">{closed ? text.courtroom.closedMicrophone : text.courtroom.muted}</span></span>}
        </span>
        <span class="tile-name">
          <span class="name">{label}{isYou ? <span class="you"> ({text.courtroom.you})</span> : null}</span>
          <span class="role">{text.roles[person.role]}</span>
        </span>
        {given.showing || isScreen ? null : <span class="camera-mark"><CameraOffIcon /><span class="sr">{text.courtroom.cameraOff}</span></span>}
        <Quality quality={person.quality} path={person.path} />
      </div>
    </article>
  );
}

interface Face {
  readonly track: MediaStreamTrack | null;
  readonly turn: number;
  readonly warm: boolean;
  readonly showing: boolean;
}

function faceOf(place: Place, hearing: Hearing, tracks: readonly SeatTracks[], local: LocalState): Face {
  if (place.isYou) {
    const { track, wanted } = local.camera;
    return { track, turn: 0, warm: false, showing: wanted && track !== null };
  }
  const seat = place.seat === null ? undefined : hearing.seats[place.seat];
  const pair = place.seat === null ? undefined : tracks[place.seat];
  if (!seat || !pair) return { track: null, turn: 0, warm: false, showing: false };
  return { track: pair.video, turn: seat.turn, warm: seat.warm, showing: seat.video };
}

/** Stands in for a picture: the first letters of the name. */
export function Cover({ name }: { readonly name: string }): JSX.Element {
  return <div class="cover" aria-hidden="true"><span class="initials">{initialsOf(name)}</span></div>;
}

/** Two letters of a Latin name, the last two characters of a Chinese one. */
export function initialsOf(name: string): string {
  const trimmed = name.trim();
  if (/[\u3400-\u9fff]/.test(trimmed)) return Array.from(trimmed.replace(/[^\u3400-\u9fff]/g, "")).slice(-2).join("");
  const words = trimmed.split(/\s+/).filter((word) => word !== "");
  const first = Array.from(words[0] ?? "")[0] ?? "";
  const last = words.length > 1 ? (Array.from(words[words.length - 1] ?? "")[0] ?? "") : "";
  return (first + last).toUpperCase();
}

export function Quality({ quality, path }: { readonly quality: number; readonly path: Path | null }): JSX.Element | null {
  const text = useText();
  if (quality < 1 || quality > 4) return null;
  const words = (text.courtroom.quality[quality] ?? "") + (path ? text.courtroom.path[path] : "");
  return (
    <span class="quality-mark" title={words} data-testid="quality">
      <QualityIcon quality={quality} /><span class="sr">{words}</span>
    </span>
  );
}
