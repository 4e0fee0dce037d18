import { dateOfDayNumber, dayNumber, isIsoDate, weekdayOf } from "../codes/dates.ts";
import { englishFestival } from "./festivals.ts";
import { holidayNotices } from "./holiday-notices.ts";
import type { HolidayNotice } from "./holiday-notices.ts";
import { describeDeadline } from "./describe-deadline.ts";
import type { CalendarDay, DayReason, DeadlineExplanation, SkippedDays } from "./calendar-day.ts";

export interface WorkingCalendar {
  /** Years with a notice, ascending. */
  readonly years: readonly number[];
  /** @throws CalendarYearMissingError */
  dayOf(date: string): CalendarDay;
  /** @throws CalendarYearMissingError */
  isWorkingDay(date: string): boolean;
  /**
   * The n-th working day after a day, counted from the day after it (民法典 art. 201), and how it was counted.
   *
   * @param workingDays a whole number from 1 to 1000.
   * @throws CalendarYearMissingError when a day of a year without a notice would have to be judged.
   */
  addWorkingDays(
    date: string,
    workingDays: number,
  ): { readonly date: string; readonly explanation: DeadlineExplanation };
  /**
   * Working days after `from` up to and including `to`; negative when `to` is earlier. Days left until a deadline.
   *
   * @throws CalendarYearMissingError
   */
  workingDaysBetween(from: string, to: string): number;
}

/** A day of a year for which no notice is known: it is never guessed whether it is worked. */
export class CalendarYearMissingError extends Error {
  readonly code = "calendar.year-missing";
  readonly year: number;
  readonly zh: string;
  readonly nextStep: string;
  readonly nextStepZh: string;
  constructor(year: number, lastYear: number | undefined) {
    const known = lastYear === undefined ? "no year is known" : `the last year known is ${lastYear}`;
    super(`The working-day calendar has no notice of the State Council for ${year} (${known}).`);
    this.name = "CalendarYearMissingError";
    this.year = year;
    this.zh = `工作日历缺少国务院办公厅${year}年节假日安排通知${lastYear === undefined ? "" : `(最近一年为${lastYear}年)`}。`;
    this.nextStep = `Add the notice for ${year} (holiday-cn's ${year}.json) to the configured holiday notices; it is usually published in the November before.`;
    this.nextStepZh = `请在配置中加入${year}年节假日安排通知(holiday-cn 的 ${year}.json);该通知一般于上年11月发布。`;
  }
}

const weekend: DayReason = { kind: "weekend", zh: "周末", en: "weekend" };
const saturday = 5;
const largestCount = 1000;

/** No notice so far has touched a day before 29 December of the year before. */
const isLateDecember = (date: string): boolean => date.slice(5) >= "12-25";

/**
 * A calendar that knows exactly the years of the given notices. Default: those of `standards/data`.
 */
export const createWorkingCalendar = (notices: readonly HolidayNotice[] = holidayNotices): WorkingCalendar => {
  const papersOfYear = new Map(notices.map((notice) => [notice.year, notice.papers]));
  const years = [...papersOfYear.keys()].sort((left, right) => left - right);
  const special = new Map<number, { readonly working: boolean; readonly name: string }>();
  for (const notice of notices) {
    for (const [name, dates] of Object.entries(notice.daysOff)) {
      for (const date of dates) special.set(dayNumber(date), { working: false, name });
    }
    for (const [name, dates] of Object.entries(notice.makeUpDays)) {
      for (const date of dates) special.set(dayNumber(date), { working: true, name });
    }
  }

  const requireDate = (date: string): number => {
    if (!isIsoDate(date)) throw new RangeError(`${date} is not a date YYYY-MM-DD`);
    return dayNumber(date);
  };

  const judge = (day: number): CalendarDay => {
    const date = dateOfDayNumber(day);
    const year = Number(date.slice(0, 4));
    if (!papersOfYear.has(year)) throw new CalendarYearMissingError(year, years.at(-1));
    const isWeekend = weekdayOf(day) >= saturday;
    const entry = special.get(day);
    if (entry === undefined) return isWeekend ? { date, working: false, reason: weekend } : { date, working: true };
    const festival = englishFestival(entry.name);
    if (!entry.working) {
      return { date, working: false, reason: { kind: "festival", zh: entry.name, en: festival } };
    }
    if (!isWeekend) return { date, working: true };
    const reason: DayReason = {
      kind: "make-up",
      zh: `${entry.name}调休上班`,
      en: `worked in exchange for ${festival}`,
    };
    return { date, working: true, reason };
  };

  const noticesBetween = (from: string, to: string): string[] =>
    years
      .filter((year) => year >= Number(from.slice(0, 4)) && year <= Number(to.slice(0, 4)))
      .flatMap((year) => papersOfYear.get(year) ?? []);

  return {
    years,
    dayOf: (date) => judge(requireDate(date)),
    isWorkingDay: (date) => judge(requireDate(date)).working,
    addWorkingDays: (date, workingDays) => {
      const start = requireDate(date);
      if (!Number.isInteger(workingDays) || workingDays < 1 || workingDays > largestCount) {
        throw new RangeError(`${workingDays} is not a whole number of working days from 1 to ${largestCount}`);
      }
      const skipped: SkippedDays[] = [];
      const makeUpDays: CalendarDay[] = [];
      let day = start;
      let last: CalendarDay = { date, working: false };
      for (let counted = 0; counted < workingDays;) {
        day++;
        last = judge(day);
        if (last.working) {
          counted++;
          if (last.reason !== undefined) makeUpDays.push(last);
        } else if (last.reason !== undefined) addSkipped(skipped, last.date, last.reason);
      }
      const year = Number(last.date.slice(0, 4));
      const facts = {
        startedOn: date,
        countedFrom: dateOfDayNumber(start + 1),
        workingDays,
        deadline: last.date,
        skipped,
        makeUpDays,
        notices: noticesBetween(dateOfDayNumber(start + 1), last.date),
        mayChange: isLateDecember(last.date) && !papersOfYear.has(year + 1),
      };
      return { date: last.date, explanation: { ...facts, ...describeDeadline(facts) } };
    },
    workingDaysBetween: (from, to) => {
      const [first, end] = [requireDate(from), requireDate(to)];
      const [low, high] = first <= end ? [first, end] : [end, first];
      let count = 0;
      for (let day = low + 1; day <= high; day++) if (judge(day).working) count++;
      return first <= end ? count : -count;
    },
  };
};

const addSkipped = (skipped: SkippedDays[], date: string, reason: DayReason): void => {
  const previous = skipped.at(-1);
  if (previous !== undefined && previous.reason.zh === reason.zh && dayNumber(previous.to) + 1 === dayNumber(date)) {
    skipped[skipped.length - 1] = { ...previous, to: date, days: previous.days + 1 };
  } else skipped.push({ from: date, to: date, days: 1, reason });
};
