// SPDX-License-Identifier: Apache-2.0
/** The level of one's own microphone, and two tones to try the speaker with. */

/** From 0 (silence) to 1, about ten times a second, until the returned function is called. */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = window.setInterval(() => {
    if (context.state === "suspended") void context.resume().catch(() => undefined);
    analyser.getFloatTimeDomainData(samples);
    onLevel(levelOf(samples));
  }, 100);
  return () => {
    window.clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}

/** Loudness on a scale the eye takes as even: -60 dBFS and below is 0, full scale is 1. */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let n = 0; n < samples.length; n++) sum += (samples[n] ?? 0) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  const decibels = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}

/** Plays two tones on the chosen speaker. Resolves when they are over; rejects if the browser refuses. */
export async function playTest(speakerId: string | null): Promise<void> {
  const context = new AudioContext();
  try {
    const out = context.createMediaStreamDestination();
    const element = new Audio();
    element.srcObject = out.stream;
    await useSpeaker(element, speakerId);
    await element.play();
    await context.resume();
    const start = context.currentTime + 0.05;
    const last = tone(context, out, 523.25, start + 0.5);
    tone(context, out, 392, start);
    await new Promise<void>((resolve) => { last.onended = () => resolve(); });
    element.srcObject = null;
  } finally {
    void context.close();
  }
}

function tone(context: AudioContext, out: AudioNode, hertz: number, at: number): OscillatorNode {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.25, at + 0.03);
  gain.gain.setValueAtTime(0.25, at + 0.3);
  gain.gain.linearRampToValueAtTime(0, at + 0.45);
  oscillator.connect(gain).connect(out);
  oscillator.start(at);
  oscillator.stop(at + 0.5);
  return oscillator;
}

/** Sends an element's sound to the chosen speaker; where that is impossible it stays on the usual one. */
export async function useSpeaker(element: HTMLMediaElement, speakerId: string | null): Promise<void> {
  const able = element as { setSinkId?: (id: string) => Promise<void> };
  try {
    await able.setSinkId?.(speakerId ?? "");
  } catch {
    // The chosen speaker is gone; the usual one serves.
  }
}
