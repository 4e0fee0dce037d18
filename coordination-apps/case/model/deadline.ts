import { addDays } from "../../check/model/period.ts";
import type { BilingualText } from "../../check/model/definition.ts";
import type { Deadline } from "./case.ts";

/** The working days that are known (State Council's yearly notices); undefined for a day of a year without a notice. */
export interface WorkingDayCalendar {
  day(date: string): { working: boolean } | undefined;
}

export interface ComputeDeadlineOptions {
  /** The day of the event; counting starts on the next day. */
  from: string;
  count: number;
  unit: Deadline["unit"];
  what: BilingualText;
  calendar: WorkingDayCalendar;
}

/**
 * A deadline with its explanation. A year whose holiday notice is not known is never guessed at: the deadline stays
 * without a date, says which notice is missing and before which day it certainly is not over.
 */
export function computeDeadline({ from, count, unit, what, calendar }: ComputeDeadlineOptions): Deadline {
  if (unit === "day") {
    const date = addDays(from, count);
    return { from, count, unit, date, explanation: { message: `${what.message}: ${count} days counted from the day after ${from}; due on ${date}.`, zh: `${what.zh}：自 ${from} 次日起计 ${count} 日，截止 ${date}。` } };
  }
  let date = from;
  let skipped = 0;
  for (let counted = 0; counted < count; ) {
    date = addDays(date, 1);
    const day = calendar.day(date);
    if (day === undefined) {
      const year = Number(date.slice(0, 4));
      const notBefore = addDays(date, count - counted - 1);
      return {
        from,
        count,
        unit,
        pendingYear: year,
        explanation: {
          message: `${what.message}: ${count} working days counted from the day after ${from}; the holiday notice for ${year} is not known, so the day cannot be told yet; it is not before ${notBefore}.`,
          zh: `${what.zh}：自 ${from} 次日起计 ${count} 个工作日；${year} 年节假日安排通知尚未导入，暂不能确定截止日，最早不早于 ${notBefore}。`,
        },
      };
    }
    if (day.working) counted += 1;
    else skipped += 1;
  }
  return {
    from,
    count,
    unit,
    date,
    explanation: {
      message: `${what.message}: ${count} working days counted from the day after ${from}, ${skipped} days off skipped; due on ${date}.`,
      zh: `${what.zh}：自 ${from} 次日起计 ${count} 个工作日，跳过休息日 ${skipped} 天，截止 ${date}。`,
    },
  };
}
