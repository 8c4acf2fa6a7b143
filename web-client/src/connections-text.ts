// SPDX-License-Identifier: Apache-2.0
/** The words of everybody's connection, loaded with it. `Words` is the English dictionary's shape: tsc refuses a missing key. */
import type { Finding, Mark } from "./figures.ts";
import type { Language } from "./text.ts";

const en = {
  none: "Nothing is known of any connection yet.",
  noneKept: "Nothing was kept of any connection in this hearing.",
  intro: "What each person's connection is like, and what it was like. It is kept as evidence with the journal.",
  keptIntro: "What each person's connection was like. The journal vouches for these figures.",
  failed: "The figures could not be loaded.",
  again: "Try again",
  loading: "Loading the figures…",
  download: "Download all figures",
  summary: (people: number, bad: number) =>
    bad === 0 ? `Connections: ${people}. All are good.` : `Connections: ${people}. With trouble: ${bad}.`,
  marks: { good: "Good", poor: "Poor", bad: "Very poor", cut: "Cut off", unknown: "Not known yet" } satisfies { [mark in Mark]: string },
  away: "Not connected",
  stale: "No news for a while",
  worst: (words: string) => `At worst: ${words}`,
  finding: {
    cut: () => "Nothing comes from this connection any more.",
    silent: () => "The microphone is on, but nothing arrives: cannot be heard.",
    losesUp: (n: number) => `We miss ${percent("en", n)} of what they send: they are hard to hear.`,
    losesDown: (n: number) => `They miss ${percent("en", n)} of what we send: they hear others badly.`,
    late: (n: number) => `Answers come late: ${n} ms there and back.`,
    slow: (n: number) => `The line is slow: ${rate("en", n)} to them.`,
    held: (n: number) => (n === 1 ? "One picture is held back: the line does not carry it." : `${n} pictures are held back: the line does not carry them.`),
    soundOnly: () => "Sound only, by their own choice.",
    thinLine: () => "Their picture is not sent: their line carries sound alone.",
    overloaded: () => "Their device is overloaded.",
    relay: () => "Comes through a relay.",
    tcp: () => "Comes over TCP: UDP does not get through.",
  } satisfies { [kind in Finding["kind"]]: (n: number) => string },
  details: (name: string) => `Figures and graphs: ${name}`,
  detailsShort: "Figures and graphs",
  from: "From them",
  to: "To them",
  rate: "Bit rate",
  loss: "Loss",
  jitter: "Jitter",
  picture: "Highest",
  layers: "layers",
  pictures: "Pictures",
  heldBack: "held back",
  rtt: "There and back",
  estimate: "The line carries",
  path: "Way",
  paths: {
    udp: "UDP", udp6: "UDP, IPv6", tcp: "TCP", tcp6: "TCP, IPv6",
    "relay-udp": "relay, UDP", "relay-tcp": "relay, TCP", "relay-tls": "relay, TLS",
  } as { readonly [path: string]: string },
  microphone: "Microphone",
  microphones: { off: "off", on: "arrives", silent: "on, nothing arrives", private: "in a private room" },
  unknown: "not known",
  lossGraph: "Loss",
  rateGraph: "Bit rate",
  said: (what: string, from: string, to: string, fromMost: string, toMost: string) =>
    `${what}, ${from} to ${to}. From them at most ${fromMost}, to them at most ${toMost}.`,
  table: "As a table",
  time: "Time",
  state: "Connection",
  colon: ": ",
};

export type Words = typeof en;

const zh: Words = {
  none: "尚无任何人的网络情况。",
  noneKept: "本次庭审没有保存任何人的网络情况。",
  intro: "每个人现在和之前的网络情况，作为证据与庭审日志一并保存。",
  keptIntro: "庭审期间每个人的网络情况，由庭审日志作证。",
  failed: "无法加载网络数据。",
  again: "重试",
  loading: "正在加载网络数据…",
  download: "下载全部数据",
  summary: (people, bad) => (bad === 0 ? `共 ${people} 人，网络均良好。` : `共 ${people} 人，${bad} 人网络有问题。`),
  marks: { good: "良好", poor: "较差", bad: "很差", cut: "已中断", unknown: "尚不清楚" },
  away: "未连接",
  stale: "一段时间没有消息",
  worst: (words) => `最差时：${words}`,
  finding: {
    cut: () => "该连接已收不到任何内容。",
    silent: () => "麦克风已打开，但收不到声音：其他人听不到。",
    losesUp: (n) => `对方发来的内容丢失 ${percent("zh-Hans", n)}：其他人听不清对方。`,
    losesDown: (n) => `发给对方的内容丢失 ${percent("zh-Hans", n)}：对方听不清其他人。`,
    late: (n) => `响应较慢：往返 ${n} 毫秒。`,
    slow: (n) => `线路较慢：下行 ${rate("zh-Hans", n)}。`,
    held: (n) => `线路带宽不足，${n} 路画面暂停发送。`,
    soundOnly: () => "对方选择只收声音。",
    thinLine: () => "对方的线路只能传送声音，画面未发送。",
    overloaded: () => "对方的设备负荷过高。",
    relay: () => "经由中继。",
    tcp: () => "经由 TCP：UDP 无法通过。",
  },
  details: (name) => `数据与图表：${name}`,
  detailsShort: "数据与图表",
  from: "对方发来",
  to: "发给对方",
  rate: "码率",
  loss: "丢包",
  jitter: "抖动",
  picture: "最高画面",
  layers: "层",
  pictures: "画面数",
  heldBack: "路暂停",
  rtt: "往返时间",
  estimate: "线路可承载",
  path: "路径",
  paths: {
    udp: "UDP", udp6: "UDP（IPv6）", tcp: "TCP", tcp6: "TCP（IPv6）",
    "relay-udp": "中继（UDP）", "relay-tcp": "中继（TCP）", "relay-tls": "中继（TLS）",
  },
  microphone: "麦克风",
  microphones: { off: "关闭", on: "声音正常到达", silent: "已打开，但收不到", private: "正在单独会谈" },
  unknown: "不清楚",
  lossGraph: "丢包",
  rateGraph: "码率",
  said: (what, from, to, fromMost, toMost) => `${what}，${from} 至 ${to}。对方发来最高 ${fromMost}，发给对方最高 ${toMost}。`,
  table: "以表格显示",
  time: "时间",
  state: "网络",
  colon: "：",
};

export function wordsIn(language: Language): Words {
  return language === "zh-Hans" ? zh : en;
}

function locale(language: Language): string {
  return language === "zh-Hans" ? "zh-CN" : "en-GB";
}

export function percent(language: Language, n: number): string {
  return new Intl.NumberFormat(locale(language), { style: "percent", maximumFractionDigits: n < 10 ? 1 : 0 }).format(n / 100);
}

/** 380000 is 380 kbit/s. */
export function rate(language: Language, bps: number): string {
  const whole = bps < 1_000_000;
  const number = new Intl.NumberFormat(locale(language), { maximumFractionDigits: whole ? 0 : 1 }).format(bps / (whole ? 1000 : 1_000_000));
  return `${number} ${whole ? "kbit/s" : "Mbit/s"}`;
}

/** With seconds: a moment of bad sound is short. */
export function moment(language: Language, ms: number): string {
  return new Intl.DateTimeFormat(locale(language), { timeStyle: "medium" }).format(ms);
}
