// SPDX-License-Identifier: Apache-2.0
/** Choosing devices, the microphone's level, what went wrong with a device: in the lobby and in mid-hearing. */
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { DeviceKind } from "../devices.ts";
import type { Local, LocalState } from "../local.ts";
import { playTest, watchLevel } from "../sound.ts";
import { useText } from "./hooks.ts";
import { SpeakerIcon, WarningIcon } from "./icons.tsx";

interface DevicesProps {
  readonly local: Local;
  readonly state: LocalState;
}

/** Who only hears and sees chooses a speaker alone. */
export function DeviceChoices({ local, state, speaks }: DevicesProps & { readonly speaks: boolean }): JSX.Element {
  const text = useText();
  const { choices, preferences } = state;
  return (
    <div class="choices">
      {speaks ? (
        <>
          <Choice label={text.lobby.microphone} testId="choose-microphone" options={choices.microphones}
            chosen={preferences.microphoneId} onChoose={(id) => void local.choose("microphone", id)} />
          <Level track={state.microphone.wanted ? state.microphone.track : null} />
          <Choice label={text.lobby.camera} testId="choose-camera" options={choices.cameras}
            chosen={preferences.cameraId} onChoose={(id) => void local.choose("camera", id)} />
        </>
      ) : null}
      {choices.speakers.length > 0 ? (
        <Choice label={text.lobby.speaker} testId="choose-speaker" options={choices.speakers}
          chosen={preferences.speakerId} onChoose={(id) => void local.choose("speaker", id)} />
      ) : null}
      <SpeakerTest speakerId={preferences.speakerId} />
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly testId: string;
  readonly options: readonly MediaDeviceInfo[];
  readonly chosen: string | null;
  readonly onChoose: (id: string) => void;
}

function Choice({ label, testId, options, chosen, onChoose }: ChoiceProps): JSX.Element {
  const text = useText();
  const id = useId();
  // Chromium lists its own "default" too: ours says the same in the reader's language.
  const real = options.filter((option) => option.deviceId !== "default" && option.deviceId !== "communications");
  const known = real.some((option) => option.deviceId === chosen);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} data-testid={testId} value={known && chosen !== null ? chosen : ""}
        onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{text.lobby.defaultDevice}</option>
        {real.map((option, n) => (
          <option key={option.deviceId} value={option.deviceId}>{option.label || text.lobby.unnamed(n + 1)}</option>
        ))}
      </select>
    </div>
  );
}

/** A meter that moves with the voice. */
function Level({ track }: { readonly track: MediaStreamTrack | null }): JSX.Element {
  const text = useText();
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (!track) return setLevel(0);
    return watchLevel(track, setLevel);
  }, [track]);
  return (
    <div class="level">
      <meter min={0} max={1} low={0.15} high={0.95} optimum={0.5} value={level} aria-label={text.lobby.level} data-testid="level" />
      <p class="hint">{text.lobby.levelHint}</p>
    </div>
  );
}

function SpeakerTest({ speakerId }: { readonly speakerId: string | null }): JSX.Element {
  const text = useText();
  const [playing, setPlaying] = useState(false);
  const test = () => {
    if (playing) return;
    setPlaying(true);
    playTest(speakerId).catch(() => undefined).then(() => setPlaying(false)).catch(() => undefined);
  };
  return (
    <div class="speaker-test">
      <button type="button" onClick={test} aria-disabled={playing} data-testid="test-speaker"><SpeakerIcon />{text.lobby.testSpeaker}</button>
      <span role="status">{playing ? text.lobby.testing : ""}</span>
    </div>
  );
}

/** Why a device is not there, in words a person can act on. */
export function Problem({ kind, local, state }: DevicesProps & { readonly kind: DeviceKind }): JSX.Element | null {
  const text = useText();
  const { problem, opening, silenced, wanted } = state[kind];
  const device = (kind === "microphone" ? text.lobby.microphone : kind === "camera" ? text.lobby.camera : text.controls.short.share).toLowerCase();
  if (problem === null) {
    return wanted && silenced && kind !== "screen"
      ? <p class="warning" role="alert" data-testid={`silenced-${kind}`}><WarningIcon /><span>{text.silenced[kind]}</span></p> : null;
  }
  // Whoever closes the browser's own choice of windows has changed their mind, and knows it.
  if (kind === "screen" && problem === "refused") return null;
  return (
    <div class="warning" role="alert" data-testid={`problem-${kind}`} data-problem={problem}>
      <WarningIcon />
      <div>
        <p>{text.problems[problem](device)}</p>
        {problem === "insecure" || problem === "unsupported" ? null : (
          <button type="button" aria-disabled={opening} onClick={() => { if (!opening) void local.set(kind, true); }} data-testid={`retry-${kind}`}>
            {text.lobby.tryAgain}
          </button>
        )}
        {kind === "screen"
          ? <button type="button" onClick={() => void local.set(kind, false)} data-testid="drop-screen">{text.notices.dismiss}</button> : null}
      </div>
    </div>
  );
}
