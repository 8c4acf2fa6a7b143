// SPDX-License-Identifier: Apache-2.0
// A firewall before one page that lets TCP through and swallows every UDP datagram: what the page
// sends to the media core over UDP goes to a socket that never answers, and its TCP connections go
// through a relay that can break them. It needs no right that an ordinary user has not.
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

export class Firewall {
  /** Stands before the media core's `port` of `address`, which is that of UDP and TCP. */
  static async before(address, port) {
    const wall = new Firewall();
    Object.assign(wall, { address, port, swallowed: 0, connections: 0, pairs: new Set(), closed: false });
    wall.hole = createSocket("udp4");
    await new Promise((bound) => wall.hole.bind(0, address, bound));
    wall.hole.on("message", () => wall.swallowed++);
    wall.server = createServer({ noDelay: true }, (page) => wall.#relay(page));
    await new Promise((listens) => wall.server.listen(0, address, listens));
    return wall;
  }

  /** For Browser.open({ prepare }). */
  get prepare() {
    return [divert, this.address, this.port, this.hole.address().port, this.server.address().port];
  }

  #relay(page) {
    if (this.closed) return page.resetAndDestroy();
    this.connections++;
    const core = connect({ host: this.address, port: this.port, noDelay: true });
    const pair = [page, core];
    this.pairs.add(pair);
    for (const [from, to] of [pair, [core, page]]) {
      from.pipe(to);
      from.on("error", () => {}); // told by "close" too
      from.on("close", () => {
        to.destroy();
        this.pairs.delete(pair);
      });
    }
  }

  /** Resets every connection on both sides. */
  reset() {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  close() {
    this.closed = true;
    this.reset();
    this.server.close();
    this.hole.close();
  }
}

/** Runs in the page before anything else. */
function divert(address, port, hole, relay) {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  const candidate = /^a=candidate:(\S+ \d+) (\S+) (\d+) (\S+) (\d+)(.*)\r\n/gm;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(candidate, (line, head, transport, priority, host, at, rest) =>
      host === address && at === String(port)
        ? `a=candidate:${head} ${transport} ${priority} ${host} ${transport.toLowerCase() === "tcp" ? relay : hole}${rest}\r\n`
        : "");
    return setRemoteDescription.call(this, { type: description.type, sdp });
  };
}
