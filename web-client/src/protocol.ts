// SPDX-License-Identifier: Apache-2.0
/** The messages of signaling/PROTOCOL.md: text to a typed message or null. The only file that trusts nothing. */
import { PATHS } from "./path.ts";
import type { Path } from "./path.ts";

export const ROLES = [
  "judge", "clerk", "party", "lawyer", "witness", "interpreter", "expert", "observer", "technician",
] as const;
export type Role = (typeof ROLES)[number];
/** Rooms beside the courtroom: private to those in them, never recorded. */
export const ASIDE = ["consultation", "deliberation", "caucus"] as const;
export type Aside = (typeof ASIDE)[number];
export const ROOMS = ["outside", "waiting", "courtroom", ...ASIDE] as const;
export type Room = (typeof ROOMS)[number];
export const HEARING_STATES = ["scheduled", "waiting", "open", "in-camera", "recess", "suspended", "closed"] as const;
export type HearingState = (typeof HEARING_STATES)[number];
export const RECORD_STATES = [
  "off", "on", "lost", "sealing", "rendering", "ready", "failed",
] as const;
export type RecordState = (typeof RECORD_STATES)[number];
export const ACTIONS = [
  "admit", "dismiss", "mute", "remove", "open", "recess", "resume", "close", "produce", "hand",
  "records", "connections", "consult", "deliberate", "caucus", "call-back", "lock", "floor", "screen", "suspend", "in-camera", "consent",
  "swear", "release", "object", "rule", "lock-room", "mark", "spotlight",
] as const;
export type Action = (typeof ACTIONS)[number];
export const OATHS = ["oath", "affirmation"] as const;
export type Oath = (typeof OATHS)[number];
export const RULINGS = ["sustained", "overruled", "withdrawn"] as const;
export type Ruling = (typeof RULINGS)[number];
export const SOURCES = ["microphone", "camera", "screen"] as const;
export type Source = (typeof SOURCES)[number];
export const ERROR_CODES = [
  "bad-message", "unknown-type", "too-large", "too-fast", "protocol-version", "bad-token",
  "expired-token", "revoked-token", "already-joined", "hello-first", "not-joined", "wrong-state",
  "not-allowed", "not-found", "full", "server-full", "media-unavailable", "unsupported-media", "missing", "room-locked", "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];
export type Switch = "off" | "on";

/** Close codes that mean "do not come back by yourself". */
export const CLOSE_TAKEN_OVER = 4001;
export const CLOSE_REMOVED = 4002;
export const CLOSE_HEARING_CLOSED = 4003;
export const CLOSE_TOKEN = 4004;

/** A decoder gives undefined when the value is not what it should be. */
export type Decoder<T> = (value: unknown) => T | undefined;
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

export const text: Decoder<string> = (v) => (typeof v === "string" ? v : undefined);
const number: Decoder<number> = (v) =>
  typeof v === "number" && Number.isFinite(v) ? v : undefined;
export const count: Decoder<number> = (v) =>
  typeof v === "number" && Number.isSafeInteger(v) && v >= 0 ? v : undefined;
export const truth: Decoder<boolean> = (v) => (typeof v === "boolean" ? v : undefined);
export const hexId: Decoder<string> = (v) =>
  typeof v === "string" && /^[0-9a-f]{16}$/.test(v) ? v : undefined;
/** RFC 3339 UTC to milliseconds since 1970. */
export const instant: Decoder<number> = (v) => {
  if (typeof v !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(v)) return undefined;
  const ms = Date.parse(v);
  return Number.isNaN(ms) ? undefined : ms;
};

export function oneOf<const T extends readonly unknown[]>(...values: T): Decoder<T[number]> {
  return (v) => (values.includes(v) ? (v as T[number]) : undefined);
}

/** What is decoded where it is used (figures.ts), which not every page loads. */
const anything: Decoder<unknown> = (v) => v;

function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (v) => (v === null ? null : decode(v));
}

/** A member that may be absent; absent reads as null. */
export function optional<T>(decode: Decoder<T>): Decoder<T | null> {
  return (v) => (v === undefined || v === null ? null : decode(v));
}

