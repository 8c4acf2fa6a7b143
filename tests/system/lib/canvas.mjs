// SPDX-License-Identifier: Apache-2.0
// A camera of 720 lines that costs little to draw, and connections that can be asked.

/** Runs in the page: its connections can be asked; with `canvas` its camera is a canvas of 720 lines that moves. */
export function keepConnections(canvas) {
  const Connection = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Connection {
    constructor(...all) {
      super(...all);
      window.connections.push(this);
    }
  };
  // Firefox runs this in the empty page before, too, which has no devices.
  if (!canvas || !navigator.mediaDevices) return;
  const give = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const stream = audio ? await give({ audio }) : new MediaStream();
    if (!video) return stream;
    const drawn = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const context = drawn.getContext("2d");
    let n = 0;
    setInterval(() => {
      context.fillStyle = `hsl(${(n += 7) % 360} 60% 50%)`;
      context.fillRect((n * 5) % 1200, (n * 3) % 640, 160, 160);
    }, 66);
    const [track] = drawn.captureStream(15).getVideoTracks();
    const settings = track.getSettings.bind(track);
    track.getSettings = () => ({ ...settings(), width: 1280, height: 720 });
    stream.addTrack(track);
    return stream;
  };
}
