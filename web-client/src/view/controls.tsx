// SPDX-License-Identifier: Apache-2.0
/** One's own switches in the courtroom, by pointer and by keyboard. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { canShareScreen } from "../devices.ts";
import { closedBy, hasObjected, isHeard, isSpeaker } from "../hearing.ts";
import type { Session } from "../session.ts";
import { MeetDialog, roomsToOpen } from "./aside.tsx";
import { DeviceChoices, Problem } from "./devices.tsx";
import { Confirm, Dialog } from "./dialog.tsx";
import { useText } from "./hooks.ts";
import {
  CameraIcon, CameraOffIcon, HandIcon, LeaveIcon, LockIcon, MicrophoneIcon, MicrophoneOffIcon, PeopleIcon,
  ScreenIcon, SettingsIcon, SpeakerIcon, WarningIcon,
} from "./icons.tsx";
import type { HearingProps } from "./lobby.tsx";

interface ControlsProps extends HearingProps {
  /** Null for those who have no panel of people. */
  readonly panel: { readonly open: boolean; readonly waiting: number; readonly toggle: () => void } | null;
}

export function Controls({ session, state, local, hearing, panel }: ControlsProps): JSX.Element {
  const text = useText();
  const [asking, setAsking] = useState<"leave" | "settings" | "meet" | null>(null);
  const toggles = togglesOf(session);
  useShortcuts(toggles);
  const microphone = local.microphone.wanted;
  const camera = local.camera.wanted;
  const hand = hearing.you?.hand ?? false;
  const heard = isHeard(hearing);
  const speaks = isSpeaker(hearing);
  const closed = hearing.you ? closedBy(hearing, hearing.you) : null;
  const names = text.controls.short;
  return (
    <div class="controls" role="toolbar" aria-label={text.controls.label}>
      {speaks ? (
        <>
          <Control name={names.microphone} label={closed ? text.controls.closed[closed] : microphone ? text.controls.mute : text.controls.unmute} keys="Alt+M"
            testId="microphone" off={!microphone} pressed={microphone} busy={local.microphone.opening} closed={closed !== null}
            onPress={toggles.microphone}>
            {microphone ? <MicrophoneIcon /> : <MicrophoneOffIcon />}
          </Control>
          <Control name={names.camera} label={camera ? text.controls.cameraOff : text.controls.cameraOn} keys="Alt+V"
            testId="camera" off={!camera} pressed={camera} busy={local.camera.opening} onPress={toggles.camera}>
            {camera ? <CameraIcon /> : <CameraOffIcon />}
          </Control>
        </>
      ) : null}
      {hearing.may.includes("hand") ? (
        <Control name={names.hand} label={hand ? text.controls.lower : text.controls.raise} keys="Alt+H"
          testId="raise-hand" on={hand} pressed={hand} onPress={toggles.hand}><HandIcon /></Control>
      ) : null}
      {hearing.may.includes("object") ? (
        <Control name={names.objection} label={names.objection} testId="object" on={hasObjected(hearing)} closed={hasObjected(hearing)}
          onPress={() => void session.act({ type: "object" })}><WarningIcon /></Control>
      ) : null}
      {heard && canShareScreen() ? (
        <Control name={names.share} label={local.screen.wanted ? text.controls.unshare : text.controls.share}
          testId="share-screen" on={local.screen.wanted} pressed={local.screen.wanted} busy={local.screen.opening} onPress={toggles.screen}><ScreenIcon /></Control>
      ) : null}
      {roomsToOpen(hearing).length > 0 ? (
        <Control name={names.aside} label={text.aside.title} testId="meet" onPress={() => setAsking("meet")}><LockIcon /></Control>
      ) : null}
      {panel ? (
        <Control name={names.people} label={panel.waiting > 0 ? `${text.controls.people}: ${text.people.waitingCount(panel.waiting)}` : text.controls.people}
          testId="people" on={panel.open} expanded={panel.open} onPress={panel.toggle} count={panel.waiting}><PeopleIcon /></Control>
      ) : null}
      <Control name={names.soundOnly} label={state.soundOnly ? text.controls.withPictures : text.controls.soundOnly} testId="sound-only"
        on={state.soundOnly} pressed={state.soundOnly} onPress={() => session.setSoundOnly(!state.soundOnly)}><SpeakerIcon /></Control>
      <Control name={names.settings} label={text.controls.settings} testId="settings" onPress={() => setAsking("settings")}><SettingsIcon /></Control>
      <Control name={names.leave} label={text.controls.leave} testId="leave" danger onPress={() => setAsking("leave")}><LeaveIcon /></Control>
      <span class="sr" role="status">{!speaks ? text.lobby.listener : closed ? text.controls.closed[closed] : !microphone ? text.controls.muted : local.microphone.silenced ? text.silenced.microphone : text.controls.live}</span>
      {asking === "meet" ? <MeetDialog session={session} hearing={hearing} onClose={() => setAsking(null)} /> : null}
      {asking === "leave" ? <LeaveQuestion session={session} onStay={() => setAsking(null)} /> : null}
      {asking === "settings" ? (
        <Dialog title={text.controls.settings} onClose={() => setAsking(null)} testId="settings-dialog">
          <DeviceChoices local={session.local} state={local} speaks={speaks} />
          <Problem kind="microphone" local={session.local} state={local} />
          <Problem kind="camera" local={session.local} state={local} />
          {speaks ? <Shortcuts /> : null}
        </Dialog>
      ) : null}
    </div>
  );
}

