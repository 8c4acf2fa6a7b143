// SPDX-License-Identifier: Apache-2.0
/** One moving picture. It is covered until a frame has come that surely shows the person named beside it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * After a seat changed hands the old picture may go on for a moment: the change is told 40 to 180 ms before the
 * picture turns (clients.md). Frames within this time are not believed. Ours.
 */
const OLD_PICTURE_MS = 350;

interface PictureProps {
  readonly track: MediaStreamTrack | null;
  /** Changes when the same track shows somebody else. */
  readonly turn: number;
  /** The track showed somebody else just now. */
  readonly warm: boolean;
  readonly showing: boolean;
  readonly mirrored?: boolean;
  readonly label: string;
  readonly testId: string;
  readonly seat?: number;
  readonly cover: JSX.Element;
}

export function Picture(props: PictureProps): JSX.Element {
  const { track, turn, warm, showing, mirrored, label, testId, seat, cover } = props;
  const ref = useRef<HTMLVideoElement>(null);
  const [fresh, setFresh] = useState(false);
  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    // As properties: the attributes would be set after the stream, too late for some browsers.
    video.muted = true;
    video.srcObject = track ? new MediaStream([track]) : null;
    if (track) video.play().catch(() => undefined);
  }, [track]);
  useEffect(() => {
    setFresh(false);
    const video = ref.current;
    if (!video || !track || !showing) return undefined;
    return onFrame(video, warm ? OLD_PICTURE_MS : 0, () => setFresh(true));
  }, [track, turn, showing]);
  const visible = fresh && showing && track !== null;
  return (
    <div class={visible ? "picture visible" : "picture"}>
      <video ref={ref} class={mirrored ? "mirrored" : ""} muted playsInline autoPlay disablePictureInPicture
        aria-label={label} data-testid={testId} data-seat={seat} data-visible={visible} />
      {visible ? null : cover}
    </div>
  );
}

/** Calls once at the first frame shown after `notBeforeMs`. Returns the way to stop waiting. */
function onFrame(video: HTMLVideoElement, notBeforeMs: number, call: () => void): () => void {
  const startMs = performance.now();
  if (typeof video.requestVideoFrameCallback !== "function") {
    // Older browsers: the element's clock moves with its frames.
    const was = video.currentTime;
    const timer = window.setInterval(() => {
      if (performance.now() - startMs < notBeforeMs || video.currentTime === was) return;
      window.clearInterval(timer);
      call();
    }, 50);
    return () => window.clearInterval(timer);
  }
  let handle = 0;
  const wait = () => {
    handle = video.requestVideoFrameCallback((nowMs) => {
      if (nowMs - startMs >= notBeforeMs) call();
      else wait();
    });
  };
  wait();
  return () => video.cancelVideoFrameCallback(handle);
}