export function list<T>(decode: Decoder<T>): Decoder<readonly T[]> {
  return (v) => {
    if (!Array.isArray(v)) return undefined;
    const items: T[] = [];
    for (const item of v) {
      const decoded = decode(item);
      if (decoded === undefined) return undefined;
      items.push(decoded);
    }
    return items;
  };
}

/** Like list(), but leaves out what it does not know: a newer server may name more. */
function knownOf<T>(decode: Decoder<T>): Decoder<readonly T[]> {
  return (v) =>
    Array.isArray(v) ? v.map(decode).filter((item): item is NonNullable<typeof item> => item !== undefined) : undefined;
}

export function object<S extends { readonly [key: string]: Decoder<unknown> }>(
  shape: S,
): Decoder<{ readonly [K in keyof S]: Decoded<S[K]> }> {
  return (v) => {
    if (typeof v !== "object" || v === null || Array.isArray(v)) return undefined;
    const result: { [key: string]: unknown } = {};
    for (const key of Object.keys(shape)) {
      const member = Object.prototype.hasOwnProperty.call(v, key)
        ? (v as { [key: string]: unknown })[key]
        : undefined;
      const decoded = (shape[key] as Decoder<unknown>)(member);
      if (decoded === undefined) return undefined;
      result[key] = decoded;
    }
    return result as { readonly [K in keyof S]: Decoded<S[K]> };
  };
}

/** Codec parameters: a flat object of texts and numbers. Absent reads as empty. */
const parameters: Decoder<{ [key: string]: string | number }> = (v) => {
  if (v === undefined) return {};
  if (typeof v !== "object" || v === null || Array.isArray(v)) return undefined;
  const result: { [key: string]: string | number } = {};
  for (const [key, value] of Object.entries(v)) {
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    if (key !== "__proto__") result[key] = value;
  }
  return result;
};

const kind = oneOf("audio", "video");
const feedback: Decoder<{ type: string; parameter: string }> = (v) => {
  const decoded = object({ type: text, parameter: optional(text) })(v);
  return decoded && { type: decoded.type, parameter: decoded.parameter ?? "" };
};

const rtpCapabilities = object({
  codecs: list(object({
    kind, mimeType: text, preferredPayloadType: count, clockRate: count, channels: optional(count),
    parameters, rtcpFeedback: list(feedback),
  })),
  headerExtensions: list(object({
    kind, uri: text, preferredId: count,
    direction: optional(oneOf("sendrecv", "sendonly", "recvonly", "inactive")),
  })),
});

/** As RTCPeerConnection takes them; TURN servers alone. */
const iceServers = list(object({ urls: list(text), username: text, credential: text }));
const iceParameters = object({ usernameFragment: text, password: text, iceLite: truth });
const transport = object({
  id: hexId,
  iceParameters,
  iceCandidates: list(object({
    foundation: text, priority: count, address: text, ip: text, protocol: oneOf("udp", "tcp"),
    port: count, type: oneOf("host"), tcpType: optional(oneOf("passive")),
  })),
  dtlsParameters: object({
    role: oneOf("auto"),
    fingerprints: list(object({ algorithm: oneOf("sha-256"), value: text })),
  }),
});

const consumer = object({
  id: text,
  producerId: text,
  kind,
  rtpParameters: object({
    mid: text,
    codecs: list(object({
      mimeType: text, payloadType: count, clockRate: count, channels: optional(count), parameters,
      rtcpFeedback: list(feedback),
    })),
    headerExtensions: list(object({ uri: text, id: count })),
    encodings: list(object({ ssrc: count, rtx: optional(object({ ssrc: count })) })),
    rtcp: object({ cname: text, reducedSize: truth }),
  }),
});

/** A path we do not know reads as none. */
const path: Decoder<Path | null> = (v) => (typeof v === "string" ? (PATHS.find((one) => one === v) ?? null) : undefined);
const person = object({
  person: hexId, name: text, role: oneOf(...ROLES), room: oneOf(...ROOMS), connected: truth,
  microphone: oneOf("off", "on"), camera: oneOf("off", "on"), hand: truth, quality: count,
  path, side: count, number: count, locked: truth, consent: oneOf("none", "given", "withdrawn"),
  oath: nullable(oneOf(...OATHS)), sworn: truth,
});
const ruling = oneOf(...RULINGS);
const course = {
  state: oneOf(...HEARING_STATES), since: instant, openedAt: nullable(instant), floor: nullable(hexId), spotlight: nullable(hexId),
  inCamera: truth, reason: nullable(text), consent: truth, locked: truth,
  objections: list(object({ number: count, by: hexId })), holds: truth, ruling: nullable(object({ number: count, ruling })),
};
const matter = object({
  hearing: hexId, case: text, title: text, court: text, scheduledAt: instant,
  ...course,
});
const record = object({
  state: oneOf(...RECORD_STATES), since: instant, percent: optional(number), reason: optional(text),
});

