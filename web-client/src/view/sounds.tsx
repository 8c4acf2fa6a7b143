// SPDX-License-Identifier: Apache-2.0
/** The voices: one audio element a seat, apart from the pictures, so that no change of layout is ever heard. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Local } from "../local.ts";
import type { SeatTracks } from "../media.ts";
import { useSpeaker } from "../sound.ts";
import { useStore, useText } from "./hooks.ts";
import { SpeakerIcon } from "./icons.tsx";

interface SoundsProps {
  readonly tracks: readonly SeatTracks[];
  readonly local: Local;
}

export function Sounds({ tracks, local }: SoundsProps): JSX.Element {
  const text = useText();
  const { soundBlocked, preferences } = useStore(local.store);
  const box = useRef<HTMLDivElement>(null);
  const playAll = () => {
    const elements = Array.from(box.current?.querySelectorAll("audio") ?? []);
    Promise.all(elements.map((element) => element.play())).then(() => local.soundBlocked(false), () => undefined);
  };
  return (
    <div ref={box}>
      {soundBlocked ? (
        <div class="sound-blocked" role="alert">
          <span>{text.courtroom.soundBlocked}</span>
          <button type="button" class="primary" onClick={playAll} data-testid="turn-on-sound">
            <SpeakerIcon />{text.courtroom.turnOnSound}
          </button>
        </div>
      ) : null}
      {tracks.map(({ audio }, seat) => (
        <Voice key={audio.id} track={audio} seat={seat} speakerId={preferences.speakerId}
          onBlocked={() => local.soundBlocked(true)} />
      ))}
    </div>
  );
}

interface VoiceProps {
  readonly track: MediaStreamTrack;
  readonly seat: number;
  readonly speakerId: string | null;
  readonly onBlocked: () => void;
}

function Voice({ track, seat, speakerId, onBlocked }: VoiceProps): JSX.Element {
  const ref = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    element.srcObject = new MediaStream([track]);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked();
    });
  }, [track]);
  useEffect(() => { if (ref.current) void useSpeaker(ref.current, speakerId); }, [speakerId]);
  return <audio ref={ref} data-seat={seat} data-testid="voice" />;
}
