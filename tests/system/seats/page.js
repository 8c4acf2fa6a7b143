// SPDX-License-Identifier: Apache-2.0
// A page without the hearing's rules around it: the web client's own Media, seats that the test
// fills, and eyes and ears that note when whose picture came and whose tone sounded.
import { Media } from "../../../web-client/src/media.ts";
import { takesRed } from "../../../web-client/src/support.ts";

const FFT = 4096; // 85 ms of sound, bins of 12 Hz: tones 100 Hz apart stand alone
const LISTEN_EVERY_MS = 20;
const SILENCE_DB = -70;

const peer = new URLSearchParams(location.search).get("peer");
const connections = [];
const NativeConnection = window.RTCPeerConnection;
window.RTCPeerConnection = class extends NativeConnection {
  constructor(...args) {
    super(...args);
    connections.push(this);
  }
};

async function request(message) {
  const answer = await (await fetch(`/say?peer=${peer}`, { method: "POST", body: JSON.stringify(message) })).json();
  if (answer.type === "error") throw new Error(`${message.type}: ${JSON.stringify(answer)}`);
  return answer;
}

const listener = { request, onHealth() {}, onHopeless() {} };
let media, joined;
const seats = new Map();

/** `codec`: send video so and in no other codec (and take no seats). */
async function join({ hello, seatCount, codec, red = takesRed() }) {
  const { rtpCapabilities } = await request(hello);
  joined = await request({ type: "join", seats: seatCount, red });
  if (codec) {
    const pick = rtpCapabilities.codecs.find((c) => c.mimeType.toLowerCase() === codec);
    rtpCapabilities.codecs = rtpCapabilities.codecs.filter(
      (c) => c.kind === "audio" || c === pick || c.parameters.apt === pick.preferredPayloadType,
    );
    joined.seats = [];
  }
  media = await Media.open(await Media.prepare(rtpCapabilities), joined, listener);
}

/** `camera`: in place of what Media says of the camera's picture: mediasoup-client's encodings and
 * codecOptions. */
async function publish(sources, camera) {
  const up = media.transports.get("up");
  const produce = up.produce.bind(up);
  if (camera) up.produce = (options) => produce({ ...options, ...(options.appData.source === "camera" ? camera : {}) });
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    video: { width: 640, height: 360 },
  });
  if (sources.includes("microphone")) await media.publish("microphone", stream.getAudioTracks()[0]);
  if (sources.includes("camera")) await media.publish("camera", stream.getVideoTracks()[0]);
}

const sends = (codec) =>
  RTCRtpSender.getCapabilities("video").codecs.some((c) => c.mimeType.toLowerCase() === codec);

/** Reads colour (as u, v) and frame counter of the picture now in `video`. */
function lookAt(video, pen, { counter, bits }) {
  const { width, height } = pen.canvas;
  pen.drawImage(video, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const at = (x, y) => 4 * (Math.round(y) * width + Math.round(x));
  const sum = [0, 0, 0];
  let count = 0;
  for (let y = height * 0.55; y < height * 0.95; y += 2)
    for (let x = width * 0.1; x < width * 0.9; x += 4, count++)
      for (let c = 0; c < 3; c++) sum[c] += data[at(x, y) + c];
  const [r, g, b] = sum.map((s) => s / count);
  let n = 0;
  for (let bit = 0; bit < bits; bit++) {
    const x = width * (counter.left + (counter.width * (bit + 0.5)) / bits);
    n = (n << 1) | (data[at(x, height * (counter.top + counter.height / 2)) + 1] >= 128 ? 1 : 0);
  }
  return { u: 128 - 0.169 * r - 0.331 * g + 0.5 * b, v: 128 + 0.5 * r - 0.419 * g - 0.081 * b, n };
}

/** Plays a seat and notes each frame as [time, source or -1, counter, its RTP
 * timestamp where the browser tells] and the sound every 20 ms as
 * [time, tone or 0, margin over the next tone in dB]. Times are Date.now()'s. */
async function watch(seat, oracle) {
  const { audio, video } = media.seats[seat];
  const note = { frames: [], sounds: [], waiters: new Set() };
  seats.set(seat, note);
  const settle = () => {
    for (const waiter of note.waiters) waiter();
  };

  const element = document.createElement("video");
  element.muted = element.autoplay = element.playsInline = true;
  element.width = 320;
  element.srcObject = new MediaStream([video]);
  document.body.append(element);
  const pen = new OffscreenCanvas(112, 63).getContext("2d", { willReadFrequently: true });
  const onFrame = (_, { rtpTimestamp }) => {
    element.requestVideoFrameCallback(onFrame);
    const { u, v, n } = lookAt(element, pen, oracle);
    const source = oracle.colours.findIndex((c) => Math.abs(c.u - u) < 20 && Math.abs(c.v - v) < 20);
    note.frames.push([Date.now(), source, n, rtpTimestamp]);
    settle();
  };
  element.requestVideoFrameCallback(onFrame);

  // A remote track sounds in an AudioContext only while an element plays it too.
  const keeper = document.createElement("audio");
  keeper.muted = keeper.autoplay = true;
  keeper.srcObject = new MediaStream([audio]);
  document.body.append(keeper);
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: FFT, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(keeper.srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    const levels = oracle.tones
      .map((hertz) => {
        const centre = Math.round((hertz * FFT) / context.sampleRate);
        // Digital silence is -Infinity, of which no difference can be taken.
        return [Math.max(-200, ...bins.slice(centre - 1, centre + 2)), hertz];
      })
      .sort((a, b) => b[0] - a[0]);
    note.sounds.push([Date.now(), levels[0][0] > SILENCE_DB ? levels[0][1] : 0, levels[0][0] - levels[1][0]]);
    settle();
  }, LISTEN_EVERY_MS);
}

