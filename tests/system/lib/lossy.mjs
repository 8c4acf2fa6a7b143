// SPDX-License-Identifier: Apache-2.0
// A poor link between one page and the media core: a relay of datagrams, as a NAT in the way would
// be, that loses as many as it is told to, and lets no more through either way than a slow line would.
// It needs no right that an ordinary user has not.
import { createSocket } from "node:dgram";

const OVERHEAD_BYTES = 28; // of IPv4 and UDP
const QUEUE_MS = 300; // what waits longer does not fit before a slow line

export class LossyLink {
  /** Stands before `port` of `address`; every UDP candidate of that port goes through it. */
  static async to(address, port) {
    const link = new LossyLink();
    // rate: towards the page, rateUp: from it, bit/s; freeAt: of each, when what waits has gone, ms
    Object.assign(link, { loss: 0, rate: Infinity, rateUp: Infinity, freeAt: { down: 0, up: 0 }, address, server: port, passed: 0, lost: 0, beyond: new Map() });
    link.open = true;
    link.front = createSocket("udp4");
    await new Promise((bound) => link.front.bind(0, address, bound));
    link.port = link.front.address().port;
    link.front.on("message", (packet, from) => link.#up(packet, from));
    return link;
  }

  /** For Browser.open({ prepare }): the page is told of the relay instead of the media core. */
  get prepare() {
    return [divert, this.address, this.server, this.port];
  }

  /** Each page's address has a socket of its own towards the media core, as behind a NAT. */
  #up(packet, from) {
    const key = `${from.address}:${from.port}`;
    let socket = this.beyond.get(key);
    if (!socket) {
      socket = createSocket("udp4");
      const own = socket;
      own.on("message", (answer) => this.beyond.get(key) === own && this.#passes() && this.#down(answer, from));
      this.beyond.set(key, socket);
    }
    if (this.#passes()) this.#slowly("up", this.rateUp, packet, () => this.beyond.get(key) === socket && socket.send(packet, this.server, this.address));
  }

  /** As a NAT that was started again: what comes from the page leaves by another port from now on, and
   * nothing comes back by the old ones. */
  forget() {
    for (const socket of this.beyond.values()) socket.close();
    this.beyond.clear();
  }

  #down(packet, to) {
    this.#slowly("down", this.rate, packet, () => this.front.send(packet, to.port, to.address));
  }

  #slowly(way, rate, packet, send) {
    const now = performance.now();
    const gone = Math.max(this.freeAt[way], now) + ((packet.length + OVERHEAD_BYTES) * 8000) / rate;
    if (gone - now > QUEUE_MS) return;
    this.freeAt[way] = gone;
    if (gone - now < 1) send();
    else setTimeout(() => this.open && send(), gone - now);
  }

  #passes() {
    const passes = Math.random() >= this.loss;
    if (passes) this.passed++;
    else this.lost++;
    return passes;
  }

  close() {
    this.open = false;
    this.front.close();
    for (const socket of this.beyond.values()) socket.close();
  }
}

/** Runs in the page before anything else. */
function divert(address, server, port) {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  const candidate = /^a=candidate:(\S+ \d+) (\S+) (\d+) (\S+) (\d+)(.*)\r\n/gm;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(candidate, (line, head, transport, priority, host, at, rest) =>
      host === address && at === String(server) && transport.toLowerCase() === "udp" ? `a=candidate:${head} ${transport} ${priority} ${host} ${port}${rest}\r\n` : "");
    return setRemoteDescription.call(this, { type: description.type, sdp });
  };
}
