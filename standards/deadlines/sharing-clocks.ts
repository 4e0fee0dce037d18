/**
 * How long the regulations give for each step of sharing, in working days counted from the day after the event.
 * 政务数据共享条例 (国令809, in force since 2025-08-01) is the default; 国发〔2016〕51号 is kept for cities that still
 * measure by it.
 */
export const clockProfiles = ["regulation-809", "legacy-2016"] as const;
export type ClockProfile = (typeof clockProfiles)[number];

export const defaultClockProfile: ClockProfile = "regulation-809";

export const clockEvents = [
  "reply-unconditional",
  "reply-conditional",
  "reply-extension",
  "provide",
  "correct",
  "update-entry",
  "update-entry-extension",
  "review-entry-change",
] as const;
export type ClockEvent = (typeof clockEvents)[number];

export interface SharingClock {
  readonly profile: ClockProfile;
  readonly event: ClockEvent;
  readonly workingDays: number;
  /** An extension is asked for and consented to, and added to the clock it extends. */
  readonly extends?: ClockEvent;
  readonly article: string;
  readonly zh: string;
  readonly en: string;
}

const regulation = "政务数据共享条例";
const legacy = "国发〔2016〕51号";

export const sharingClocks: readonly SharingClock[] = [
  {
    profile: "regulation-809",
    event: "reply-unconditional",
    workingDays: 1,
    article: `${regulation}第二十一条`,
    zh: "无条件共享类：提供方自收到申请之日起1个工作日内答复",
    en: "Unconditional sharing: the provider replies within 1 working day of receiving the request",
  },
  {
    profile: "regulation-809",
    event: "reply-conditional",
    workingDays: 10,
    article: `${regulation}第二十一条`,
    zh: "有条件共享类：提供方自收到申请之日起10个工作日内答复",
    en: "Conditional sharing: the provider replies within 10 working days of receiving the request",
  },
  {
    profile: "regulation-809",
    event: "reply-extension",
    workingDays: 10,
    extends: "reply-conditional",
    article: `${regulation}第二十一条`,
    zh: "经主管部门同意可延长答复，最长10个工作日，并告知申请方",
    en: "With the authority's consent the reply may be extended by at most 10 working days; the requester is told",
  },
  {
    profile: "regulation-809",
    event: "provide",
    workingDays: 20,
    article: `${regulation}第二十二条`,
    zh: "同意共享后20个工作日内提供",
    en: "Data are provided within 20 working days of consent",
  },
  {
    profile: "regulation-809",
    event: "correct",
    workingDays: 10,
    article: `${regulation}第二十六条`,
    zh: "提供方自收到校核申请之日起10个工作日内核实、校正并反馈",
    en: "The provider verifies, corrects and answers a correction request within 10 working days",
  },
  {
    profile: "regulation-809",
    event: "update-entry",
    workingDays: 10,
    article: `${regulation}第十七条`,
    zh: "法律法规或职责变动后10个工作日内更新目录",
    en: "The catalog is updated within 10 working days of a change of law or duty",
  },
  {
    profile: "regulation-809",
    event: "update-entry-extension",
    workingDays: 5,
    extends: "update-entry",
    article: `${regulation}第十七条`,
    zh: "经主管部门同意，目录更新可延长5个工作日",
    en: "With the authority's consent the update may be extended by 5 working days",
  },
  {
    profile: "regulation-809",
    event: "review-entry-change",
    workingDays: 2,
    article: `${regulation}第十七条`,
    zh: "主管部门2个工作日内审核并发布更新后的目录",
    en: "The authority reviews and publishes an updated entry within 2 working days",
  },
  {
    profile: "legacy-2016",
    event: "reply-conditional",
    workingDays: 10,
    article: legacy,
    zh: "有条件共享类：提供部门10个工作日内答复，不同意的说明理由",
    en: "Conditional sharing: the provider replies within 10 working days, giving reasons for a refusal",
  },
  {
    profile: "legacy-2016",
    event: "update-entry",
    workingDays: 15,
    article: legacy,
    zh: "法律法规修改或职能变化后15个工作日内更新目录",
    en: "The catalog is updated within 15 working days of a change of law or duty",
  },
];

/** The clock for an event; undefined where the profile sets no days (`legacy-2016` sets none for corrections). */
export const findSharingClock = (
  event: ClockEvent,
  profile: ClockProfile = defaultClockProfile,
): SharingClock | undefined => sharingClocks.find((clock) => clock.event === event && clock.profile === profile);

/** How long records of use must be kept, in years (政务数据共享条例 art. 29; 网络数据安全管理条例 art. 12). */
export const useRecordRetentionYears = 3;
