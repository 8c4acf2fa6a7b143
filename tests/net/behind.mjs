// SPDX-License-Identifier: Apache-2.0
// Run by tests/net/inside. The media core stands behind NAT: it listens on an inner address that no page
// knows, and is reached by a public one that nftables maps to it. The judge comes to that over UDP; the
// party's line passes nothing but TCP 443, where coturn is. Ends without an error once each has heard and
// seen the other and comes by the way that was meant.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Browser, TONES } from "../system/lib/browser.mjs";
import { COUNTER, COUNTER_BITS } from "../system/lib/fakes.mjs";
import { heard, seen, tonesIn } from "../system/lib/oracle.mjs";
import { Person } from "../system/lib/people.mjs";
import { Stack, freePorts, until } from "../system/lib/stack.mjs";
import { Line, SERVER, command, openServer } from "./line.mjs";
import { openTurn } from "./turn.mjs";

const INNER = "10.99.0.1";

/** What a router does before the media core, also for the TURN server, which is inside. */
const nat = (port) => `table ip nat {
  chain prerouting { type nat hook prerouting priority -100; ip daddr ${SERVER} udp dport ${port} counter dnat to ${INNER}; }
  chain output { type nat hook output priority -100; ip daddr ${SERVER} udp dport ${port} counter dnat to ${INNER}; }
}
table ip inner {
  chain input { type filter hook input priority 0; ip daddr ${INNER} ct status dnat accept; ip daddr ${INNER} udp sport != ${port} drop; }
}
`;

/** Kept of each RTCPeerConnection, so that its report can be read. */
function keepConnections() {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...given) {
      super(...given);
      window.connections.push(this);
    }
  };
}

/** The remote addresses of the pairs that carry, and the local candidates' types. */
const carries = (page) => page.evaluate(async () => {
  const ways = [];
  for (const connection of window.connections) {
    const report = await connection.getStats();
    for (const transport of report.values()) {
      if (transport.type !== "transport" || !transport.selectedCandidatePairId) continue;
      const pair = report.get(transport.selectedCandidatePairId);
      const [local, remote] = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)];
      ways.push(`${local.candidateType} ${local.relayProtocol ?? local.protocol} ${remote.address}:${remote.port}`);
    }
  }
  return ways;
});

/** The page sends from its own address, so its side is of the host or, to it, reflexive. */
const MEANT = [
  (way, address) => ["host", "srflx", "prflx"].some((type) => way === `${type} udp ${address}`),
  (way, address) => way === `relay tls ${address}`,
];

/** A browser takes the first way that works, and goes over to the best one. */
async function comeAsMeant(address) {
  let ways;
  await until("each comes as meant", 30, async () => {
    ways = await Promise.all(people.map(({ page }) => carries(page)));
    return ways.every((both, n) => both.length === 2 && both.every((way) => MEANT[n](way, address)));
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(ways)}, not by ${address}`);
  });
}

const dir = await mkdtemp(join(tmpdir(), "assize-behind-"));
const lines = [], browsers = [], people = [];
let stack, turn;

async function arrive(n, invited, trusts) {
  const program = join(dir, `chromium-${n}`);
  await writeFile(program, `#!/bin/sh\nexec nsenter --net=/run/netns/${lines[n].page} /usr/bin/chromium "$@"\n`);
  await chmod(program, 0o755);
  browsers[n] = await Browser.launch("chromium", n, { program, trusts });
  people[n] = await Person.arrive(browsers[n], invited, { prepare: [keepConnections] });
}

async function meets(n, other) {
  await until(`${people[n].name} hears the other`, 30, async () =>
    (tonesIn(await heard(people[n].page, TONES)).get(TONES[other]) ?? 0) >= 30);
  let first;
  await until(`${people[n].name} sees the other move`, 30, async () => {
    const picture = (await seen(people[n].page, COUNTER, COUNTER_BITS))[people[other].id];
    first ??= picture;
    return picture && picture.counter !== first.counter;
  });
}

try {
  await openServer();
  await command(null, "ip", ["addr", "add", `${INNER}/32`, "dev", "lo"]);
  const { turn: server, authority } = await openTurn(dir);
  turn = server;
  const { udp } = await freePorts();
  stack = await Stack.start({
    workers: 1,
    on: [SERVER],
    env: { ...turn.env, ASSIZE_SFU_LISTEN: INNER, ASSIZE_SFU_PUBLIC_ADDRESSES: SERVER, ASSIZE_SFU_UDP_PORT: String(udp) },
  });
  await command(null, "nft", ["-f", "-"], nat(udp));
  for (const n of [1, 2]) lines.push(await Line.open(n));
  await lines[1].set({ block: "all but TCP 443" });

  const hearing = await stack.hearing([{ role: "judge", name: "Judge Okafor" }, { role: "clerk", name: "Clerk Moreau" }]);
  await arrive(0, hearing.people[0], null);
  await arrive(1, hearing.people[1], authority);
  for (const person of people) await person.join();
  await people[0].press("open-hearing");
  await Promise.all([meets(0, 1), meets(1, 0)]);
  await comeAsMeant(`${SERVER}:${udp}`);
} finally {
  for (const browser of browsers) await browser?.close();
  await stack?.stop();
  await turn?.stop();
  for (const line of lines) await line.close();
  await rm(dir, { recursive: true, force: true });
}