interface ControlProps {
  readonly name: string;
  readonly label: string;
  readonly keys?: string;
  readonly testId: string;
  readonly off?: boolean;
  readonly on?: boolean;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  readonly busy?: boolean;
  /** The court does not let it be pressed; its label says why. */
  readonly closed?: boolean;
  readonly danger?: boolean;
  readonly count?: number;
  readonly onPress: () => void;
  readonly children: JSX.Element;
}

/** Not `disabled` while busy: that would take the focus away. The accessible name says what pressing does; the short one under the drawing says what it is about. */
function Control(props: ControlProps): JSX.Element {
  const { name, label, keys, testId, off, on, pressed, expanded, busy, closed, danger, count, onPress, children } = props;
  const classes = ["control", off ? "is-off" : "", on ? "is-on" : "", danger ? "is-danger" : ""];
  return (
    <button type="button" class={classes.filter(Boolean).join(" ")} aria-label={label} title={keys ? `${label} (${keys})` : label}
      aria-expanded={expanded} aria-keyshortcuts={keys} aria-busy={busy} aria-disabled={busy || closed}
      data-testid={testId} data-on={pressed} onClick={() => { if (!busy && !closed) onPress(); }}>
      {children}
      <span class="control-name" aria-hidden="true">{name}</span>
      {count ? <span class="control-count" aria-hidden="true" data-testid="waiting-count">{count}</span> : null}
    </button>
  );
}

type Toggles = { readonly [what in "microphone" | "camera" | "hand" | "screen"]: () => void };

/** They ask for the state when pressed, so that they need not be made again with each drawing. None acts while the browser's question is open. */
export function togglesOf(session: Session): Toggles {
  const flip = (source: "microphone" | "camera" | "screen") => () => {
    const { wanted, opening } = session.local.store.get()[source];
    const { hearing } = session.store.get();
    const closed = source === "microphone" && hearing.you !== null && closedBy(hearing, hearing.you) !== null;
    if (!opening && !closed && isSpeaker(hearing)) void session.local.set(source, !wanted);
  };
  return {
    microphone: flip("microphone"),
    camera: flip("camera"),
    screen: flip("screen"),
    hand: () => {
      const { you, may } = session.store.get().hearing;
      if (may.includes("hand")) void session.act({ type: "hand", up: !(you?.hand ?? false) });
    },
  };
}

/** With Alt, so that no single key acts by accident (WCAG 2.1.4); by place on the keyboard, not by letter. */
const KEYS: { readonly [code: string]: keyof Toggles } = { KeyM: "microphone", KeyV: "camera", KeyH: "hand" };

function useShortcuts(toggles: Toggles): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const what = KEYS[event.code];
      if (!what || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return;
      event.preventDefault();
      toggles[what]();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function Shortcuts(): JSX.Element {
  const text = useText();
  const keys = [
    ["Alt + M", text.lobby.microphone],
    ["Alt + V", text.controls.short.camera],
    ["Alt + H", text.controls.short.hand],
  ] as const;
  return (
    <section class="shortcuts">
      <h3>{text.controls.shortcuts}</h3>
      <dl>{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </section>
  );
}

export function LeaveQuestion({ session, onStay }: { readonly session: Session; readonly onStay: () => void }): JSX.Element {
  const text = useText();
  return (
    <Confirm title={text.controls.leaveTitle} yes={text.controls.leaveYes} no={text.controls.stay} testId="leave-question"
      onNo={onStay} onYes={() => session.leave()}>
      {text.controls.leaveText}
    </Confirm>
  );
}
