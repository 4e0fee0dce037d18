import { createWorkingCalendar, findSharingClock, holidayNotices } from "#standards";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addDays, computeDeadline, localDay, type ComputeDeadlineOptions } from "./deadline-model.ts";

const calendar = createWorkingCalendar(holidayNotices);
const compute = (overrides: Partial<ComputeDeadlineOptions> = {}) => computeDeadline({ clock: "reply-conditional", profile: "regulation-809", startsOn: "2026-03-02", workingDays: 10, extendedDays: 0, calendar, ...overrides });
const day = fc.integer({ min: 0, max: 6_900 }).map((days) => addDays("2007-01-01", days));

test("ten working days from Monday 2 March 2026 end on Monday 16 March", () => {
  const result = compute();
  expect(result).toMatchObject({ dueOn: "2026-03-16", warnOn: "2026-03-12" });
  expect(result.explanation.zh).toContain("第二十一条");
});

test("the National Day holiday is skipped by name and worked weekends are counted", () => {
  const { explanation, dueOn } = compute({ startsOn: "2026-09-18" });
  expect(dueOn).toBeDefined();
  expect(explanation.skipped.filter((days) => days.reason.kind === "festival").length).toBeGreaterThan(0);
  expect(explanation.makeUpDays.length).toBeGreaterThan(0);
});

test("a deadline that crosses into a year without a notice is not guessed: it says what is certain and why", () => {
  const result = compute({ startsOn: "2026-12-24" });
  expect(result).toMatchObject({ missingYear: 2027, notBefore: "2027-01-03" });
  expect(result.dueOn).toBeUndefined();
  expect(result.explanation.counted).toBe(5);
  expect(result.explanation.zh).toContain("2027 年节假日安排通知尚未导入");
  expect(result.explanation.en).toContain("not before 2027-01-03");
});

test("the day is the end of the n-th working day: between the start and it lie exactly n, and it is one itself", () => {
  fc.assert(
    fc.property(day, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 10 }), (startsOn, workingDays, extendedDays) => {
      const result = compute({ startsOn, workingDays, extendedDays });
      if (result.dueOn === undefined) return;
      expect(calendar.isWorkingDay(result.dueOn)).toBe(true);
      expect(calendar.workingDaysBetween(startsOn, result.dueOn)).toBe(workingDays + extendedDays);
      expect(result.warnOn > startsOn && result.warnOn <= result.dueOn).toBe(true);
    }),
  );
});

test("an extension never makes a deadline earlier, and a pending one never ends before its lower bound", () => {
  fc.assert(
    fc.property(day, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 10 }), (startsOn, workingDays, extendedDays) => {
      const plain = compute({ startsOn, workingDays });
      const longer = compute({ startsOn, workingDays, extendedDays });
      if (plain.dueOn !== undefined && longer.dueOn !== undefined) expect(longer.dueOn > plain.dueOn).toBe(true);
      const known = Number(startsOn.slice(0, 4));
      const partial = compute({ startsOn, workingDays, calendar: createWorkingCalendar(holidayNotices.filter((notice) => notice.year <= known)) });
      if (partial.dueOn === undefined && plain.dueOn !== undefined) expect(plain.dueOn >= partial.notBefore).toBe(true);
    }),
  );
});

test("the legacy profile has no clock for provision and corrections", () => {
  expect(findSharingClock("provide", "legacy-2016")).toBeUndefined();
  expect(findSharingClock("correct", "legacy-2016")).toBeUndefined();
});

test("the day changes at midnight in China, not in Greenwich", () => {
  expect(localDay(new Date("2026-11-22T15:59:59Z"))).toBe("2026-11-22");
  expect(localDay(new Date("2026-11-22T16:00:00Z"))).toBe("2026-11-23");
});
