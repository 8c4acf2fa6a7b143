// SPDX-License-Identifier: Apache-2.0
// Pictures that look like people before a camera, drawn here so that no outside image is needed.

/** How each looks: `wall` behind, `skin`, `hair` with its `cut`, `coat`, `shirt`, and what some wear. */
export const LOOKS = {
  judge: { wall: ["#6b5138", "#3f2e20"], panels: true, skin: "#8a5a3c", hair: "#7d7a78", cut: "short", coat: "#17171c", shirt: "#f1efe9", bands: true },
  clerk: { wall: ["#b9c2c8", "#7f8b93"], skin: "#f0c9ac", hair: "#b98a4e", cut: "long", coat: "#31405c", shirt: "#e9edf2", glasses: true },
  party: { wall: ["#cfc7b6", "#9a917f"], window: true, skin: "#e8bd94", hair: "#1d1a1a", cut: "short", coat: "#4a5560", shirt: "#c9d6e2" },
  other: { wall: ["#a9b7a4", "#6f7f6d"], skin: "#dba982", hair: "#3b2418", cut: "bob", coat: "#7a2f3a", shirt: "#f3ece4" },
  witness: { wall: ["#9fb0c4", "#667a92"], window: true, skin: "#d9b08c", hair: "#5a5450", cut: "receding", coat: "#3d4a3c", shirt: "#d8d2c2", beard: true },
};

/** Runs in a page before anything else: its camera shows a person who moves a little, its microphone
 * speaks when `speaks`. One function, as it is sent to the page whole. */
