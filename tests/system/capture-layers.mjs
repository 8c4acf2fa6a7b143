// SPDX-License-Identifier: Apache-2.0
// Writes what Chromium sends of a camera in spatial layers (VP9), packet by packet, into the file named,
// for tests/unit/recorder (the form: layers.h there). Run by hand, when browsers send otherwise than they
// did: node tests/system/capture-layers.mjs tests/unit/recorder/layers-change.vp9
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

/** Runs in the page, which sends to itself: a counter that a machine can read, as in tests/unit/recorder/simulate.c.
 * At first the line is taken for slow, and two layers are all; then come three; the best is left out, with no key
 * picture, for want of rate; then other layers, whose frames take their sizes from others. */
async function send() {
  const WIDTH = 960, HEIGHT = 540, BITS = 16;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d");
  let number = 0;
  const draw = () => {
    number++;
    context.fillStyle = "#555";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (let bit = 0; bit < BITS; bit++) {
      context.fillStyle = number >> (BITS - 1 - bit) & 1 ? "#fff" : "#000";
      context.fillRect(bit * WIDTH / BITS, 0, WIDTH / BITS, HEIGHT / 4);
    }
    for (let x = 0; x < WIDTH; x += 8) { // what a smaller layer cannot show
      context.fillStyle = "#aaa";
      context.fillRect(x, HEIGHT * 3 / 4, 2, HEIGHT / 8);
    }
  };
  draw();
  setInterval(draw, 100);
  const [track] = canvas.captureStream(10).getVideoTracks();
  const from = new RTCPeerConnection(), to = new RTCPeerConnection();
  from.onicecandidate = ({ candidate }) => to.addIceCandidate(candidate);
  to.onicecandidate = ({ candidate }) => from.addIceCandidate(candidate);
  const video = from.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ scalabilityMode: "L3T3_KEY", maxBitrate: 800_000 }] });
  video.setCodecPreferences(RTCRtpReceiver.getCapabilities("video").codecs.filter(({ mimeType, sdpFmtpLine }) => mimeType === "video/VP9" && sdpFmtpLine.includes("profile-id=0")));
  await from.setLocalDescription();
  await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  await from.setRemoteDescription(to.localDescription);

  const sent = async () => [...(await from.getStats()).values()].find(({ type }) => type === "outbound-rtp") ?? { framesEncoded: 0 };
  const until = async (is) => {
    while (!is(await sent())) await new Promise((done) => setTimeout(done, 50));
    return (await sent()).framesEncoded;
  };
  const frames = async (count) => { // of each layer one
    const { framesEncoded } = await sent();
    await until((now) => now.framesEncoded >= framesEncoded + count);
  };
  const change = async (how) => {
    const parameters = video.sender.getParameters();
    Object.assign(parameters.encodings[0], how);
    await video.sender.setParameters(parameters);
  };
  await until(({ frameHeight }) => frameHeight === HEIGHT);
  await frames(3 * 16);
  await change({ maxBitrate: 300_000 });
  await until(({ frameHeight }) => frameHeight < HEIGHT);
  await frames(2 * 8);
  await change({ maxBitrate: 800_000, scalabilityMode: "L3T1_KEY" });
  await until(({ frameHeight }) => frameHeight === HEIGHT);
  await frames(3 * 8);
}

const dir = await mkdtemp(join(tmpdir(), "assize-capture-"));
const browser = await puppeteer.launch({
  browser: "chrome", executablePath: "/usr/bin/chromium", headless: true, userDataDir: dir,
  args: [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--allow-loopback-in-peer-connection",
    // It prints each packet before it is encrypted.
    "--enable-logging=stderr", "--vmodule=*/pc/*=3", "--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/",
  ],
});
let printed = "";
browser.process().stderr.setEncoding("utf8").on("data", (part) => (printed += part));
const page = await browser.newPage();
await page.goto("about:blank");
await page.evaluate(send);
await browser.close();
await rm(dir, { recursive: true, force: true, maxRetries: 5 });

/** Sequence number, ticks, marker and payload (RFC 3550 section 5.1) of one that goes out; null: it is none. */
function packet(line) {
  const [, hex] = /^O \S+ 0+((?: [0-9a-f]{2})+) # ?RTP_DUMP/.exec(line) ?? [];
  if (!hex) return null;
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const type = bytes[1] & 0x7f;
  if (bytes[0] >> 6 !== 2 || (type >= 64 && type <= 95)) return null; // RTCP
  let at = 12 + 4 * (bytes[0] & 0x0f);
  if (bytes[0] & 0x10) at += 4 + 4 * bytes.readUInt16BE(at + 2);
  const payload = bytes.subarray(at, bytes.length - (bytes[0] & 0x20 ? bytes[bytes.length - 1] : 0));
  return { ssrc: bytes.readUInt32BE(8), seq: bytes.readUInt16BE(2), ticks: bytes.readUInt32BE(4), marker: bytes[1] >> 7, payload };
}

const packets = printed.split("\n").map(packet).filter((one) => one);
const own = packets.filter(({ ssrc }) => ssrc === packets[0].ssrc);
await writeFile(process.argv[2], Buffer.concat(own.map(({ seq, ticks, marker, payload }) => {
  const head = Buffer.alloc(9);
  head.writeUInt16BE(seq, 0);
  head.writeUInt32BE(ticks, 2);
  head.writeUInt8(marker, 6);
  head.writeUInt16BE(payload.length, 7);
  return Buffer.concat([head, payload]);
})));
console.log(`${own.length} packets of ${new Set(own.map(({ ticks }) => ticks)).size} pictures`);
