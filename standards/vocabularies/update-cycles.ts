import type { UpdateCycle } from "../generated/values.ts";
import { plainWord } from "./normalised.ts";
import type { Normalised } from "./normalised.ts";

/** Words after `每`, `按`, `更新` and the like have been taken off. */
const words: readonly (readonly [UpdateCycle, string])[] = [
  ["realtime", "实时 即时 随时 realtime real-time continuous 1实时 動態 动态"],
  ["daily", "日 天 1日 1天 一日 一天 工作日 逐日 daily"],
  ["weekly", "周 星期 1周 一周 週 1週 weekly"],
  ["monthly", "月 1月 一月 1个月 一个月 月度 逐月 monthly"],
  ["quarterly", "季 季度 1季 一季 3个月 三个月 3月 逐季 quarterly"],
  ["half-yearly", "半年 半年度 6个月 六个月 6月 half-yearly semiannual semi-annual biannual"],
  ["yearly", "年 年度 1年 一年 12个月 逐年 annual annually yearly"],
  ["irregular", "不定期 不定时 不固定 适时 按需 据实 有变化时 变更时 有变动时 不定 asneeded irregular"],
  ["static", "静态 不 不再 一次性 单次 永久 固定 static never none 不会 notupdated notplanned"],
];

/** Cycles between or beyond the nine, and what comes nearest. */
const nearest: readonly (readonly [UpdateCycle, string])[] = [
  ["realtime", "小时 1小时 每小时 分钟 hourly"],
  ["weekly", "半月 旬 两周 双周 10天 15天 biweekly"],
  ["monthly", "两月 双月 2个月 两个月"],
  ["irregular", "其他 其它 other 两年 2年 三年 3年 五年 5年 十年 10年 多年"],
];

const tableOf = (rows: readonly (readonly [UpdateCycle, string])[]): ReadonlyMap<string, UpdateCycle> =>
  new Map(rows.flatMap(([cycle, list]) => list.split(" ").map((word) => [word, cycle] as const)));

const exact = tableOf(words);
const approximate = tableOf(nearest);

/** The codes 1 to 6 of the guide of 2017. */
const guideCodes: Readonly<Record<string, UpdateCycle>> = {
  "1": "realtime",
  "2": "daily",
  "3": "weekly",
  "4": "monthly",
  "5": "quarterly",
  "6": "yearly",
};

/** ISO 8601 repeating durations, as DCAT's accrualPeriodicity writes them. */
const durations: readonly (readonly [days: number, cycle: UpdateCycle])[] = [
  [0.5, "realtime"],
  [1, "daily"],
  [7, "weekly"],
  [31, "monthly"],
  [92, "quarterly"],
  [184, "half-yearly"],
  [366, "yearly"],
];

const daysOfDuration = (text: string): number | undefined => {
  const parts =
    /^r?\/?p(?:([0-9.]+)y)?(?:([0-9.]+)m)?(?:([0-9.]+)w)?(?:([0-9.]+)d)?(?:t(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?)?$/.exec(
      text,
    );
  if (parts === null) return undefined;
  const [years, months, weeks, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return years * 366 + months * 30.6 + weeks * 7 + days + hours / 24 + minutes / 1440 + seconds / 86_400;
};

const exactDurations = /^r?\/?p(?:1y|12m|6m|3m|1m|1w|7d|1d|t1s|t0s)$/;

const ofDuration = (text: string): Normalised<UpdateCycle> | undefined => {
  const days = daysOfDuration(text);
  if (days === undefined) return undefined;
  const cycle = durations.find(([limit]) => days <= limit)?.[1] ?? "irregular";
  return exactDurations.test(text) ? { value: cycle } : { value: cycle, approximate: true };
};

/**
 * The update cycle for what a catalog says, in Chinese (每年, 年, 按年更新, 每1年更新一次, 不定期更新 …), English or as an ISO
 * 8601 duration (R/P1Y). Empty text is unknown.
 */
export const normaliseUpdateCycle = (text: string): Normalised<UpdateCycle> => {
  const word = plainWord(text);
  const guide = guideCodes[word];
  if (guide !== undefined) return { value: guide };
  const duration = ofDuration(word);
  if (duration !== undefined) return duration;
  const stem = word
    .replace(/^(?:更新周期|更新频率|更新頻率)/, "")
    .replace(/(?:更新)?(?:一次|1次)$/, "")
    .replace(/更新$/, "");
  const core = stem.replace(/^(?:按|每隔|每|逐|定期)+/, "");
  const found = exact.get(word) ?? exact.get(stem) ?? exact.get(core);
  if (found !== undefined) return { value: found };
  const near = approximate.get(stem) ?? approximate.get(core);
  return near === undefined ? { unknown: text } : { value: near, approximate: true };
};

/** How each cycle is written here. */
export const updateCycleNames: { readonly [Cycle in UpdateCycle]: { readonly zh: string; readonly en: string } } = {
  realtime: { zh: "实时", en: "real time" },
  daily: { zh: "每日", en: "daily" },
  weekly: { zh: "每周", en: "weekly" },
  monthly: { zh: "每月", en: "monthly" },
  quarterly: { zh: "每季度", en: "quarterly" },
  "half-yearly": { zh: "每半年", en: "half-yearly" },
  yearly: { zh: "每年", en: "yearly" },
  irregular: { zh: "不定期", en: "irregular" },
  static: { zh: "不更新", en: "static" },
};
