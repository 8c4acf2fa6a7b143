// SPDX-License-Identifier: Apache-2.0
// Fake devices as files: a steady tone (WAV) and a picture with a frame counter (Y4M), for
// Chromium's --use-file-for-fake-audio-capture and --use-file-for-fake-video-capture.
import { randomFillSync } from "node:crypto";
import { open, writeFile } from "node:fs/promises";

export const WIDTH = 640;
export const HEIGHT = 360;
export const FPS = 20;
/** The counter runs from 0 to FRAMES - 1 and begins anew; one round is FRAMES / FPS seconds. */
export const COUNTER_BITS = 7;
export const FRAMES = 1 << COUNTER_BITS;

/** Where the counter's bits stand, as fractions of the picture: white is 1, black 0, highest bit
 * first. A frame of grey around them tells a picture from a blank one. */
export const COUNTER = { left: 0.08, top: 0.15, width: 0.84, height: 0.25 };

const SNOW_LINES = 8;

/** A steady tone whose file loops without a click: whole periods in ten seconds. */
export async function writeTone(path, hertz, seconds = 10, rate = 48000) {
  const samples = seconds * rate;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    wav.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hertz * i) / rate)), 44 + i * 2);
  }
  await writeFile(path, wav);
}

/** A picture of one colour (`u`, `v`) with the frame counter; `snow` on top makes frames that fill
 * several packets. */
export async function writePicture(path, { u, v }, { snow = false } = {}) {
  const file = await open(path, "w");
  try {
    await file.write(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FPS}:1 Ip A1:1 C420jpeg\n`);
    for (let n = 0; n < FRAMES; n++) {
      const frame = Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 110);
      frame.fill(u, WIDTH * HEIGHT, (WIDTH * HEIGHT * 5) / 4);
      frame.fill(v, (WIDTH * HEIGHT * 5) / 4);
      drawCounter(frame, n);
      if (snow) randomFillSync(frame, 0, WIDTH * SNOW_LINES);
      await file.write("FRAME\n");
      await file.write(frame);
    }
  } finally {
    await file.close();
  }
}

function drawCounter(frame, n) {
  const bitWidth = (WIDTH * COUNTER.width) / COUNTER_BITS;
  const top = Math.round(HEIGHT * COUNTER.top);
  const bottom = Math.round(HEIGHT * (COUNTER.top + COUNTER.height));
  for (let bit = 0; bit < COUNTER_BITS; bit++) {
    const luma = (n >> (COUNTER_BITS - 1 - bit)) & 1 ? 235 : 16;
    const from = Math.round(WIDTH * COUNTER.left + bit * bitWidth);
    const to = Math.round(WIDTH * COUNTER.left + (bit + 1) * bitWidth);
    for (let y = top; y < bottom; y++) frame.fill(luma, y * WIDTH + from, y * WIDTH + to);
  }
}

/** Reads the counter from a plane of luma, or null where the picture shows none. */
export function readCounter(luma, width, height, tile = { x: 0, y: 0, width, height }) {
  let n = 0;
  for (let bit = 0; bit < COUNTER_BITS; bit++) {
    const x = tile.x + tile.width * (COUNTER.left + (COUNTER.width * (bit + 0.5)) / COUNTER_BITS);
    const y = tile.y + tile.height * (COUNTER.top + COUNTER.height / 2);
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++)
      for (let dx = -2; dx <= 2; dx++)
        sum += luma[(Math.round(y) + dy) * width + Math.round(x) + dx];
    const mean = sum / 25;
    if (mean > 70 && mean < 150) return null;
    n = (n << 1) | (mean >= 150 ? 1 : 0);
  }
  return n;
}

/** Runs in a page before anything else: its camera and microphone become a picture that flashes and
 * a tone that swells at the same instant, once a second, so that lip sync can be measured. The
 * camera listens to the very track that is sent and shows what it hears at once: two sources apart
 * (files, or a canvas beside an AudioContext) have a delay between them that would be measured along.
 */
export function flashAndBeep(hertz, area, bits) {
  const width = 640;
  const height = 360;
  const fps = 20;
  const camera = new MediaStreamTrackGenerator({ kind: "video" });
  const pictures = camera.writable.getWriter();

  const picture = (number, white, timestamp) => {
    const bytes = new Uint8Array((width * height * 3) / 2);
    bytes.fill(white ? 235 : 64, 0, width * height);
    bytes.fill(128, width * height);
    const wide = (width * area.width) / bits;
    for (let bit = 0; bit < bits; bit++) {
      const from = Math.round(width * area.left + bit * wide);
      const luma = (number >> (bits - 1 - bit)) & 1 ? 235 : 16;
      for (let y = Math.round(height * area.top); y < height * (area.top + area.height); y++)
        bytes.fill(luma, y * width + from, y * width + Math.round(from + wide));
    }
    return new VideoFrame(bytes, { format: "I420", codedWidth: width, codedHeight: height, timestamp });
  };

  const speak = (context) => {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const sink = context.createMediaStreamDestination();
    tone.frequency.value = hertz;
    volume.gain.value = 0.02;
    tone.connect(volume).connect(sink);
    tone.start();
    for (let second = 1; second < 600; second++) {
      volume.gain.setValueAtTime(0.8, second);
      volume.gain.setValueAtTime(0.02, second + 0.15);
    }
    return sink.stream.getAudioTracks()[0];
  };

  const watch = async (track) => {
    const sounds = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let wasLoud = false;
    let next = 0;
    for (let number = 0; ; ) {
      const { value: data, done } = await sounds.read();
      if (done) return;
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      data.close();
      // The page's clock: the sound's own falls behind it when the processor is short, and the browser
      // follows such a step of a camera's clock over 10 s only.
      const timestamp = Math.round(performance.now() * 1000);
      const loud = samples.some((sample) => Math.abs(sample) > 0.4);
      if (loud === wasLoud && timestamp < next) continue;
      wasLoud = loud;
      next = timestamp + 1e6 / fps;
      pictures.write(picture(number++, loud, timestamp));
    }
  };

  let microphone;
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    if (!microphone) {
      const context = new AudioContext();
      microphone = speak(context);
      await context.resume();
      watch(microphone.clone());
    }
    return new MediaStream([...(audio ? [microphone.clone()] : []), ...(video ? [camera.clone()] : [])]);
  };
}
