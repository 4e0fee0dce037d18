import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedData } from "#test-support";
import { dateOfDayNumber, dayNumber } from "../codes/dates.ts";
import { holidayNotices, parseHolidayNotice } from "./holiday-notices.ts";
import { CalendarYearMissingError, createWorkingCalendar } from "./working-calendar.ts";

const calendar = createWorkingCalendar();
const date = fc
  .integer({ min: dayNumber("2007-01-01"), max: dayNumber("2026-09-01") })
  .map((day) => dateOfDayNumber(day));
const count = fc.integer({ min: 1, max: 40 });
const add = (from: string, days: number): string => calendar.addWorkingDays(from, days).date;

describe("working-day calendar", () => {
  test("it knows the years 2007 to 2026", () => {
    expect(calendar.years).toEqual(Array.from({ length: 20 }, (_, index) => 2007 + index));
  });

  test("weekends and festivals are off, weekend days worked in exchange are not", () => {
    expect(calendar.isWorkingDay("2026-11-20")).toBe(true);
    expect(calendar.dayOf("2026-11-21")).toMatchObject({ working: false, reason: { kind: "weekend" } });
    expect(calendar.dayOf("2026-02-17")).toMatchObject({
      working: false,
      reason: { zh: "春节", en: "Spring Festival" },
    });
    expect(calendar.dayOf("2026-10-10")).toMatchObject({
      working: true,
      reason: { kind: "make-up", zh: "国庆节调休上班" },
    });
    // The extension of the Spring Festival of 2020 is in the second notice of that year.
    expect(calendar.isWorkingDay("2020-01-31")).toBe(false);
    expect(calendar.dayOf("2020-02-03")).toEqual({ date: "2020-02-03", working: true });
    // A notice may reach into the December before.
    expect(calendar.isWorkingDay("2018-12-29")).toBe(true);
    expect(calendar.isWorkingDay("2018-12-31")).toBe(false);
  });

  test("ten working days from the Friday before National Day 2026 are explained day by day", () => {
    const { date: deadline, explanation } = calendar.addWorkingDays("2026-09-18", 10);
    expect(deadline).toBe("2026-10-09");
    expect(explanation).toMatchObject({
      startedOn: "2026-09-18",
      countedFrom: "2026-09-19",
      workingDays: 10,
      skipped: [
        { from: "2026-09-19", to: "2026-09-19", days: 1, reason: { zh: "周末" } },
        { from: "2026-09-25", to: "2026-09-27", days: 3, reason: { zh: "中秋节" } },
        { from: "2026-10-01", to: "2026-10-07", days: 7, reason: { zh: "国庆节" } },
      ],
      makeUpDays: [{ date: "2026-09-20" }],
      notices: ["https://www.gov.cn/zhengce/zhengceku/202511/content_7047091.htm"],
      mayChange: false,
    });
    expect(explanation.zh).toBe(
      "2026-09-18(星期五)当日不计入，自次日2026-09-19起算，第10个工作日为2026-10-09(星期五)。其间扣除周末1天、中秋节3天(2026-09-25至2026-09-27)、国庆节7天(2026-10-01至2026-10-07)。2026-09-20(星期日)为国庆节调休上班，计入工作日。",
    );
    expect(explanation.en).toContain("working day 10 is Friday 2026-10-09");
  });

  test("the day of the event itself is not counted, whether it is worked or not", () => {
    expect(add("2026-11-20", 1)).toBe("2026-11-23");
    expect(add("2026-11-21", 1)).toBe("2026-11-23");
    expect(add("2026-11-23", 1)).toBe("2026-11-24");
  });

  test("a year without a notice is an error that says what to do, never a guess", () => {
    for (const call of [
      () => add("2026-12-10", 20),
      () => calendar.isWorkingDay("2027-01-01"),
      () => calendar.isWorkingDay("2006-06-01"),
    ]) {
      expect(call).toThrow(CalendarYearMissingError);
    }
    try {
      add("2026-12-10", 20);
    } catch (error) {
      expect(error).toMatchObject({ year: 2027, code: "calendar.year-missing" });
      expect((error as CalendarYearMissingError).zh).toContain("2027年");
      expect((error as CalendarYearMissingError).nextStep).toContain("2027.json");
    }
  });

  test("a deadline in the last days of the last year known says that it may still move", () => {
    expect(calendar.addWorkingDays("2026-12-21", 8).explanation.mayChange).toBe(true);
    expect(calendar.addWorkingDays("2025-12-19", 8).explanation.mayChange).toBe(false);
  });

  test("a new notice in the form of holiday-cn extends the calendar; an empty one is refused", () => {
    const notice = parseHolidayNotice({
      year: 2027,
      papers: ["https://example.org/notice"],
      days: [{ name: "元旦", date: "2027-01-01", isOffDay: true }],
    });
    const extended = createWorkingCalendar([...holidayNotices, notice]);
    expect(extended.addWorkingDays("2026-12-31", 1).date).toBe("2027-01-04");
    expect(() => parseHolidayNotice({ year: 2027, papers: [], days: [] })).toThrow("not published");
    expect(() => parseHolidayNotice({ year: 2027, days: [{ name: "元旦", date: "2027-02-30" }] })).toThrow(
      "2027-02-30",
    );
    expect(() => parseHolidayNotice("2027")).toThrow("year");
  });

  test("what is not a date or not a count is refused", () => {
    expect(() => calendar.isWorkingDay("2026-02-29")).toThrow(RangeError);
    expect(() => add("2026-11-22", 0)).toThrow(RangeError);
    expect(() => add("2026-11-22", 1.5)).toThrow(RangeError);
  });

  test("a deadline is a working day after the event", () => {
    fc.assert(
      fc.property(date, count, (from, days) => {
        const deadline = add(from, days);
        expect(deadline > from).toBe(true);
        expect(calendar.isWorkingDay(deadline)).toBe(true);
      }),
    );
  });

  test("adding a and then b is adding a + b", () => {
    fc.assert(
      fc.property(date, count, count, (from, a, b) => {
        expect(add(add(from, a), b)).toBe(add(from, a + b));
      }),
    );
  });

  test("a later event or a longer count never gives an earlier deadline", () => {
    fc.assert(
      fc.property(date, date, count, count, (one, other, a, b) => {
        const [early, late] = one <= other ? [one, other] : [other, one];
        expect(add(early, a) <= add(late, a)).toBe(true);
        expect(add(early, Math.min(a, b)) <= add(early, Math.max(a, b))).toBe(true);
      }),
    );
  });

  test("days counted and days skipped fill the time between exactly, and counting back agrees", () => {
    fc.assert(
      fc.property(date, count, (from, days) => {
        const { date: deadline, explanation } = calendar.addWorkingDays(from, days);
        const skipped = explanation.skipped.reduce((sum, each) => sum + each.days, 0);
        expect(dayNumber(deadline) - dayNumber(from)).toBe(days + skipped);
        expect(calendar.workingDaysBetween(from, deadline)).toBe(days);
        expect(calendar.workingDaysBetween(deadline, from)).toBe(-days);
      }),
    );
  });

  const second = sharedData("code-tables/chinese-days.json");
  test.skipIf(second === undefined)("a second source agrees on every festival day", () => {
    const { holidays, workdays } = JSON.parse(readFileSync(second ?? "", "utf8")) as Record<
      "holidays" | "workdays",
      Record<string, string>
    >;
    const known = (each: string): boolean => Number(each.slice(0, 4)) >= 2007 && each < "2027";
    const differing = [
      ...Object.keys(holidays).filter((each) => known(each) && calendar.isWorkingDay(each)),
      ...Object.keys(workdays).filter((each) => known(each) && !calendar.isWorkingDay(each)),
    ];
    expect(differing).toEqual([]);
  });
});