/** What a hearing needs to be opened, and is not there. */
const missing = object({ judge: truth, record: truth, consent: list(hexId) });

/** `person` receives nothing of `from`. */
const screen = object({ person: hexId, from: hexId, what: oneOf("sound", "picture", "both") });

/** An error code we do not know reads as `internal`. */
const errorCode: Decoder<ErrorCode> = (v) =>
  typeof v === "string" ? (ERROR_CODES.find((code) => code === v) ?? "internal") : undefined;

const answers = {
  welcome: object({
    type: oneOf("welcome"), id: count, protocol: oneOf(1), resume: text, serverTime: instant,
    you: person, may: knownOf(oneOf(...ACTIONS)), media: truth, hearing: matter, record, people: list(person),
    rtpCapabilities,
  }),
  joined: object({
    type: oneOf("joined"), id: count, room: oneOf(...ROOMS), number: count,
    transports: object({ up: transport, down: transport }),
    iceServers,
    seats: list(object({ seat: count, audio: consumer, video: consumer })),
  }),
  ok: object({ type: oneOf("ok"), id: count }),
  iceRestarted: object({ type: oneOf("iceRestarted"), id: count, iceParameters, iceServers }),
  produced: object({ type: oneOf("produced"), id: count, producer: hexId }),
  met: object({ type: oneOf("met"), id: count, number: count }),
  pong: object({ type: oneOf("pong"), id: count, serverTime: instant }),
  error: object({ type: oneOf("error"), id: nullable(count), code: errorCode, detail: text, missing: optional(missing) }),
};

const events = {
  seat: object({
    type: oneOf("seat"), seat: count, person: nullable(hexId), source: oneOf("camera", "screen"),
    audio: truth, video: truth,
  }),
  seatPicture: object({
    type: oneOf("seatPicture"), seat: count, picture: oneOf("shown", "held"), reason: optional(text),
  }),
  layers: object({ type: oneOf("layers"), producer: hexId, received: list(count) }),
  line: object({ type: oneOf("line"), bps: count }),
  connections: object({ type: oneOf("connections"), past: optional(list(anything)), people: list(anything) }),
  speaking: object({ type: oneOf("speaking"), people: list(hexId) }),
  mediaLost: object({ type: oneOf("mediaLost") }),
  person: object({ type: oneOf("person"), person }),
  people: object({ type: oneOf("people"), people: list(person) }),
  gone: object({ type: oneOf("gone"), person: hexId }),
  hearing: object({
    type: oneOf("hearing"), ...course,
  }),
  room: object({ type: oneOf("room"), room: oneOf(...ROOMS), by: nullable(hexId), number: count }),
  asked: object({ type: oneOf("asked"), room: nullable(oneOf(...ASIDE)), number: count, by: nullable(hexId) }),
  screens: object({ type: oneOf("screens"), screens: list(screen) }),
  may: object({ type: oneOf("may"), may: knownOf(oneOf(...ACTIONS)) }),
  record: object({
    type: oneOf("record"), state: oneOf(...RECORD_STATES), since: instant,
    percent: optional(number), reason: optional(text),
  }),
  muted: object({ type: oneOf("muted"), by: nullable(hexId) }),
};

export type Person = Decoded<typeof person>;
export type Missing = Decoded<typeof missing>;
export type Screen = Decoded<typeof screen>;
export type Matter = Decoded<typeof matter>;
export type OnRecord = Decoded<typeof record>;
export type RtpCapabilities = Decoded<typeof rtpCapabilities>;
export type IceServers = Decoded<typeof iceServers>;
export type TransportOffer = Decoded<typeof transport>;
export type ConsumerOffer = Decoded<typeof consumer>;
export type Welcome = Decoded<(typeof answers)["welcome"]>;
export type Joined = Decoded<(typeof answers)["joined"]>;
export type Answer = Decoded<(typeof answers)[keyof typeof answers]>;
export type ServerEvent = Decoded<(typeof events)[keyof typeof events]>;
export type Connections = Extract<ServerEvent, { type: "connections" }>;
export type ServerMessage = Answer | ServerEvent;