export function sitForPortrait(look, speaks) {
  const [W, H] = [640, 360];
  const canvas = Object.assign(document.createElement("canvas"), { width: W, height: H });
  const pen = canvas.getContext("2d");
  const shade = (hex, by) => {
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgb(${parts.map((part) => Math.max(0, Math.min(255, Math.round(part * by)))).join()})`;
  };
  const across = (x0, y0, x1, y1, ...stops) => {
    const gradient = pen.createLinearGradient(x0, y0, x1, y1);
    stops.forEach((stop, n) => gradient.addColorStop(n / (stops.length - 1), stop));
    return gradient;
  };
  const round = (x, y, rx, ry, fill) => {
    pen.beginPath();
    pen.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    pen.fillStyle = fill;
    pen.fill();
  };
  const path = (fill, ...points) => {
    pen.beginPath();
    pen.moveTo(...points[0]);
    for (const point of points.slice(1)) {
      if (point.length === 2) pen.lineTo(...point);
      else if (point.length === 4) pen.quadraticCurveTo(...point);
      else pen.bezierCurveTo(...point);
    }
    pen.closePath();
    pen.fillStyle = fill;
    pen.fill();
  };
  const line = (colour, width, from, ...curve) => {
    pen.beginPath();
    pen.moveTo(...from);
    pen.quadraticCurveTo(...curve);
    Object.assign(pen, { strokeStyle: colour, lineWidth: width, lineCap: "round" });
    pen.stroke();
  };

  const room = () => {
    pen.filter = "blur(5px)";
    pen.fillStyle = across(0, 0, W, H, shade(look.wall[0], 1.12), look.wall[0], look.wall[1]);
    pen.fillRect(-20, -20, W + 40, H + 40);
    if (look.panels)
      for (let x = 10; x < W; x += 126) {
        pen.fillStyle = shade(look.wall[1], 0.75);
        pen.fillRect(x, 24, 104, 250);
        pen.fillStyle = shade(look.wall[0], 0.92);
        pen.fillRect(x + 7, 31, 90, 236);
      }
    if (look.window) {
      pen.fillStyle = across(430, 0, 640, 200, "#f4f1e6", "#dbe4ea");
      pen.fillRect(470, -10, 130, 190);
      pen.fillStyle = shade(look.wall[0], 0.9);
      pen.fillRect(530, -10, 8, 190);
    } else if (!look.panels) {
      pen.fillStyle = shade(look.wall[1], 0.85);
      pen.fillRect(60, 40, 120, 90);
      pen.fillStyle = shade(look.wall[0], 1.05);
      pen.fillRect(68, 48, 104, 74);
    }
    pen.filter = "none";
  };

  const body = () => {
    const dark = shade(look.coat, 0.62);
    path(across(-190, 0, 190, 0, shade(look.coat, 1.25), look.coat, dark),
      [-205, 260], [-200, 130, -150, 108, -62, 88], [-30, 70, 0, 66, 0, 66], [30, 70, 30, 70, 62, 88], [150, 108, 200, 130, 205, 260]);
    path(look.shirt, [-40, 74], [0, 160], [40, 74], [0, 60, -40, 74]);
    path(shade(look.skin, 0.74), [-27, 20], [-29, 70], [0, 104, 29, 70], [27, 20]);
    path(shade(look.coat, 1.12), [-44, 70], [-66, 96], [-10, 200], [4, 190]);
    path(dark, [44, 70], [66, 96], [10, 200], [-4, 190]);
    if (look.bands) {
      path("#fbfaf6", [-19, 86], [-25, 150], [-3, 150], [-1, 90]);
      path("#e4e1d8", [19, 86], [25, 150], [3, 150], [1, 90]);
    }
  };

  const hairBehind = () => {
    const fill = across(-70, 0, 70, 0, shade(look.hair, 1.15), shade(look.hair, 0.7));
    if (look.cut === "long") path(fill, [-60, -40], [-84, 40, -74, 118, -52, 132], [-20, 100, 20, 100, 52, 132], [74, 118, 84, 40, 60, -40]);
    if (look.cut === "bob") path(fill, [-62, -40], [-86, 30, -70, 62, -46, 64], [0, 40, 46, 64], [70, 62, 86, 30, 62, -40]);
  };

  const face = (blink) => {
    const { skin } = look;
    round(-57, 2, 9, 15, shade(skin, 0.9));
    round(57, 2, 9, 15, shade(skin, 0.72));
    path(across(-60, -20, 62, 20, shade(skin, 1.12), skin, shade(skin, 0.76)),
      [0, -78], [-66, -78, -62, 0, -54, 26], [-44, 58, -18, 74, 0, 74], [18, 74, 44, 58, 54, 26], [62, 0, 66, -78, 0, -78]);
    if (look.beard)
      path(shade(look.hair, 0.95), [-54, 10], [-50, 62, -18, 84, 0, 84], [18, 84, 50, 62, 54, 10], [40, 30, 26, 28, 0, 26], [-26, 28, -40, 30, -54, 10]);
    for (const side of [-1, 1]) {
      const x = side * 24;
      line(shade(look.hair, 0.8), 4.5, [x - 13, -20], x, -27, x + 13, -20);
      if (blink) line(shade(skin, 0.55), 2, [x - 9, -3], x, 1, x + 9, -3);
      else {
        round(x, -4, 9.5, 5.2, "#efe9e2");
        round(x, -4, 4.6, 4.9, "#2b1d15");
        line(shade(skin, 0.5), 2, [x - 10, -6], x, -12, x + 10, -6);
      }
    }
    line(shade(skin, 0.72), 3, [5, -2], 11, 20, 1, 24);
    return (open) => {
      round(0, 45, 15, 2.5 + open, shade(skin, look.beard ? 0.5 : 0.58));
      line(shade(skin, 0.66), 2.2, [-16, 44], 0, 41, 16, 44);
    };
  };

  const hairBefore = () => {
    const fill = across(-60, -90, 60, -30, shade(look.hair, 1.3), look.hair, shade(look.hair, 0.72));
    const side = look.cut === "short" ? -14 : 10;
    if (look.cut === "receding")
      path(fill, [-60, -2], [-74, -70, -34, -96, 0, -95], [34, -96, 74, -70, 60, -2], [56, -34, 50, -46, 42, -58], [16, -76, -16, -76, -42, -58], [-50, -46, -56, -34, -60, -2]);
    else
      path(fill, [-61, side], [-78, -66, -40, -104, 4, -102], [48, -102, 78, -66, 61, side], [58, -30, 50, -42, 34, -54], [10, -44, -22, -42, -36, -60], [-48, -48, -57, -30, -61, side]);
    if (!look.glasses) return;
    for (const at of [-24, 24]) {
      pen.beginPath();
      pen.roundRect(at - 18, -17, 36, 27, 10);
      Object.assign(pen, { strokeStyle: "#3a3330", lineWidth: 2.6 });
      pen.stroke();
    }
    line("#3a3330", 2.6, [-6, -6], 0, -10, 6, -6);
  };

  const began = performance.now();
  const draw = () => {
    const t = (performance.now() - began) / 1000 + look.coat.charCodeAt(2);
    room();
    pen.save();
    pen.filter = "blur(0.6px)";
    pen.translate(W / 2 + 4 * Math.sin(t * 0.5), 152 + 1.5 * Math.sin(t * 1.1));
    pen.scale(1.08, 1.08);
    hairBehind();
    body();
    pen.rotate(0.025 * Math.sin(t * 0.7));
    if (look.cut === "long" || look.cut === "bob") pen.translate(0, 1);
    face(t % 4 < 0.15)(speaks ? 3 + 3 * Math.sin(t * 11) : 0);
    hairBefore();
    pen.restore();
    const dusk = pen.createRadialGradient(W / 2, H / 2 - 30, 150, W / 2, H / 2, 420);
    dusk.addColorStop(0, "rgba(0,0,0,0)");
    dusk.addColorStop(1, "rgba(0,0,0,0.35)");
    pen.fillStyle = dusk;
    pen.fillRect(0, 0, W, H);
  };
  draw();
  setInterval(draw, 100);

  const context = new AudioContext();
  const [voice, volume] = [context.createOscillator(), context.createGain()];
  const sink = context.createMediaStreamDestination();
  voice.frequency.value = 180;
  volume.gain.value = speaks ? 0.4 : 0;
  voice.connect(volume).connect(sink);
  voice.start();
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    await context.resume();
    const tracks = [];
    if (audio) tracks.push(sink.stream.getAudioTracks()[0].clone());
    if (video) tracks.push(canvas.captureStream().getVideoTracks()[0]);
    return new MediaStream(tracks);
  };
  return canvas;
}
