// SPDX-License-Identifier: Apache-2.0
/** The records' HTTP side: a session by cookie, the list, rendering again. */
import type { World } from "./connection.ts";
import { parseRecords } from "./protocol.ts";
import type { RecordEntry } from "./protocol.ts";
import type { Keep } from "./route.ts";

export type Listing =
  | { readonly state: "loading" }
  | { readonly state: "refused" }
  | { readonly state: "failed" }
  /** Old: asked for again since, in vain. */
  | { readonly state: "here"; readonly records: readonly RecordEntry[]; readonly isOld: boolean };

/** What became of asking for a recording anew: sealing is not over yet, or nobody could be asked. */
export type Rendering = "started" | "not-yet" | "failed";

/** Why a file is not played or fetched: the link gives no access, it did not come from the server, the browser cannot play it. */
export type Trouble = "refused" | "lost" | "unplayable";

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
      return records ? { state: "here", records, isOld: false } : { state: "failed" };
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

  /** Whether the file at `address` can be had, with our own cookie. Never rejects. */
  async reach(address: string): Promise<"here" | "refused" | "lost"> {
    try {
      const response = await this.ask(address, { method: "HEAD", cache: "no-store" });
      return response === null ? "refused" : response.ok ? "here" : "lost";
    } catch {
      return "lost";
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

/** MediaError's codes (HTML, section 4.8.11.1). */
export const MEDIA_ERR_NETWORK = 2;
const MEDIA_ERR_DECODE = 3;

/** What to do about a player that stopped: its file is loaded again once until it plays, then it is said what is wrong. */
export class Mending {
  private isTried = false;

  constructor(private readonly pass: Pick<Pass, "reach">, private readonly address: string) {}

  /** It plays, or the person asks for it anew: the next error is the first one. */
  renew(): void {
    this.isTried = false;
  }

  /**
   * After an error with MediaError's `code`: whether to load the file again, else what to say. Another window may have
   * taken the cookie, and to the player a refusal looks like a file that it does not know: so the server is asked.
   */
  async broken(code: number): Promise<"again" | Trouble> {
    const reached = await this.pass.reach(this.address);
    if (reached !== "here") return reached;
    // What came and cannot be decoded comes no better the next time.
    if (code === MEDIA_ERR_DECODE || this.isTried) return code === MEDIA_ERR_NETWORK ? "lost" : "unplayable";
    this.isTried = true;
    return "again";
  }
}

/** Between two lists while something is being made, and otherwise. Ours. */
const BUSY_MS = 2000;
const QUIET_MS = 15000;

/** While something is being made the list is asked for more often. */
export function askAgainMs(listing: Listing): number {
  const busy = listing.state === "here"
    && listing.records.some((one) => one.state === "sealing" || one.state === "rendering" || one.state === "on" || one.state === "lost");
  return busy ? BUSY_MS : QUIET_MS;
}

/** What to show after `next`: a list once here stays in sight when the server is away, with what plays in it. */
export function followed(shown: Listing, next: Listing): Listing {
  return next.state === "failed" && shown.state === "here" ? { ...shown, isOld: true } : next;
}

/** The list, asked for from time to time until it is refused or nobody wants it any more. */
export class Watch {
  /** Counts questions, so that the answer to an older one is dropped. */
  private turn = 0;
  private timer: number | undefined;

  constructor(
    private readonly pass: Pick<Pass, "list">,
    private readonly world: Pick<World, "setTimer" | "clearTimer">,
    private readonly told: (listing: Listing) => void,
  ) {}

  /** Asks now, and when `isEager` soon once more. */
  async ask(isEager = false): Promise<void> {
    this.stop();
    const { turn } = this;
    const listing = await this.pass.list();
    if (turn !== this.turn) return;
    this.told(listing);
    if (listing.state === "refused") return;
    this.timer = this.world.setTimer(() => void this.ask(), isEager ? BUSY_MS : askAgainMs(listing));
  }

  stop(): void {
    this.turn += 1;
    if (this.timer !== undefined) this.world.clearTimer(this.timer);
    this.timer = undefined;
  }
}
