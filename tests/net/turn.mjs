// SPDX-License-Identifier: Apache-2.0
// The court's TURN server in the server's network, on an address of its own: pages come to SERVER's port 443.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { top } from "../system/lib/stack.mjs";
import { Turn } from "../system/lib/turn.mjs";
import { SERVER, command } from "./line.mjs";

export const RELAY = "10.50.0.9";

/** Running on TCP 443 with a certificate made in `dir`, relaying to `peers` alone. Gives the server, whose `env`
 * signaling wants, and the file with the authority that browsers must trust. */
export async function openTurn(dir, peers = [SERVER]) {
  await command(null, "ip", ["addr", "add", `${RELAY}/32`, "dev", "lo"]);
  const turn = await Turn.prepare({ name: RELAY, port: 443 });
  const tls = join(dir, "tls");
  await promisify(execFile)("bash", ["-c", 'top=$1; . "$top/deploy/lib/setup.sh"; . "$top/deploy/lib/certificate.sh"; certificate_ensure "$2" "$3"', "bash", top, tls, RELAY]);
  await turn.start(tls, [RELAY], peers, RELAY);
  return { turn, authority: join(tls, "ca.pem") };
}
