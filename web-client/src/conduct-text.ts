// SPDX-License-Identifier: Apache-2.0
/** The words of oaths, objections and the court's marks, loaded with them. `Words` is the English dictionary's shape: tsc refuses a missing key. */
import type { Oath, Role, Ruling } from "./protocol.ts";
import type { Language } from "./text.ts";

const en = {
  oathTitle: "The court asks you to tell the truth",
  affirmTitle: "The court asks you to affirm that you tell the truth",
  faithTitle: "The court asks you to interpret faithfully",
  aloud: "Please read these words aloud, so that everybody hears them:",
  oaths: {
    oath: "I swear that the evidence I give is the truth, the whole truth and nothing but the truth.",
    affirmation: "I solemnly, sincerely and truly declare and affirm that the evidence I give is the truth, the whole truth and nothing but the truth.",
  } satisfies { [form in Oath]: string },
  faiths: {
    oath: "I swear that I will interpret faithfully and truly what is said, to the best of my skill.",
    affirmation: "I solemnly, sincerely and truly declare and affirm that I will interpret faithfully and truly what is said, to the best of my skill.",
  } satisfies { [form in Oath]: string },
  said: "I have said these words",
  underOath: "You are under oath. Until the court releases you, only the judge may ask you into another room.",
  bound: "You are sworn as interpreter.",
  states: { asked: "asked to take the oath", sworn: "under oath" },
  objection: (name: string) => `Objection by ${name}.`,
  ownObjection: "You have objected. Please wait for the judge.",
  sustain: "Sustained",
  overrule: "Overruled",
  withdraw: "Withdraw",
  held: "Your microphone is closed until the judge has decided. Please wait and do not answer.",
  ruled: (number: number, ruling: Ruling) => `Objection ${number}: ${en.rulings[ruling]}.`,
  rulings: { sustained: "sustained", overruled: "overruled", withdrawn: "withdrawn" } as { readonly [ruling in Ruling]: string },
  somebody: "somebody",
  swear: "Take the oath",
  affirm: "Affirm",
  release: "Release from the oath",
  takeBack: "Take back the oath",
  spotlight: "Show large to everybody",
  spotlightEnd: "No longer show large",
  lock: "Lock the room",
  lockedNote: "The room is locked: nobody new can come in.",
  mark: "Mark this moment",
  markWords: "What happens now",
  markSend: "Mark",
  marked: (time: string) => `Marked at ${time}.`,
  removeReason: "Reason, for the record (may be left empty)",
};

export type Words = typeof en;

const zh: Words = {
  oathTitle: "法庭要求您宣誓如实作证",
  affirmTitle: "法庭要求您郑重声明如实作证",
  faithTitle: "法庭要求您保证忠实翻译",
  aloud: "请大声朗读以下内容，让所有人听到：",
  oaths: {
    oath: "我宣誓：我将如实陈述，所作证言全部属实，绝无隐瞒和虚假；如作伪证，愿意承担法律责任。",
    affirmation: "我郑重声明：我将如实陈述，所作证言全部属实，绝无隐瞒和虚假；如作伪证，愿意承担法律责任。",
  },
  faiths: {
    oath: "我宣誓：我将尽自己所能，忠实、准确地翻译庭上所说的内容；如故意错译，愿意承担法律责任。",
    affirmation: "我郑重声明：我将尽自己所能，忠实、准确地翻译庭上所说的内容；如故意错译，愿意承担法律责任。",
  },
  said: "我已朗读以上内容",
  underOath: "您已宣誓。在法庭解除之前，只有法官可以请您进入其他房间。",
  bound: "您已作为翻译宣誓。",
  states: { asked: "已要求宣誓", sworn: "已宣誓" },
  objection: (name) => `${name} 提出异议。`,
  ownObjection: "您已提出异议，请等待法官裁定。",
  sustain: "异议成立",
  overrule: "异议驳回",
  withdraw: "撤回异议",
  held: "法官裁定之前，您的麦克风已关闭。请稍候，不要回答。",
  ruled: (number, ruling) => `第 ${number} 项异议：${zh.rulings[ruling]}。`,
  rulings: { sustained: "成立", overruled: "驳回", withdrawn: "已撤回" },
  somebody: "有人",
  swear: "要求宣誓",
  affirm: "要求郑重声明",
  release: "解除宣誓约束",
  takeBack: "收回宣誓要求",
  spotlight: "向所有人放大显示",
  spotlightEnd: "不再放大显示",
  lock: "锁定法庭",
  lockedNote: "法庭已锁定：新的人员不能进入。",
  mark: "标记此刻",
  markWords: "此刻发生的事",
  markSend: "标记",
  marked: (time) => `已在 ${time} 标记。`,
  removeReason: "理由，将写入记录（可不填）",
};

export function wordsIn(language: Language): Words {
  return language === "zh-Hans" ? zh : en;
}

/** With seconds: a mark is of one. */
export function timeOf(language: Language, ms: number): string {
  return new Intl.DateTimeFormat(language === "zh-Hans" ? "zh-CN" : "en-GB", { timeStyle: "medium" }).format(ms);
}

/** What is to be read aloud. */
export function oathFor(words: Words, role: Role, form: Oath): { readonly title: string; readonly text: string } {
  if (role === "interpreter") return { title: words.faithTitle, text: words.faiths[form] };
  return { title: form === "oath" ? words.oathTitle : words.affirmTitle, text: words.oaths[form] };
}
