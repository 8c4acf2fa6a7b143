// SPDX-License-Identifier: Apache-2.0
// What a person in a page really hears and sees, measured in that page from the elements that play.

/** Levels in dB of each frequency, per <audio> element of the page that has a stream; `own` tells
 * the margin of its strongest tone of `tones` over the next. */
export async function heard(page, tones) {
  return page.evaluate(async (wanted) => {
    const context = (window.__oracle ??= new AudioContext());
    await context.resume();
    const nodes = (window.__oracleNodes ??= new WeakMap());
    const elements = [...document.querySelectorAll("audio")].filter((a) => a.srcObject?.getAudioTracks().length);
    const analysers = elements.map((element) => {
      const stream = element.srcObject;
      if (!nodes.has(stream)) {
        const analyser = context.createAnalyser();
        analyser.fftSize = 16384;
        analyser.smoothingTimeConstant = 0;
        context.createMediaStreamSource(stream).connect(analyser);
        nodes.set(stream, analyser);
      }
      return nodes.get(stream);
    });
    // The analyser answers with the last 16,384 samples: let a whole window pass first.
    const began = context.currentTime;
    await new Promise((wake) => {
      const look = () => (context.currentTime - began > 0.4 ? wake() : setTimeout(look, 20));
      look();
    });
    return analysers.map((analyser, i) => {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const levels = {};
      for (const hertz of wanted) {
        const centre = Math.round((hertz * analyser.fftSize) / context.sampleRate);
        // Digital silence is -Infinity, which does not survive the way out of the page.
        levels[hertz] = Math.max(-200, ...bins.slice(centre - 2, centre + 3));
      }
      return { seat: elements[i].dataset.seat ?? null, levels };
    });
  }, tones);
}

/** The tones a page hears over all its elements, with the margin over the strongest other tone of
 * the same element, in dB. Digital silence is -200. */
export function tonesIn(heardElements, floorDb = -60) {
  const found = new Map();
  for (const { levels } of heardElements) {
    const sorted = Object.entries(levels).sort((a, b) => b[1] - a[1]);
    const [hertz, level] = sorted[0];
    if (level > floorDb) found.set(Number(hertz), level - sorted[1][1]);
  }
  return found;
}

/** Reads the frame counters of every playing <video> of other people, by person. */
export async function seen(page, counter, bits) {
  return page.evaluate(
    (area, count) => {
      const result = {};
      for (const video of document.querySelectorAll('[data-testid="picture"]')) {
        const person = video.closest("[data-person]")?.dataset.person;
        if (!person || !video.videoWidth) continue;
        const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
        const pen = canvas.getContext("2d", { willReadFrequently: true });
        pen.drawImage(video, 0, 0);
        let n = 0;
        for (let bit = 0; bit < count; bit++) {
          const x = video.videoWidth * (area.left + (area.width * (bit + 0.5)) / count);
          const y = video.videoHeight * (area.top + area.height / 2);
          const pixels = pen.getImageData(x - 2, y - 2, 5, 5).data;
          let sum = 0;
          for (let i = 0; i < pixels.length; i += 4) sum += pixels[i + 1];
          n = (n << 1) | (sum / (pixels.length / 4) >= 128 ? 1 : 0);
        }
        result[person] = { counter: n, frames: video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0, width: video.videoWidth, height: video.videoHeight };
      }
      return result;
    },
    counter,
    bits,
  );
}
