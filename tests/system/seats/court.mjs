// SPDX-License-Identifier: Apache-2.0
// The media core alone with pages that speak the page's own protocol to it, and a test that says
// who sits where. See control-bridge.c.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { addresses, build, top, until } from "../lib/stack.mjs";

const HTML = `<!doctype html><meta charset="utf-8"><title>Seats</title><script type="module" src="/page.js"></script>`;

export class Court {
  static async open() {
    const court = new Court();
    court.script = await bundle();
    court.asked = new Map();
    court.streams = new Map(); // what each peer sends: {microphone, camera}
    court.events = [];
    court.requests = 0;
    court.bridge = spawn(join(build, "tests/system/control-bridge"), [join(build, "sfu/assize-sfu"), ...addresses()], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    court.log = "";
    court.bridge.stderr.on("data", (text) => (court.log += text));
    court.ended = new Promise((end) => court.bridge.on("exit", end));
    createInterface({ input: court.bridge.stdout }).on("line", (line) => court.#take(line));
    court.server = createServer((request, response) => court.#serve(request, response));
    await new Promise((ready) => court.server.listen(0, "127.0.0.1", ready));
    court.base = `http://127.0.0.1:${court.server.address().port}`;
    return court;
  }

  /** Of the media core's only worker. */
  async mediaPort() {
    let said;
    await until("the media core names its port", 20, async () => (said = /UDP port (\d+)/.exec(this.log)));
    return Number(said[1]);
  }

  /** Shows streams in a seat; "0" empties it. */
  seat(peer, seat, { audio, video }) {
    this.bridge.stdin.write(`${peer} seat ${seat} audio ${audio}\n${peer} seat ${seat} video ${video}\n`);
  }

  /** Ends everything; gives the bridge's exit status. */
  async close() {
    this.server.closeAllConnections?.();
    this.server.close();
    this.bridge.stdin.end();
    return this.ended;
  }

  #take(line) {
    const space = line.indexOf(" ");
    const peer = line.slice(0, space);
    const message = JSON.parse(line.slice(space + 1));
    const waiting = this.asked.get(message.id);
    this.asked.delete(message.id);
    if (waiting) waiting(message);
    else this.events.push({ peer, at: Date.now(), ...message });
  }

  /** Says a page's message for it; gives the answer. */
  async #say(peer, message) {
    const id = ++this.requests;
    const answer = await new Promise((answered) => {
      this.asked.set(id, answered);
      this.bridge.stdin.write(`${peer} ${JSON.stringify({ ...message, id })}\n`);
    });
    if (answer.type === "produced")
      this.streams.set(peer, { ...this.streams.get(peer), [message.source]: answer.producer });
    return answer;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.base);
    if (url.pathname === "/") return response.setHeader("Content-Type", "text/html").end(HTML);
    if (url.pathname === "/page.js") return response.setHeader("Content-Type", "text/javascript").end(this.script);
    if (url.pathname !== "/say") return response.writeHead(url.pathname === "/favicon.ico" ? 204 : 404).end();
    let body = "";
    for await (const part of request) body += part;
    const answer = await this.#say(url.searchParams.get("peer"), JSON.parse(body));
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
  }
}

/** The page with the web client's own media.ts and packages. */
async function bundle() {
  const esbuild = createRequire(join(top, "web-client/package.json"))("esbuild");
  const result = await esbuild.build({
    entryPoints: [join(top, "tests/system/seats/page.js")],
    nodePaths: [join(top, "web-client/node_modules")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  return result.outputFiles[0].text;
}

/** One page in a browser, a peer of the court. */
export class Seated {
  static async join(court, browser, number, { prepare, ...options } = {}) {
    const seated = new Seated();
    Object.assign(seated, { court, browser, number, peer: `${"0".repeat(15)}${(number + 1).toString(16)}` });
    seated.page = await browser.open(`${court.base}/?peer=${seated.peer}`, prepare ? { prepare } : {});
    await seated.page.waitForFunction(() => window.page);
    const hello = JSON.parse(await readFile(join(top, "tests/protocol/hello.json"), "utf8"));
    await seated.do("join", { hello, seatCount: 3, ...options });
    return seated;
  }

  /** Calls one of the page's functions (page.js). */
  do(name, ...args) {
    return this.page.evaluate((n, a) => window.page[n](...a), name, args);
  }
}
