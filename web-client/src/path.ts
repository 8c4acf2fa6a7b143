// SPDX-License-Identifier: Apache-2.0
/** Over what sound and pictures go: the word for it, out of a transport's getStats(). */

/** The better first; as in PROTOCOL.md. */
export const PATHS = ["udp", "udp6", "tcp", "tcp6", "relay-udp", "relay-tcp", "relay-tls"] as const;
export type Path = (typeof PATHS)[number];

type Raw = { readonly [key: string]: unknown };

/** null while nothing carries yet. */
export function pathOf(report: Iterable<readonly [string, unknown]>): Path | null {
  const entries = new Map([...report].filter(([, entry]) => typeof entry === "object" && entry !== null)) as
    ReadonlyMap<string, Raw>;
  const pair = selectedOf(entries);
  const local = pair && entries.get(String(pair["localCandidateId"]));
  const remote = pair && entries.get(String(pair["remoteCandidateId"]));
  if (!local || !remote) return null;
  if (local["candidateType"] === "relay") {
    const by = local["relayProtocol"];
    return by === "tls" ? "relay-tls" : by === "tcp" ? "relay-tcp" : "relay-udp";
  }
  // Our own side's address may be hidden; the two are of one kind.
  const six = String(remote["address"] ?? remote["ip"] ?? "").includes(":");
  if (local["protocol"] === "tcp") return six ? "tcp6" : "tcp";
  return six ? "udp6" : "udp";
}

/** The one that comes later in PATHS. */
export function worse(a: Path | null, b: Path | null): Path | null {
  if (!a || !b) return a ?? b;
  return PATHS.indexOf(a) > PATHS.indexOf(b) ? a : b;
}

/** The transport names it; in Firefox the pair itself says so. */
function selectedOf(entries: ReadonlyMap<string, Raw>): Raw | undefined {
  const all = [...entries.values()];
  const transport = all.find((entry) => entry["type"] === "transport" && entry["selectedCandidatePairId"]);
  return transport
    ? entries.get(String(transport["selectedCandidatePairId"]))
    : all.find((entry) => entry["type"] === "candidate-pair" && entry["selected"] === true);
}
