import { CalendarYearMissingError, findSharingClock, type CalendarDay, type ClockEvent, type ClockProfile, type SkippedDays, type WorkingCalendar } from "#standards";
import { InputError } from "#platform";

/**
 * Legal clocks by working day. The day of the event is not counted (民法典 art. 201); the deadline is the end of the
 * last working day counted. A year whose holiday notice is not known is never guessed at: the deadline stays open
 * with its reason and with the day before which it certainly is not over.
 */
export const deadlineKinds = ["reply", "provision", "correction"] as const;
export type DeadlineKind = (typeof deadlineKinds)[number];

/** The working days that are known, and a digest of all notices: whether something was computed with another calendar. */
export interface SharingCalendar {
  digest: string;
  calendar: WorkingCalendar;
}

/** How a deadline was counted, or how far it could be. */
export interface StoredExplanation {
  basis: { article: string; zh: string; en: string };
  skipped: readonly SkippedDays[];
  /** Weekend days worked in exchange for a holiday, and counted. */
  makeUpDays: readonly CalendarDay[];
  /** Addresses of the State Council's notices that were used. */
  notices: readonly string[];
  /** Working days that are certain. */
  counted: number;
  /** Next year's notice is not known and may still move the last days of December. */
  mayChange: boolean;
  zh: string;
  en: string;
}

export interface ComputeDeadlineOptions {
  clock: ClockEvent;
  profile: ClockProfile;
  startsOn: string;
  workingDays: number;
  extendedDays: number;
  calendar: WorkingCalendar;
}

export type ComputedDeadline = { explanation: StoredExplanation } & ({ dueOn: string; warnOn: string; missingYear?: undefined } | { dueOn?: undefined; missingYear: number; notBefore: string });

export interface Deadline {
  id: string;
  subjectType: "request" | "correction";
  subjectId: string;
  kind: DeadlineKind;
  /** The clock of the regulation that it runs by. */
  clock: ClockEvent;
  profile: ClockProfile;
  startsOn: string;
  workingDays: number;
  extendedDays: number;
  dueOn?: string;
  warnOn?: string;
  notBefore?: string;
  /** The year whose holiday notice must be imported before the day can be told. */
  missingYear?: number;
  explanation: StoredExplanation;
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

export function computeDeadline({ clock, profile, startsOn, workingDays, extendedDays, calendar }: ComputeDeadlineOptions): ComputedDeadline {
  const total = workingDays + extendedDays;
  if (!Number.isInteger(total) || total < 1 || total > 1000) throw new InputError(`A deadline has 1 to 1000 working days, not ${total}`, { zh: "工作日数应为 1 至 1000" });
  const law = findSharingClock(clock, profile);
  if (law === undefined) throw new Error(`Profile ${profile} has no clock ${clock}`);
  const basis = { article: law.article, zh: law.zh, en: law.en };
  const head = {
    zh: `${law.article}：${law.zh}${extendedDays > 0 ? `；经同意延长 ${extendedDays} 个工作日，共 ${total} 个` : ""}。`,
    en: `${law.article}: ${law.en}${extendedDays > 0 ? `; extended by ${extendedDays} with consent, ${total} in all` : ""}. `,
  };
  try {
    const { date, explanation } = calendar.addWorkingDays(startsOn, total);
    const { skipped, makeUpDays, notices, mayChange, zh, en } = explanation;
    return { dueOn: date, warnOn: calendar.addWorkingDays(startsOn, warningDay(total)).date, explanation: { basis, skipped, makeUpDays, notices, counted: total, mayChange, zh: head.zh + zh, en: head.en + en } };
  } catch (error) {
    if (!(error instanceof CalendarYearMissingError)) throw error;
    return pendingDeadline({ startsOn, total, missingYear: error.year, calendar, basis, head });
  }
}

interface PendingDeadlineOptions {
  startsOn: string;
  total: number;
  missingYear: number;
  calendar: WorkingCalendar;
  basis: { article: string; zh: string; en: string };
  head: { zh: string; en: string };
}

/**
 * Every day of the missing year might be a working day, weekends too, and so might the last days of December, which its
 * notice may exchange (none has yet touched a day before the 29th): no end earlier than `notBefore` is possible.
 */
function pendingDeadline({ startsOn, total, missingYear, calendar, basis, head }: PendingDeadlineOptions): ComputedDeadline {
  const lastKnown = `${missingYear - 1}-12-31`;
  const counted = startsOn < lastKnown ? calendar.workingDaysBetween(startsOn, lastKnown) : 0;
  const settled = `${missingYear - 1}-12-24`;
  const notBefore = startsOn < settled ? addDays(settled, total - calendar.workingDaysBetween(startsOn, settled)) : addDays(startsOn, total);
  return {
    missingYear,
    notBefore,
    explanation: {
      basis,
      skipped: [],
      makeUpDays: [],
      notices: [],
      counted,
      mayChange: true,
      zh: `${head.zh}${missingYear} 年节假日安排通知尚未导入，截止日待定：至 ${lastKnown} 已计 ${counted} 个工作日，最早不早于 ${notBefore}；通知导入后自动重新计算。`,
      en: `${head.en}The holiday notice for ${missingYear} is not imported, so the day cannot be told yet: ${counted} working days until ${lastKnown}, and it is not before ${notBefore}. It is computed again when the notice is imported.`,
    },
  };
}
