// SPDX-License-Identifier: Apache-2.0
/** Line drawings of our own, 24 by 24. Never the only bearer of a meaning: text stands beside or behind them. */
import type { ComponentChildren, JSX } from "preact";

function icon(drawing: ComponentChildren): () => JSX.Element {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {drawing}
    </svg>
  );
}

const microphone = (
  <>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M8.5 21h7" />
  </>
);
const camera = (
  <>
    <rect x="3" y="6.5" width="12" height="11" rx="2.2" />
    <path d="M15 10.5l6-3v9l-6-3" />
  </>
);
const slash = <path d="M4 3.5l16 17" stroke-width="2.2" />;

export const MicrophoneIcon = icon(microphone);
export const MicrophoneOffIcon = icon(<>{microphone}{slash}</>);
export const CameraIcon = icon(camera);
export const CameraOffIcon = icon(<>{camera}{slash}</>);
export const HandIcon = icon(
  <path d="M8 12.5V6a1.5 1.5 0 0 1 3 0v5V4.5a1.5 1.5 0 0 1 3 0V11V6a1.5 1.5 0 0 1 3 0v8.5c0 3.6-2.4 6-5.7 6-2.6 0-4-1.2-5.2-3.2l-2.6-4.3c-.9-1.5 1-2.9 2.2-1.7L8 13.6" />,
);
export const ScreenIcon = icon(<><rect x="3" y="4.5" width="18" height="12" rx="2" /><path d="M9 20.5h6M12 16.5v4M12 13.5V8M9.5 10.3L12 7.8l2.5 2.5" /></>);
export const LeaveIcon = icon(<path d="M14 4.5H6.5A1.5 1.5 0 0 0 5 6v12a1.5 1.5 0 0 0 1.5 1.5H14M10.5 12H20m-3.5-3.8L20 12l-3.5 3.8" />);
export const PeopleIcon = icon(<><circle cx="9" cy="8.5" r="3.2" /><path d="M3.5 19.5c.4-3.6 2.6-5.6 5.5-5.6s5.1 2 5.5 5.6M15.5 5.6a3.2 3.2 0 0 1 0 5.8M17 14.2c2 .6 3.2 2.4 3.5 5.3" /></>);
export const SettingsIcon = icon(<><path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2" /><circle cx="9" cy="17" r="2" /></>);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6L6 18" />);
export const SpeakerIcon = icon(<path d="M4 9.5h3.5L12 5.5v13l-4.5-4H4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />);
export const WarningIcon = icon(<path d="M12 4L2.8 19.5h18.4zM12 10v4.2M12 17v.1" />);
export const DownloadIcon = icon(<path d="M12 4v11m-4.2-4L12 15.2 16.2 11M4.5 19.5h15" />);
export const PlayIcon = icon(<path d="M7.5 5v14l11-7z" />);
export const LockIcon = icon(<><rect x="5" y="10.5" width="14" height="9.5" rx="2" /><path d="M8.5 10.5V7.5a3.5 3.5 0 0 1 7 0v3" /></>);

/** Three bars that rise while somebody speaks; still ones when motion is unwanted. */
export function SpeakingIcon(): JSX.Element {
  return (
    <svg class="icon speaking-bars" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="3"
      stroke-linecap="round" aria-hidden="true" focusable="false">
      <path d="M6 10v4" /><path d="M12 7v10" /><path d="M18 10v4" />
    </svg>
  );
}

/** Filled bars for 1 (very poor) to 4 (very good). */
export function QualityIcon({ quality }: { quality: number }): JSX.Element {
  const bars = [1, 2, 3, 4];
  return (
    <svg class="icon quality" data-quality={quality} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {bars.map((bar) => (
        <rect key={bar} x={bar * 5 - 2.5} y={20 - bar * 4} width="3.4" height={bar * 4} rx="1"
          fill="currentColor" class={bar <= quality ? "full" : "empty"} />
      ))}
    </svg>
  );
}

/** The mark of the house: a balance within a ring. */
export function Seal(): JSX.Element {
  return (
    <svg class="seal" viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="1.6"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <circle cx="24" cy="24" r="22" />
      <circle cx="24" cy="24" r="18.6" stroke-width=".8" />
      <path d="M24 11v24M17.5 35.5h13M13 16.5c4 .4 8-2.2 11-2.2s7 2.6 11 2.2" />
      <path d="M13 16.5l-4 9.5h8zM35 16.5L31 26h8z" />
      <path d="M9 26a4 4 0 0 0 8 0M31 26a4 4 0 0 0 8 0" />
    </svg>
  );
}
