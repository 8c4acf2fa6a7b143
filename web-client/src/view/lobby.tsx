// SPDX-License-Identifier: Apache-2.0
/** Before entering: whose hearing it is, who you are, and whether you can be seen and heard. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isSpeaker } from "../hearing.ts";
import type { Hearing } from "../hearing.ts";
import { isLive } from "../local.ts";
import type { LocalState } from "../local.ts";
import type { Session, SessionState } from "../session.ts";
import { dateTime } from "../text.ts";
import { DeviceChoices, Problem } from "./devices.tsx";
import { Confirm } from "./dialog.tsx";
import { Frame } from "./frame.tsx";
import { useWords } from "./hooks.ts";
import { CameraIcon, CameraOffIcon, LockIcon, MicrophoneIcon, MicrophoneOffIcon, WarningIcon } from "./icons.tsx";
import { LinkBanner } from "./notices.tsx";
import { Picture } from "./picture.tsx";

/** What every page of a hearing is given. */
export interface HearingProps {
  readonly session: Session;
  readonly state: SessionState;
  readonly local: LocalState;
  readonly hearing: Hearing;
}

export function Lobby({ session, local, hearing }: HearingProps): JSX.Element {
  const { text } = useWords();
  const [warn, setWarn] = useState(false);
  useEffect(() => { if (hearing.stage === "lobby") void session.openDevices(); }, []);
  const { you, stage } = hearing;
  const speaks = isSpeaker(hearing);
  const opening = local.microphone.opening || local.camera.opening;
  const heard = isLive(local.microphone);
  const waits = stage === "joining" || opening || !hearing.linkUp;
  const enter = () => {
    if (waits) return;
    if (heard || !speaks) session.join();
    else setWarn(true);
  };
  return (
    <Frame title={text.lobby.title} testId="page-lobby">
      <LinkBanner hearing={hearing} health="up" />
      <ServerFull waits={hearing.waitsForRoom} />
      <div class="lobby">
        <div class="lobby-head">
          <h1>{you ? text.lobby.greeting(you.name) : text.lobby.title}</h1>
          <MatterFacts hearing={hearing} />
        </div>
        {speaks ? (
          <section class="lobby-self" aria-labelledby="devices-title">
            <h2 id="devices-title">{text.lobby.devices}</h2>
            {opening ? <p class="hint" role="status">{text.lobby.asking}</p> : null}
            <Problem kind="microphone" local={session.local} state={local} />
            <Problem kind="camera" local={session.local} state={local} />
            <OwnPicture session={session} local={local} />
          </section>
        ) : <p class="lobby-self lead" data-testid="listener">{text.lobby.listener}</p>}
        <section class="lobby-side card" aria-label={speaks ? text.lobby.devices : text.lobby.speaker}>
          <DeviceChoices local={session.local} state={local} speaks={speaks} />
        </section>
        <div class="lobby-enter">
          <p class="hint"><LockIcon /> {text.lobby.notRecorded}</p>
          <button type="button" class="primary large" data-testid="join" onClick={enter}
            aria-disabled={waits}>
            {hearing.waitsForRoom ? text.lobby.waitsForRoom : stage === "joining" ? text.lobby.joining : heard && !local.camera.track ? text.lobby.joinWithout : text.lobby.join}
          </button>
        </div>
      </div>
      {warn ? (
        <Confirm title={text.lobby.noMicrophoneTitle} yes={text.lobby.noMicrophoneJoin} testId="no-microphone"
          onNo={() => setWarn(false)} onYes={() => { setWarn(false); session.join(); }}>
          {text.lobby.noMicrophone}
        </Confirm>
      ) : null}
    </Frame>
  );
}

/** Above the rest, and brought into sight: the button that was pressed is at the end of the page. Announcements
 * reads it aloud. */
function ServerFull({ waits }: { readonly waits: boolean }): JSX.Element | null {
  const { text } = useWords();
  const words = useRef<HTMLParagraphElement>(null);
  useEffect(() => { if (waits) words.current?.scrollIntoView({ block: "center" }); }, [waits]);
  return waits ? <p ref={words} class="warning" data-testid="server-full"><WarningIcon /><span>{text.lobby.serverFull}</span></p> : null;
}

/** Whose hearing, when, and as whom one takes part. */
export function MatterFacts({ hearing }: { readonly hearing: Hearing }): JSX.Element | null {
  const { text, language } = useWords();
  const { matter, you } = hearing;
  if (!matter || !you) return null;
  return (
    <div class="matter" data-testid="matter">
      <p class="matter-title">{matter.title}</p>
      <dl class="facts">
        <div><dt>{text.lobby.caseNumber}</dt><dd>{matter.case}</dd></div>
        <div><dt>{text.lobby.court}</dt><dd>{matter.court}</dd></div>
        <div><dt>{text.lobby.when}</dt><dd><time dateTime={new Date(matter.scheduledAt).toISOString()}>{dateTime(language, matter.scheduledAt)}</time></dd></div>
        <div><dt>{text.lobby.yourRole}</dt><dd>{text.roles[you.role]}</dd></div>
        <div><dt>{text.lobby.state}</dt><dd data-testid="hearing-state" data-state={matter.state}>{text.states[matter.state]}</dd></div>
      </dl>
    </div>
  );
}

/** The preview with its two switches. */
export function OwnPicture({ session, local }: { readonly session: Session; readonly local: LocalState }): JSX.Element {
  const { text } = useWords();
  const microphone = local.microphone.wanted;
  const camera = local.camera.wanted;
  return (
    <div class="own">
      <Picture track={local.camera.track} turn={0} warm={false} showing={camera} mirrored label={text.lobby.preview}
        testId="preview" cover={<div class="cover"><span class="cover-words">{text.lobby.cameraOff}</span></div>} />
      <div class="own-switches">
        <button type="button" class={microphone ? "round" : "round is-off"} aria-pressed={microphone}
          aria-label={text.lobby.useMicrophone} title={text.lobby.useMicrophone} aria-disabled={local.microphone.opening}
          onClick={() => { if (!local.microphone.opening) void session.local.set("microphone", !microphone); }} data-testid="use-microphone">
          {microphone ? <MicrophoneIcon /> : <MicrophoneOffIcon />}
        </button>
        <button type="button" class={camera ? "round" : "round is-off"} aria-pressed={camera}
          aria-label={text.lobby.useCamera} title={text.lobby.useCamera} aria-disabled={local.camera.opening}
          onClick={() => { if (!local.camera.opening) void session.local.set("camera", !camera); }} data-testid="use-camera">
          {camera ? <CameraIcon /> : <CameraOffIcon />}
        </button>
      </div>
    </div>
  );
}
