// SPDX-License-Identifier: Apache-2.0
// Reads a tape by recorder/TAPE.md, no more of it than tests want: what RTP came, when.
import { readFile } from "node:fs/promises";

const SEGMENT_HEADER = 128;
const BLOCK_HEADER = 48;
const BLOCK_HASH = 32;
const RECORD_HEADER = 36;
const RECORD_CRC = 4;
const RTP = 1;
const RTP_REPAIRED = 2;
const TRACK = 4;
const PRODUCER = 9;

/** The RTP of one segment by track, in the order of the tracks: [{peer, stream, kind: "audio" | "video",
 * packets: [{seq, wallMs}]}]. */
export async function rtpOf(file) {
  const tape = await readFile(file);
  const wallLessMonotonicUs = tape.readBigUInt64BE(40) - tape.readBigUInt64BE(48);
  const all = [];
  let tracks = new Map();
  for (let at = SEGMENT_HEADER; at + BLOCK_HEADER <= tape.length; ) {
    const length = tape.readUInt32BE(at + 4);
    const end = at + BLOCK_HEADER + length;
    for (let record = at + BLOCK_HEADER; record < end; ) {
      const kind = tape[record + 2];
      const size = tape.readUInt32BE(record + 4);
      const number = tape.readUInt32BE(record + 8);
      const payload = tape.subarray(record + RECORD_HEADER, record + RECORD_HEADER + size);
      if (kind === PRODUCER) tracks = new Map();
      if (kind === TRACK) {
        const [peer, stream] = [payload.toString("hex", 0, 8), payload.toString("hex", 8, 16)];
        // It is told again whenever a reader of the ring begins anew.
        if (tracks.get(number)?.stream !== stream) {
          tracks.set(number, { peer, stream, kind: payload[16] === 0 ? "audio" : "video", packets: [] });
          all.push(tracks.get(number));
        }
      }
      if (kind === RTP || kind === RTP_REPAIRED)
        tracks.get(number)?.packets.push({
          seq: payload.readUInt16BE(2),
          wallMs: Number(tape.readBigUInt64BE(record + 28) + wallLessMonotonicUs) / 1000,
        });
      record += RECORD_HEADER + size + RECORD_CRC;
    }
    at = end + BLOCK_HASH;
  }
  return all;
}

/** How many numbers are missing among packets that arrived in [fromMs, toMs] (wall clock). */
export function missing(packets, fromMs, toMs) {
  const numbers = packets.filter(({ wallMs }) => wallMs >= fromMs && wallMs <= toMs).map(({ seq }) => seq);
  if (numbers.length === 0) return Infinity;
  const [first] = numbers;
  const ahead = numbers.map((seq) => ((seq - first + 0x8000) & 0xffff) - 0x8000);
  return Math.max(...ahead) - Math.min(...ahead) + 1 - new Set(ahead).size;
}
