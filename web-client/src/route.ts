// SPDX-License-Identifier: Apache-2.0
/** Which page an address means, and the link's secret: out of the address bar at once, kept for this tab only. */

export type Page = "home" | "hearing" | "records";

export interface Route {
  readonly page: Page;
  /** The invitation or records pass; null when the link had none and none was kept. */
  readonly token: string | null;
}

/** The part of Storage used here. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const TOKEN = "assize.token";
const PASS = "assize.pass";
const RESUME = "assize.resume";

export function pageOf(path: string): Page {
  switch (path.replace(/\/+$/, "")) {
    case "/hearing":
      return "hearing";
    case "/records":
      return "records";
    default:
      return "home";
  }
}

/** Takes the token out of the fragment into `keep`; a new hearing token forgets the old one's resume secret. */
export function routeOf(path: string, fragment: string, keep: Keep): Route {
  const page = pageOf(path);
  const given = tokenIn(fragment);
  switch (page) {
    case "home":
      return { page, token: null };
    case "hearing":
      if (given && given !== keep.getItem(TOKEN)) {
        keep.setItem(TOKEN, given);
        keep.removeItem(RESUME);
      }
      return { page, token: keep.getItem(TOKEN) };
    case "records":
      if (given) keep.setItem(PASS, given);
      return { page, token: keep.getItem(PASS) ?? keep.getItem(TOKEN) };
  }
}

/** A token is what base64url and dots can write, of a bearable length; anything else is none. */
export function tokenIn(fragment: string): string | null {
  const token = fragment.replace(/^#/, "");
  return /^[A-Za-z0-9_.~-]{8,4096}$/.test(token) ? token : null;
}

/** A pasted link of ours as a path with its fragment, or null. Links to elsewhere are not followed. */
export function linkOf(pasted: string, origin: string): string | null {
  let url: URL;
  try {
    url = new URL(pasted.trim(), origin);
  } catch {
    return null;
  }
  if (url.origin !== origin || pageOf(url.pathname) === "home" || !tokenIn(url.hash)) return null;
  return `/${pageOf(url.pathname)}${url.hash}`;
}

export function keptResume(keep: Keep): string | null {
  return keep.getItem(RESUME);
}

export function keepResume(keep: Keep, resume: string | null): void {
  if (resume === null) keep.removeItem(RESUME);
  else keep.setItem(RESUME, resume);
}