/** Waits until `seat` shows `source` and sounds `tone`, `margin` dB over all others, after `since`.
 * Gives when each began, 0 for what had not within `patienceMs`. */
function shows(seat, { source, tone, margin, since, patienceMs }) {
  const note = seats.get(seat);
  return new Promise((done) => {
    const look = (isLate) => {
      const newest = (list, fits) => list.slice(list.findLastIndex(([at]) => at < since) + 1).find(fits)?.[0] ?? 0;
      const picture = newest(note.frames, (f) => f[1] === source);
      const sound = newest(note.sounds, (s) => s[1] === tone && s[2] >= margin);
      if (!(picture && sound) && isLate !== true) return;
      note.waiters.delete(look);
      clearTimeout(timer);
      done({ picture, sound });
    };
    const timer = setTimeout(look, patienceMs, true);
    note.waiters.add(look);
    look();
  });
}

/** What getStats() says of one seat's picture and sound, and the codec of each. */
async function stats(seat) {
  const { audio, video } = joined.seats[seat];
  const found = {};
  for (const connection of connections) {
    const all = await connection.getStats();
    for (const [, report] of all) {
      const kind = [audio, video].find((c) => c.rtpParameters.encodings[0].ssrc === report.ssrc)?.kind;
      if (report.type === "inbound-rtp" && kind)
        found[kind] = { ...report, codec: all.get(report.codecId)?.mimeType.toLowerCase() };
    }
  }
  return found;
}

/** Stops or starts one encoding of the picture this page sends, as a browser does by itself when the
 * link gets poor. */
async function layer(rid, active) {
  for (const sender of connections.flatMap((connection) => connection.getSenders())) {
    const parameters = sender.getParameters();
    const encoding = parameters.encodings.find((e) => e.rid === rid);
    if (!encoding) continue;
    encoding.active = active;
    await sender.setParameters(parameters);
  }
}

/** What getStats() says of each encoding of the picture this page sends, lowest first, and of the
 * rate it thinks it may send at. */
async function sent() {
  const encodings = [];
  let mayBps = 0;
  for (const connection of connections)
    for (const [, report] of await connection.getStats()) {
      if (report.type === "outbound-rtp" && report.kind === "video") encodings.push({ ...report });
      if (report.type === "candidate-pair") mayBps = Math.max(mayBps, report.availableOutgoingBitrate ?? 0);
    }
  return { encodings: encodings.sort((a, b) => (a.rid < b.rid ? -1 : 1)), mayBps };
}

/** What each connection is carried by now: the candidate pair with the most bytes. */
async function paths() {
  const found = [];
  for (const connection of connections) {
    const all = await connection.getStats();
    const pairs = [...all.values()].filter((r) => r.type === "candidate-pair" && (r.selected ?? r.nominated) && r.state === "succeeded");
    const pair = pairs.sort((a, b) => b.bytesSent - a.bytesSent)[0];
    if (!pair) continue;
    const { bytesSent, bytesReceived } = pair;
    found.push({ local: all.get(pair.localCandidateId)?.protocol, remote: all.get(pair.remoteCandidateId)?.protocol, bytesSent, bytesReceived });
  }
  return found;
}

const noted = (seat) => ({ frames: seats.get(seat).frames, sounds: seats.get(seat).sounds });

window.page = { join, publish, layer, sends, sent, watch, shows, stats, paths, noted };
