import { readFileSync } from "node:fs";
import { isIsoDate } from "../codes/dates.ts";

/** 国务院办公厅关于某年部分节假日安排的通知: the days of one year's notice, which may lie in the December before. */
export interface HolidayNotice {
  readonly year: number;
  /** Addresses of the notice and of later changes to it. */
  readonly papers: readonly string[];
  /** Festival → days off, `YYYY-MM-DD`, weekends among them included. */
  readonly daysOff: Readonly<Record<string, readonly string[]>>;
  /** Festival → weekend days worked in exchange. */
  readonly makeUpDays: Readonly<Record<string, readonly string[]>>;
}

const readNotices = (): readonly HolidayNotice[] => {
  const text = readFileSync(new URL("../data/holiday-notices.json", import.meta.url), "utf8");
  const years = JSON.parse(text) as Record<string, Omit<HolidayNotice, "year">>;
  return Object.entries(years).map(([year, notice]) => ({ year: Number(year), ...notice }));
};

/** The notices for 2007 to 2026. */
export const holidayNotices: readonly HolidayNotice[] = readNotices();

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/**
 * A notice in the JSON form of the project holiday-cn (`{ year, papers, days: [{ name, date, isOffDay }] }`), so that a
 * city can add next year's file on the day it is published.
 *
 * @throws Error naming what is wrong; a file without days is no notice yet.
 */
export const parseHolidayNotice = (json: unknown): HolidayNotice => {
  if (!isRecord(json) || typeof json["year"] !== "number" || !Array.isArray(json["days"])) {
    throw new Error("a holiday notice needs `year` (a number) and `days` (a list)");
  }
  const year = json["year"];
  if (json["days"].length === 0) throw new Error(`the holiday notice for ${year} has no days: it is not published yet`);
  const daysOff: Record<string, string[]> = {};
  const makeUpDays: Record<string, string[]> = {};
  for (const day of json["days"] as unknown[]) {
    if (!isRecord(day) || typeof day["name"] !== "string" || typeof day["date"] !== "string") {
      throw new Error(`the holiday notice for ${year} has a day without name or date`);
    }
    const { name, date } = day;
    if (!isIsoDate(date as string)) throw new Error(`the holiday notice for ${year} has the date ${String(date)}`);
    const days = day["isOffDay"] === true ? daysOff : makeUpDays;
    (days[name as string] ??= []).push(date as string);
  }
  const papers = Array.isArray(json["papers"]) ? json["papers"].map(String) : [];
  return { year, papers, daysOff, makeUpDays };
};
