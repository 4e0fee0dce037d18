import { InputError } from "#platform";

/**
 * Legal clocks by working day. The day of the event is not counted (民法典 art. 201); the deadline is the end of the
 * last working day counted. A year whose holiday notice is not known is never guessed at: the deadline stays open
 * with its reason and with the day before which it certainly is not over.
 */
export const deadlineKinds = ["reply", "provision", "correction"] as const;
export type DeadlineKind = (typeof deadlineKinds)[number];

export interface DeadlineProfile {
  name: string;
  /** Working days; a clock that the profile's law does not set is absent. */
  replyUnconditional?: number;
  replyConditional: number;
  longestExtension: number;
  provision?: number;
  correction?: number;
  basis: Record<DeadlineKind, { zh: string; en: string }>;
}

/** `regulation-809`: 政务数据共享条例 (State Council decree 809, in force since 2025-08-01); `legacy-2016`: 国发〔2016〕51号. */
export const deadlineProfiles = {
  "regulation-809": {
    name: "regulation-809",
    replyUnconditional: 1,
    replyConditional: 10,
    longestExtension: 10,
    provision: 20,
    correction: 10,
    basis: {
      reply: { zh: "《政务数据共享条例》第二十一条", en: "Government Data Sharing Regulation art. 21" },
      provision: { zh: "《政务数据共享条例》第二十二条", en: "Government Data Sharing Regulation art. 22" },
      correction: { zh: "《政务数据共享条例》第二十六条", en: "Government Data Sharing Regulation art. 26" },
    },
  },
  "legacy-2016": {
    name: "legacy-2016",
    replyConditional: 10,
    longestExtension: 0,
    basis: {
      reply: { zh: "国发〔2016〕51号", en: "State Council document 2016 no. 51" },
      provision: { zh: "国发〔2016〕51号", en: "State Council document 2016 no. 51" },
      correction: { zh: "国发〔2016〕51号", en: "State Council document 2016 no. 51" },
    },
  },
} as const satisfies Record<string, DeadlineProfile>;
export type DeadlineProfileName = keyof typeof deadlineProfiles;

export interface CalendarDay {
  working: boolean;
  kind: "weekday" | "weekend" | "holiday" | "made-up";
  /** Of the holiday, also on a weekend worked in its place. */
  name?: string;
}

/** The working days that are known. */
export interface SharingCalendar {
  /** Of all notices: tells whether something was computed with another calendar. */
  digest: string;
  /** Undefined for a day of a year without a notice. */
  day(date: string): CalendarDay | undefined;
}

export interface SkippedDays {
  from: string;
  until: string;
  kind: "weekend" | "holiday";
  name?: string;
}

export interface DeadlineExplanation {
  basis: { zh: string; en: string };
  skipped: SkippedDays[];
  /** Weekends that the notice makes working days, and that were counted. */
  madeUp: { date: string; name?: string }[];
  /** Working days that are certain so far. */
  counted: number;
  zh: string;
  en: string;
}

export interface ComputeDeadlineOptions {
  kind: DeadlineKind;
  startsOn: string;
  workingDays: number;
  extendedDays: number;
  profile: DeadlineProfile;
  calendar: SharingCalendar;
}

export type ComputedDeadline = { explanation: DeadlineExplanation } & ({ dueOn: string; warnOn: string; missingYear?: undefined } | { dueOn?: undefined; missingYear: number; notBefore: string });

export interface Deadline {
  id: string;
  subjectType: "request" | "correction";
  subjectId: string;
  kind: DeadlineKind;
  profile: DeadlineProfileName;
  startsOn: string;
  workingDays: number;
  extendedDays: number;
  dueOn?: string;
  warnOn?: string;
  notBefore?: string;
  /** The year whose holiday notice must be imported before the day can be told. */
  missingYear?: number;
  explanation: DeadlineExplanation;
  calendarDigest: string;
  state: "open" | "met" | "missed" | "cancelled";
  closedOn?: string;
  calendarAskedAt?: Date;
  warnedAt?: Date;
  overdueAt?: Date;
}

const dayMs = 86_400_000;

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
}

/** The calendar day in China (UTC+8, no summer time) at an instant. */
export function localDay(at: Date): string {
  return new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 10);
}

/** After which counted working day a warning is due: with a fifth of the time left. */
const warningDay = (total: number): number => total - Math.floor(total / 5);

