// SPDX-License-Identifier: Apache-2.0
/** The records' HTTP side: a session by cookie, the list, rendering again. */
import { parseRecords } from "./protocol.ts";
import type { RecordEntry } from "./protocol.ts";
import type { Keep } from "./route.ts";

export type Listing =
  | { readonly state: "loading" }
  | { readonly state: "refused" }
  | { readonly state: "failed" }
  | { readonly state: "here"; readonly records: readonly RecordEntry[] };

/** What became of asking for a recording anew: sealing is not over yet, or nobody could be asked. */
export type Rendering = "started" | "not-yet" | "failed";

/** Where a file of a record lies. Both parts are checked texts of the server, encoded all the same. */
export function fileAddress(hearing: string, file: string, download = false): string {
  return `/records/${encodeURIComponent(hearing)}/${encodeURIComponent(file)}${download ? "?download" : ""}`;
}

const HOLDER = "assize.records.holder";
/** Another window may take the cookie between our taking it and our asking; so often in a row it does not. Ours. */
const TRIES_MOST = 3;

/**
 * One window's access by its link. The cookie is one for all windows of the browser, and the last link opened has it:
 * so each notes beside it, in storage that they share, that it is theirs, and takes it anew when it is not.
 */
export class Pass {
  private readonly me = String(Math.random());

  /** `shared` is the storage of all windows; null where it is forbidden: the cookie is then taken each time. */
  constructor(private readonly token: string, private readonly shared: Keep | null) {}

  /** Whether the cookie is this window's, as far as is known here. */
  isMine(): boolean {
    return this.shared?.getItem(HOLDER) === this.me;
  }

  /** Turns the link's secret into the cookie, which this page cannot read. Rejects when the network fails. */
  async take(): Promise<"open" | "refused"> {
    const response = await fetch("/api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: this.token }),
      credentials: "same-origin",
    });
    if (response.status === 403 || response.status === 401) return "refused";
    if (response.status !== 204 && response.status !== 200) throw new Error(`session: ${response.status}`);
    this.shared?.setItem(HOLDER, this.me);
    return "open";
  }

  /** Never rejects: failure is a state to show. */
  async list(): Promise<Listing> {
    try {
      const response = await this.ask("/api/records", { cache: "no-store" });
      if (response === null) return { state: "refused" };
      const records = response.ok ? parseRecords(await response.text()) : null;
      return records ? { state: "here", records } : { state: "failed" };
    } catch {
      return { state: "failed" };
    }
  }

  /** Never rejects. */
  async renderAgain(hearing: string): Promise<Rendering> {
    try {
      const response = await this.ask(`/api/records/${encodeURIComponent(hearing)}/render`, { method: "POST" });
      return response?.ok ? "started" : response?.status === 409 ? "not-yet" : "failed";
    } catch {
      return "failed";
    }
  }

  /** Asks with our own cookie: taken again when it was another window's, or its time was over. Null: refused. */
  private async ask(address: string, how: RequestInit): Promise<Response | null> {
    for (let n = 1; ; n++) {
      if (!this.isMine() && (await this.take()) === "refused") return null;
      const response = await fetch(address, { ...how, credentials: "same-origin" });
      const isRefused = response.status === 401 || response.status === 403;
      const isOurs = this.shared === null || this.isMine();
      if (!isRefused && isOurs) return response;
      if (n === TRIES_MOST) return isRefused ? null : response;
      // Our own note says nothing of its time.
      if (isRefused && this.isMine() && (await this.take()) === "refused") return null;
    }
  }
}

/** While something is being made the list is asked for more often. */
export function askAgainMs(listing: Listing): number {
  const busy = listing.state === "here"
    && listing.records.some((one) => one.state === "sealing" || one.state === "rendering" || one.state === "on" || one.state === "lost");
  return busy ? 2000 : 15000;
}
