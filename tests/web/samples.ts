// SPDX-License-Identifier: Apache-2.0
/** The sample messages of tests/protocol, shared with the C tests. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseServerMessage } from "../../web-client/src/protocol.ts";
import type { ServerMessage } from "../../web-client/src/protocol.ts";

/** Set by web-client/test.mjs. */
declare const SAMPLES: string;

export function sampleNames(): readonly string[] {
  return readdirSync(SAMPLES).filter((name) => name.endsWith(".json"));
}

export function sample(name: string): string {
  return readFileSync(join(SAMPLES, name), "utf8");
}

/** A server message by its sample's name, of the type asked for. */
export function message<T extends ServerMessage["type"]>(name: string, type: T): Extract<ServerMessage, { type: T }> {
  const parsed = parseServerMessage(sample(name));
  if (parsed?.type !== type) throw new Error(`${name} is not a ${type}`);
  return parsed as Extract<ServerMessage, { type: T }>;
}

/** Of a hearing's course: nobody has the floor, the doors are open, no consent is needed. */
export const calm = { floor: null, spotlight: null, inCamera: false, reason: null, consent: false, locked: false, objections: [], holds: false, ruling: null } as const;
