import { dayNumber, weekdayOf } from "../codes/dates.ts";
import type { DeadlineExplanation } from "./calendar-day.ts";

const zhWeekdays = "一二三四五六日";
const enWeekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const zhDay = (date: string): string => `${date}(星期${zhWeekdays.charAt(weekdayOf(dayNumber(date)))})`;
const enDay = (date: string): string => `${enWeekdays[weekdayOf(dayNumber(date))] ?? ""} ${date}`;

type DeadlineFacts = Omit<DeadlineExplanation, "zh" | "en">;

/** The explanation of a deadline as a person reads it. */
export const describeDeadline = (facts: DeadlineFacts): { readonly zh: string; readonly en: string } => {
  const { startedOn, countedFrom, workingDays, deadline, skipped, makeUpDays, mayChange } = facts;
  const weekends = skipped.filter((each) => each.reason.kind === "weekend");
  const weekendDays = weekends.reduce((sum, each) => sum + each.days, 0);
  const festivals = skipped.filter((each) => each.reason.kind === "festival");
  const zhRange = (from: string, to: string): string => (from === to ? from : `${from}至${to}`);
  const enRange = (from: string, to: string): string => (from === to ? from : `${from} to ${to}`);
  const zhSkipped = [
    ...(weekendDays > 0 ? [`周末${weekendDays}天`] : []),
    ...festivals.map((each) => `${each.reason.zh}${each.days}天(${zhRange(each.from, each.to)})`),
  ];
  const enSkipped = [
    ...(weekendDays > 0 ? [`${weekendDays} weekend day${weekendDays === 1 ? "" : "s"}`] : []),
    ...festivals.map((each) => `${each.reason.en} (${enRange(each.from, each.to)})`),
  ];
  const zh = [
    `${zhDay(startedOn)}当日不计入，自次日${countedFrom}起算，第${workingDays}个工作日为${zhDay(deadline)}。`,
    zhSkipped.length > 0 ? `其间扣除${zhSkipped.join("、")}。` : "",
    makeUpDays.length > 0
      ? `${makeUpDays.map((each) => `${zhDay(each.date)}为${each.reason?.zh ?? ""}`).join("、")}，计入工作日。`
      : "",
    mayChange ? "下一年节假日安排通知尚未收录，年末调休可能使该日期变动。" : "",
  ].join("");
  const en = [
    `${enDay(startedOn)} itself is not counted; counted from ${countedFrom}, working day ${workingDays} is ${enDay(deadline)}.`,
    enSkipped.length > 0 ? ` Not counted: ${enSkipped.join(", ")}.` : "",
    makeUpDays.length > 0
      ? ` Counted: ${makeUpDays.map((each) => `${enDay(each.date)}, ${each.reason?.en ?? ""}`).join("; ")}.`
      : "",
    mayChange ? " The next year's notice is not known yet and may still move the last days of December." : "",
  ].join("");
  return { zh, en };
};
