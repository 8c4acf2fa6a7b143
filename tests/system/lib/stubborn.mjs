// SPDX-License-Identifier: Apache-2.0
// A page whose program is not ours any more.

/** Runs in a page before anything else: once told so, it goes on sending, and asks the server to let it. */
export function stubborn() {
  window.stubborn = false;
  const old = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "enabled");
  Object.defineProperty(MediaStreamTrack.prototype, "enabled", {
    ...old,
    set(value) {
      if (!window.stubborn || value) old.set.call(this, value);
    },
  });
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    send.call(this, window.stubborn ? text.replace('"paused":true', '"paused":false') : text);
  };
}