export function computeDeadline(options: ComputeDeadlineOptions): ComputedDeadline {
  const { startsOn, calendar, kind, profile } = options;
  const total = options.workingDays + options.extendedDays;
  if (!Number.isInteger(total) || total < 1 || total > 1000) throw new InputError(`A deadline has 1 to 1000 working days, not ${total}`, { zh: "工作日数应为 1 至 1000" });
  const skipped: SkippedDays[] = [];
  const madeUp: DeadlineExplanation["madeUp"] = [];
  let counted = 0;
  let warnOn = startsOn;
  let date = startsOn;
  while (counted < total) {
    date = addDays(date, 1);
    const day = calendar.day(date);
    if (day === undefined) {
      // Every day from here might be a working day, weekends too: no earlier end is possible.
      const notBefore = addDays(date, total - counted - 1);
      const missingYear = Number(date.slice(0, 4));
      return { missingYear, notBefore, explanation: explain({ options, total, skipped, madeUp, counted, end: { missingYear, notBefore }, basis: profile.basis[kind] }) };
    }
    if (day.working) {
      counted += 1;
      if (counted === warningDay(total)) warnOn = date;
      if (day.kind === "made-up") madeUp.push({ date, ...(day.name === undefined ? {} : { name: day.name }) });
    } else addSkipped(skipped, date, day);
  }
  return { dueOn: date, warnOn, explanation: explain({ options, total, skipped, madeUp, counted, end: { dueOn: date }, basis: profile.basis[kind] }) };
}

function addSkipped(skipped: SkippedDays[], date: string, day: CalendarDay): void {
  const kind = day.kind === "holiday" ? "holiday" : "weekend";
  const last = skipped.at(-1);
  if (last !== undefined && last.kind === kind && last.name === day.name && addDays(last.until, 1) === date) last.until = date;
  else skipped.push({ from: date, until: date, kind, ...(day.name === undefined ? {} : { name: day.name }) });
}

interface ExplainOptions {
  options: ComputeDeadlineOptions;
  total: number;
  skipped: SkippedDays[];
  madeUp: DeadlineExplanation["madeUp"];
  counted: number;
  end: { dueOn: string } | { missingYear: number; notBefore: string };
  basis: { zh: string; en: string };
}

function explain({ options, total, skipped, madeUp, counted, end, basis }: ExplainOptions): DeadlineExplanation {
  const { startsOn, workingDays, extendedDays } = options;
  const span = (days: SkippedDays) => (days.from === days.until ? days.from : `${days.from}–${days.until}`);
  const holidays = skipped.filter((days) => days.kind === "holiday");
  const weekendDays = skipped.filter((days) => days.kind === "weekend").reduce((sum, days) => sum + (Date.parse(days.until) - Date.parse(days.from)) / dayMs + 1, 0);
  const zh = [
    `依据${basis.zh},自 ${startsOn} 次日起计 ${total} 个工作日${extendedDays > 0 ? `(${workingDays} 个,经同意延长 ${extendedDays} 个)` : ""}`,
    ...(holidays.length > 0 ? [`跳过节假日:${holidays.map((days) => `${days.name ?? "节假日"} ${span(days)}`).join("、")}`] : []),
    ...(weekendDays > 0 ? [`跳过周末 ${weekendDays} 天`] : []),
    ...(madeUp.length > 0 ? [`计入调休上班日:${madeUp.map((day) => day.date).join("、")}`] : []),
    "dueOn" in end ? `截止 ${end.dueOn}` : `${end.missingYear} 年节假日安排通知尚未导入,暂不能确定截止日;已计 ${counted} 个工作日,最早不早于 ${end.notBefore}`,
  ].join(";");
  const en = [
    `${basis.en}: ${total} working day${total === 1 ? "" : "s"} counted from the day after ${startsOn}${extendedDays > 0 ? ` (${workingDays}, extended by ${extendedDays} with consent)` : ""}`,
    ...(holidays.length > 0 ? [`holidays skipped: ${holidays.map((days) => `${days.name ?? "holiday"} ${span(days)}`).join(", ")}`] : []),
    ...(weekendDays > 0 ? [`${weekendDays} weekend day${weekendDays === 1 ? "" : "s"} skipped`] : []),
    ...(madeUp.length > 0 ? [`worked weekends counted: ${madeUp.map((day) => day.date).join(", ")}`] : []),
    "dueOn" in end ? `due on ${end.dueOn}` : `the holiday notice for ${end.missingYear} is not imported, so the day cannot be told yet; ${counted} working days are certain, and it is not before ${end.notBefore}`,
  ].join("; ");
  return { basis, skipped, madeUp, counted, zh: `${zh}。`, en: `${en}.` };
}
