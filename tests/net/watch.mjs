// SPDX-License-Identifier: Apache-2.0
// What a page hears, sees and is told of its streams, noted in that page moment by moment.

/** Length of one look at the sound: whole quanta of an AudioWorklet, 21 ms at 48 kHz. */
const LOOK_SAMPLES = 1024;

/** In the worklet's world: of each look, the level of each tone (dB of full scale) and of all. */
function listener(tones, samples) {
  registerProcessor("listener", class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.buffer = new Float32Array(samples);
      this.length = 0;
    }

    process([input]) {
      const block = input[0];
      for (let i = 0; i < 128; i++) this.buffer[this.length++] = block ? block[i] : 0;
      if (this.length < samples) return true;
      this.length = 0;
      let all = 0;
      for (const x of this.buffer) all += x * x;
      const levels = tones.map((hertz) => {
        // Goertzel's filter: the power of one frequency.
        const turn = 2 * Math.cos((2 * Math.PI * hertz) / sampleRate);
        let [a, b] = [0, 0];
        for (const x of this.buffer) [a, b] = [x + turn * a - b, a];
        return (2 * (a * a + b * b - turn * a * b)) / (samples * samples);
      });
      // A sine of amplitude 1 has the power 1/2 in both.
      this.port.postMessage([currentTime, all / samples, ...levels]);
      return true;
    }
  });
}

/** Runs in the page before anything else. `window.watch.begin()` when the page has its voices;
 * `take()` gives what was noted: looks [[ms, power of all, of each tone ...]], frames {person: [[ms,
 * counter, height]]}, reports [{at, ...}]; all times are Date.now(). */
function watch(tones, area, bits, samples, source) {
  const connections = new Set();
  const offers = new Set(); // the ways the server names: udp, tcp, turn
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    connections.add(this);
    for (const [, transport] of description.sdp.matchAll(/^a=candidate:\S+ \d+ (\S+)/gm)) offers.add(transport.toLowerCase());
    for (const { urls } of this.getConfiguration().iceServers ?? []) if (/^turns?:/.test([urls].flat()[0])) offers.add("turn");
    return setRemoteDescription.call(this, description);
  };

  let told; // what the server says the way to the page carries, bit/s
  window.WebSocket = class extends WebSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "line") told = message.bps;
      });
    }
  };

  let noted = { looks: [], frames: {}, reports: [] };
  const epoch = performance.timeOrigin;
  const canvas = new OffscreenCanvas(bits * 8, 8);
  const pen = canvas.getContext("2d", { willReadFrequently: true });

  const read = (video) => {
    const [w, h] = [video.videoWidth, video.videoHeight];
    const middle = h * (area.top + area.height / 2);
    pen.drawImage(video, w * area.left, middle - h * 0.03, w * area.width, h * 0.06, 0, 0, bits * 8, 8);
    const { data } = pen.getImageData(0, 4, bits * 8, 1);
    let n = 0;
    for (let bit = 0; bit < bits; bit++) n = (n << 1) | (data[(bit * 8 + 4) * 4 + 1] >= 128 ? 1 : 0);
    return n;
  };

  const seen = new WeakSet();
  const look = () => {
    for (const video of document.querySelectorAll('[data-testid="picture"]')) {
      if (seen.has(video)) continue;
      seen.add(video);
      const next = (now) => {
        video.requestVideoFrameCallback(next);
        const person = video.closest("[data-person]")?.dataset.person;
        if (person && video.videoWidth) (noted.frames[person] ??= []).push([epoch + now, read(video), video.videoHeight]);
      };
      video.requestVideoFrameCallback(next);
    }
  };

  let context, sink;
  const heard = new WeakSet();
  const hear = () => {
    for (const { srcObject } of document.querySelectorAll("audio")) {
      if (!sink || !srcObject?.getAudioTracks?.().length || heard.has(srcObject)) continue;
      heard.add(srcObject);
      context.createMediaStreamSource(srcObject).connect(sink);
    }
  };

  const sum = (into, key, value) => (into[key] = (into[key] ?? 0) + (value ?? 0));
  const report = async () => {
    const now = { at: Date.now(), offers: [...offers], told };
    for (const connection of connections) {
      if (connection.connectionState === "closed") continue;
      const parts = await connection.getStats().catch(() => new Map());
      // The way down has an estimate of what goes up it too: as it was at the start.
      const sends = [...parts.values()].some((part) => part.type === "outbound-rtp" && part.bytesSent);
      const carrying = new Set([...parts.values()].map((part) => part.selectedCandidatePairId).filter(Boolean));
      for (const part of parts.values()) {
        if (part.type === "inbound-rtp" && part.kind === "audio" && part.packetsReceived) {
          sum(now, "samples", part.totalSamplesReceived);
          sum(now, "concealed", (part.concealedSamples ?? 0) - (part.silentConcealedSamples ?? 0));
        }
        if (part.type === "inbound-rtp" && part.kind === "video" && part.framesDecoded) {
          sum(now, "freezes", part.freezeCount);
          sum(now, "frozen", part.totalFreezesDuration);
          sum(now, "decoded", part.framesDecoded);
        }
        if (part.type === "outbound-rtp" && part.kind === "video" && part.frameHeight) now.sentHeight = Math.max(now.sentHeight ?? 0, part.frameHeight);
        if (part.type === "transport") {
          sum(now, "received", part.bytesReceived);
          sum(now, "sent", part.bytesSent);
        }
        // Its state says nothing: it is "in-progress" whenever a check is on its way.
        if (carrying.has(part.id) && part.bytesSent) {
          const remote = parts.get(part.remoteCandidateId);
          const local = parts.get(part.localCandidateId);
          now.path = `${local?.candidateType === "relay" ? `relay ${local.relayProtocol}` : (remote?.protocol ?? "?")}${remote?.address?.includes(":") ? " IPv6" : ""}`;
          if (sends && part.availableOutgoingBitrate) now.estimate = part.availableOutgoingBitrate;
        }
      }
    }
    noted.reports.push(now);
  };

  window.watch = {
    async begin() {
      context = new AudioContext();
      await context.resume();
      const code = new Blob([`(${source})(${JSON.stringify(tones)}, ${samples})`], { type: "text/javascript" });
      await context.audioWorklet.addModule(URL.createObjectURL(code));
      sink = new AudioWorkletNode(context, "listener", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      // The worklet's clock begins with the context; the fastest message tells where on ours.
      let offset = Infinity;
      sink.port.onmessage = ({ data: [at, ...levels] }) => {
        offset = Math.min(offset, Date.now() - at * 1000);
        noted.looks.push([at * 1000 + offset, ...levels]);
      };
      setInterval(() => (look(), hear()), 20);
      const again = async () => {
        await report();
        setTimeout(again, 500);
      };
      again();
    },
    async take() {
      await report();
      const taken = noted;
      noted = { looks: [], frames: {}, reports: [] };
      return taken;
    },
  };
}

/** For page.evaluateOnNewDocument(). */
export const watcher = (tones, area, bits) => [watch, tones, area, bits, LOOK_SAMPLES, listener.toString()];
