// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Media } from "../../web-client/src/media.ts";
import type { DevicePart } from "../../web-client/src/media.ts";
import type { Answer, Joined, Request, RtpCapabilities, Source } from "../../web-client/src/protocol.ts";
import { sample } from "./samples.ts";

interface FakeTrack {
  enabled: boolean;
}

/** As much of the library as media.ts asks for: what it leaves alone is left alone here too. */
class FakeProducer {
  closed = false;
  paused = false;
  readonly id = "00000000000000c1";
  constructor(readonly track: FakeTrack) {}
  close(): void {
    this.closed = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

const transport = () => ({
  connectionState: "connected",
  on: () => undefined,
  close: () => undefined,
  consume: () => Promise.resolve({ track: {} }),
  produce: ({ track }: { track: FakeTrack }) => Promise.resolve(new FakeProducer(track)),
});

async function open(): Promise<{ media: Media; asked: string[] }> {
  const asked: string[] = [];
  let loads = 0;
  const device = {
    load: () => Promise.resolve(void (loads += 1)), createSendTransport: transport, createRecvTransport: transport,
  };
  const ready = await Media.prepare({} as RtpCapabilities, Promise.resolve(device as unknown as DevicePart));
  assert.equal(loads, 1);
  const media = await Media.open(
    ready, JSON.parse(sample("joined.json")) as Joined,
    {
      request: (request: Request) => {
        asked.push(request.type);
        return Promise.resolve({ type: "ok", id: 1 } as unknown as Answer);
      },
      onHealth: () => undefined,
      onHopeless: () => undefined,
    },
  );
  assert.equal(loads, 1, "what was made ready in the lobby is not made again at the join");
  return { media, asked };
}

/** What is sent as `source`, then held, as in a recess. */
async function held(source: Source): Promise<{ media: Media; asked: string[]; track: FakeTrack }> {
  const { media, asked } = await open();
  const track: FakeTrack = { enabled: true };
  await media.publish(source, track as unknown as MediaStreamTrack);
  await media.hold(source);
  assert.equal(track.enabled, false, "in a recess nothing of it goes out");
  return { media, asked, track };
}

test("sent back to the waiting room in a recess: the camera shows its owner the own picture again", async () => {
  const { media, asked, track } = await held("camera");
  await media.withdraw("camera");
  assert.deepEqual(asked, ["pause", "closeProducer"]);
  assert.equal(track.enabled, true);
});

test("media lost in a recess: the own picture is there as before", async () => {
  const { media, track } = await held("camera");
  media.close();
  assert.equal(track.enabled, true);
});

test("a microphone that is held stays silent when it is given up", async () => {
  const first = await held("microphone");
  await first.media.withdraw("microphone");
  const second = await held("microphone");
  second.media.close();
  assert.deepEqual([first.track.enabled, second.track.enabled], [false, false]);
});
