// SPDX-License-Identifier: Apache-2.0
/** The records' HTTP side: a session by cookie, the list, rendering again. */
import { parseRecords } from "./protocol.ts";
import type { RecordEntry } from "./protocol.ts";

export type Listing =
  | { readonly state: "loading" }
  | { readonly state: "refused" }
  | { readonly state: "failed" }
  | { readonly state: "here"; readonly records: readonly RecordEntry[] };

/** Where a file of a record lies. Both parts are checked texts of the server, encoded all the same. */
export function fileAddress(hearing: string, file: string, download = false): string {
  return `/records/${encodeURIComponent(hearing)}/${encodeURIComponent(file)}${download ? "?download" : ""}`;
}

/** Turns the link's secret into a cookie that this page cannot read. Rejects when the network fails. */
export async function openRecordsSession(token: string): Promise<"open" | "refused"> {
  const response = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
    credentials: "same-origin",
  });
  if (response.status === 204 || response.status === 200) return "open";
  if (response.status === 403 || response.status === 401) return "refused";
  throw new Error(`session: ${response.status}`);
}

/** Never rejects: failure is a state to show. */
export async function listRecords(): Promise<Listing> {
  try {
    const response = await fetch("/api/records", { credentials: "same-origin", cache: "no-store" });
    if (response.status === 401 || response.status === 403) return { state: "refused" };
    const records = response.ok ? parseRecords(await response.text()) : null;
    return records ? { state: "here", records } : { state: "failed" };
  } catch {
    return { state: "failed" };
  }
}

export async function renderAgain(hearing: string): Promise<boolean> {
  try {
    const response = await fetch(`/api/records/${encodeURIComponent(hearing)}/render`, {
      method: "POST",
      credentials: "same-origin",
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** While something is being made the list is asked for more often. */
export function askAgainMs(listing: Listing): number {
  const busy = listing.state === "here"
    && listing.records.some((one) => one.state === "sealing" || one.state === "rendering" || one.state === "on" || one.state === "lost");
  return busy ? 2000 : 15000;
}
