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
 * a tone that swells at the same instant, once a second, so that lip sync can be measured. Files
 * cannot do that: Chromium starts the file of sound and the file of pictures apart. */
export function flashAndBeep(hertz, area, bits) {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  const sink = context.createMediaStreamDestination();
  tone.frequency.value = hertz;
  volume.gain.value = 0.05;
  tone.connect(volume).connect(sink);
  tone.start();
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const pen = canvas.getContext("2d");
  let planned = 0;
  const draw = () => {
    const now = context.currentTime;
    for (; planned < now + 2; planned++) {
      if (planned < now) continue;
      volume.gain.setValueAtTime(0.8, planned);
      volume.gain.setValueAtTime(0.05, planned + 0.15);
    }
    pen.fillStyle = now % 1 < 0.15 ? "#ffffff" : "#404040";
    pen.fillRect(0, 0, 640, 360);
    const counter = Math.floor(now * 20) % (1 << bits);
    const width = (640 * area.width) / bits;
    for (let bit = 0; bit < bits; bit++) {
      pen.fillStyle = (counter >> (bits - 1 - bit)) & 1 ? "#ffffff" : "#000000";
      pen.fillRect(640 * area.left + bit * width, 360 * area.top, width, 360 * area.height);
    }
  };
  setInterval(draw, 10);
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    await context.resume();
    const tracks = [];
    if (audio) tracks.push(sink.stream.getAudioTracks()[0].clone());
    if (video) tracks.push(canvas.captureStream().getVideoTracks()[0]);
    return new MediaStream(tracks);
  };
}