const decoders: { readonly [type: string]: Decoder<ServerMessage> } = { ...answers, ...events };

/** Turns one WebSocket text frame into a message, or null if it is not one we know. */
export function parseServerMessage(frame: string): ServerMessage | null {
  const raw = parseJson(frame);
  if (typeof raw !== "object" || raw === null) return null;
  const type = (raw as { type?: unknown }).type;
  if (typeof type !== "string" || !Object.prototype.hasOwnProperty.call(decoders, type)) return null;
  return decoders[type]?.(raw) ?? null;
}

/** Answers carry the request's id (an error may carry null); events have none. */
export function isAnswer(message: ServerMessage): message is Answer {
  return "id" in message;
}

/** What the page may ask; the id is the connection's business. */
export type Request =
  | { type: "hello"; protocol: 1; token: string; resume?: string; takeOver?: true }
  | { type: "join"; seats: number; red: boolean }
  | { type: "connect"; transport: string; dtlsParameters: object }
  | { type: "restartIce"; transport: string }
  | { type: "produce"; source: Source; kind: "audio" | "video"; paused: boolean; rtpParameters: object }
  | { type: "pause"; producer: string; paused: boolean }
  | { type: "closeProducer"; producer: string }
  | { type: "view"; heights: readonly number[] }
  | { type: "soundOnly" | "watchConnections"; on: boolean }
  | { type: "device"; overloaded: boolean; thinLine: boolean }
  | { type: "hand"; up: boolean }
  | { type: "lowerHand" | "admit" | "dismiss" | "mute" | "callBack" | "giveFloor" | "release"; person: string }
  | { type: "remove"; person: string; reason?: string }
  | { type: "meet"; room: Aside; people: readonly string[] }
  | { type: "enter"; number: number }
  | { type: "decline" | "comeBack" | "openFloor" | "muteAll" | "object" }
  | { type: "swear"; person: string; form: Oath }
  | { type: "sworn"; language: "en" | "zh-Hans" }
  | { type: "rule"; number: number; ruling: Ruling }
  | { type: "lockRoom"; on: boolean }
  | { type: "mark"; words: string }
  | { type: "lock" | "spotlight"; person: string; on: boolean }
  | { type: "screen"; person: string; from: string; what: "none" | "sound" | "picture" | "both" }
  | { type: "setState"; state: "open" | "recess" | "suspended" | "closed"; reason?: string }
  | { type: "inCamera"; on: boolean; reason?: string }
  | { type: "consent"; given: boolean }
  | { type: "leave" }
  | { type: "path"; path: Path }
  | { type: "ping" };

export function encodeRequest(id: number, request: Request): string {
  return JSON.stringify({ ...request, id });
}

/** A member that may be absent or, from another server, unknown: both read as null. */
function known<T>(decode: Decoder<T>): Decoder<T | null> {
  return (v) => decode(v) ?? null;
}

const recordFile = object({
  file: text, kind: oneOf("composite", "track"), mime: text, person: optional(hexId),
  name: optional(text), role: known(oneOf(...ROLES)), bytes: count, durationMs: count, sha256: text,
});
const recordEntry = object({
  hearing: hexId, case: text, title: text, court: text, openedAt: optional(instant),
  closedAt: optional(instant), state: oneOf(...RECORD_STATES), percent: optional(number),
  files: knownOf(recordFile), connectionsBytes: optional(count),
});
/** One record that we cannot read keeps nobody from the others. */
const recordList = object({ records: knownOf(recordEntry) });
export type RecordFile = Decoded<typeof recordFile>;
export type RecordEntry = Decoded<typeof recordEntry>;

/** The answer of GET /api/records, or null if it is not one. */
export function parseRecords(body: string): readonly RecordEntry[] | null {
  return recordList(parseJson(body))?.records ?? null;
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
