import type { ItemType } from "../generated/values.ts";
import { compareDecimals, compareNumbers, decimalKey } from "./decimal.ts";
import type { DecimalKey } from "./decimal.ts";

/** A value of a row as it travels: PostgreSQL's text form, or JSON's own types. */
export type CellValue = string | number | bigint | boolean | null | undefined;

/** How values of a type are compared; `keyOf` answers undefined for a value that is not of the type. */
export interface ComparisonKind<Key> {
  readonly name: "text" | "number" | "double" | "date" | "timestamp" | "boolean";
  keyOf(value: string | number | bigint | boolean): Key | undefined;
  compare(left: Key, right: Key): number;
  /** Equal keys have equal texts: for membership in a set. */
  textOf(key: Key): string;
}

/** Text in the "C" collation: by code point, which is the order of the UTF-8 bytes. */
export const compareCodePoints = (left: string, right: string): number => {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    let a = left.charCodeAt(index);
    let b = right.charCodeAt(index);
    if (a === b) continue;
    // Surrogates (D800–DFFF) stand for code points above FFFF: move them behind E000–FFFF.
    if (a >= 0xd800 && b >= 0xd800) {
      a = a >= 0xe000 ? a - 0x800 : a + 0x2000;
      b = b >= 0xe000 ? b - 0x800 : b + 0x2000;
    }
    return a < b ? -1 : 1;
  }
  return compareNumbers(left.length, right.length);
};

const textKind: ComparisonKind<string> = {
  name: "text",
  keyOf: String,
  compare: compareCodePoints,
  textOf: (key) => key,
};

const numberKind: ComparisonKind<DecimalKey> = {
  name: "number",
  keyOf: (value) => (typeof value === "boolean" ? undefined : decimalKey(String(value))),
  compare: compareDecimals,
  textOf: (key) =>
    typeof key === "number" ? String(key === 0 ? 0 : key) : `${key.negative ? "-" : ""}${key.whole}.${key.fraction}`,
};

const doubleKind: ComparisonKind<number> = {
  name: "double",
  keyOf: (value) => {
    if (typeof value === "boolean") return undefined;
    const key = decimalKey(String(value));
    if (key === undefined || typeof key === "number") return key;
    const double = Number(String(value));
    // PostgreSQL refuses what a double cannot hold, such as 1e400 and 1e-400.
    return Number.isFinite(double) && double !== 0 ? double : undefined;
  },
  compare: compareNumbers,
  textOf: (key) => String(key === 0 ? 0 : key),
};

const dateText = /^([0-9]{4,6})-([0-9]{2})-([0-9]{2})(?:[ T].*)?$/;
const compactDateText = /^([0-9]{4})([0-9]{2})([0-9]{2})$/;

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const isRealDate = (year: number, month: number, day: number): boolean => {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && leap ? 29 : daysOfMonth[month - 1];
  return year >= 1 && days !== undefined && day >= 1 && day <= days;
};

const infinityOf = (text: string): number | undefined => {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  return text === "-infinity" ? Number.NEGATIVE_INFINITY : undefined;
};

/** A date as year·10000 + month·100 + day. */
const dateKind: ComparisonKind<number> = {
  name: "date",
  keyOf: (value) => {
    const text = String(value).trim();
    const parts = dateText.exec(text) ?? compactDateText.exec(text);
    if (parts === null) return infinityOf(text);
    const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
    return isRealDate(year, month, day) ? year * 10_000 + month * 100 + day : undefined;
  },
  compare: compareNumbers,
  textOf: String,
};

const timestampText =
  /^([0-9]{4,6})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$/;
const beijingOffsetMinutes = 480;

const offsetMinutes = (text: string): number => {
  if (text === "Z") return 0;
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.slice(1).replace(":", "");
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || "0"));
};

/**
 * A moment in Beijing time (UTC+8) as whole seconds since 1970 and microseconds in sort form `[seconds, micros]`.
 * A text without offset is Beijing time already.
 */
type TimestampKey = readonly [seconds: number, micros: number];

const timestampKey = (text: string): TimestampKey | undefined => {
  const parts = timestampText.exec(text);
  if (parts === null) {
    const infinite = infinityOf(text);
    return infinite === undefined ? undefined : [infinite, 0];
  }
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const [hour, minute, second] = [Number(parts[4] ?? 0), Number(parts[5] ?? 0), Number(parts[6] ?? 0)];
  if (!isRealDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return undefined;
  // Years below 100 would be read as 19xx by Date.UTC; 400 years are a whole number of days.
  const seconds = Date.UTC(year + 400, month - 1, day, hour, minute, second) / 1000 - 12_622_780_800;
  const shift = parts[8] === undefined ? 0 : (beijingOffsetMinutes - offsetMinutes(parts[8])) * 60;
  return [seconds + shift, Number((parts[7] ?? "").padEnd(6, "0"))];
};

const timestampKind: ComparisonKind<TimestampKey> = {
  name: "timestamp",
  keyOf: (value) => timestampKey(String(value).trim()),
  compare: (left, right) => compareNumbers(left[0], right[0]) || compareNumbers(left[1], right[1]),
  textOf: (key) => `${key[0]}.${key[1]}`,
};

/** The text of a moment as PostgreSQL reads it for `timestamp` (Beijing time). */
export const timestampSqlText = (text: string): string => {
  const key = timestampKey(text.trim());
  if (key === undefined || !Number.isFinite(key[0])) return text.trim();
  const moment = new Date(key[0] * 1000);
  const date = `${String(moment.getUTCFullYear()).padStart(4, "0")}${moment.toISOString().slice(-20, -5)}`;
  return `${date.replace("T", " ")}.${String(key[1]).padStart(6, "0")}`;
};

const trueTexts = new Set(["t", "true", "y", "yes", "on", "1"]);
const falseTexts = new Set(["f", "false", "n", "no", "off", "0"]);

const booleanKind: ComparisonKind<boolean> = {
  name: "boolean",
  keyOf: (value) => {
    if (typeof value === "boolean") return value;
    const text = String(value).trim().toLowerCase();
    if (trueTexts.has(text)) return true;
    return falseTexts.has(text) ? false : undefined;
  },
  compare: (left, right) => Number(left) - Number(right),
  textOf: String,
};

const kinds = {
  C: textKind,
  M: textKind,
  G: textKind,
  N: numberKind,
  Y: numberKind,
  I: numberKind,
  B: doubleKind,
  F: doubleKind,
  D: dateKind,
  T: timestampKind,
  L: booleanKind,
} as const;

/** Calls `use` with the way in which values of an item type are compared. */
export const withComparisonKind = <Result>(type: ItemType, use: <Key>(kind: ComparisonKind<Key>) => Result): Result =>
  use(kinds[type] as ComparisonKind<unknown>);

/** The way in which values of an item type are compared, without its key type. */
export const comparisonKind = (type: ItemType): ComparisonKind<unknown> => kinds[type] as ComparisonKind<unknown>;
