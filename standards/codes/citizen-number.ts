import type { StandardIssue } from "../issue.ts";
import { citizenNumberCheck } from "./check-digits.ts";
import { dateNumber, isIsoDate, isRealDate } from "./dates.ts";
import { isKnownArea } from "./divisions.ts";

/** What a citizen number says (GB 11643-1999). */
export interface CitizenNumber {
  /** GB/T 2260 code of the place of first registration; it may be abolished by now. */
  readonly areaCode: string;
  /** `YYYY-MM-DD`. */
  readonly birthDate: string;
  /** 001–999: odd for men, even for women. */
  readonly sequence: number;
  /** GB/T 2261.1: `1` man, `2` woman. */
  readonly sex: "1" | "2";
}

export interface CheckCitizenNumberOptions {
  /** A birth after this day (`YYYY-MM-DD`) is wrong. Default: births are not compared with any day. */
  readonly asOf?: string;
}

export type CitizenNumberVerdict =
  | { readonly ok: true; readonly value: CitizenNumber }
  | { readonly ok: false; readonly issues: readonly StandardIssue[] };

/** No number was given to anybody born earlier: the system began in 1984. */
const earliestYear = 1800;

const digitsAt = (text: string, start: number, end: number): number => {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
};

/**
 * Whether a text is a citizen number of 18 characters: check digit, real date of birth, an area that is or was a
 * division, sequence not 000. A final `x` must be a capital. For bulk use: it allocates nothing.
 *
 * @param asOf a birth after this day (`YYYY-MM-DD`) is wrong.
 */
export const isCitizenNumber = (text: string, asOf?: string): boolean => {
  if (text.length !== 18) return false;
  const check = citizenNumberCheck(text);
  if (check === undefined || text.charAt(17) !== check) return false;
  const birth = digitsAt(text, 6, 14);
  const year = Math.trunc(birth / 10_000);
  if (year < earliestYear || !isRealDate(year, Math.trunc(birth / 100) % 100, birth % 100)) return false;
  if (asOf !== undefined && birth > dateNumber(asOf)) return false;
  return digitsAt(text, 14, 17) !== 0 && isKnownArea(digitsAt(text, 0, 6));
};

const formIssue = (text: string): StandardIssue | undefined => {
  if (/^[0-9]{15}$/.test(text)) {
    return {
      code: "citizen-number.fifteen-digits",
      message: "This is a number of 15 digits as issued before 1999: convert it to 18 characters first.",
      zh: "这是 1999 年以前的 15 位号码，请先转换为 18 位。",
    };
  }
  if (/^[0-9]{17}x$/.test(text)) {
    return {
      code: "citizen-number.lower-case",
      message: "The check character must be a capital X.",
      zh: "校验码应为大写字母 X。",
    };
  }
  if (!/^[0-9]{17}[0-9X]$/.test(text)) {
    return {
      code: "citizen-number.form",
      message: `A citizen number has 17 digits and a digit or X; this has ${text.length} characters.`,
      zh: `公民身份号码应为 17 位数字加 1 位数字或 X，现为 ${text.length} 个字符。`,
    };
  }
  return undefined;
};

/**
 * What a citizen number says, or everything that is wrong with it. Messages never repeat the number: it is personal
 * information.
 */
export const checkCitizenNumber = (text: string, options: CheckCitizenNumberOptions = {}): CitizenNumberVerdict => {
  const form = formIssue(text);
  if (form !== undefined) return { ok: false, issues: [form] };
  const issues: StandardIssue[] = [];
  const areaCode = text.slice(0, 6);
  if (!isKnownArea(Number(areaCode))) {
    issues.push({
      code: "citizen-number.area",
      message: `${areaCode} is not and never was a division's code (GB/T 2260).`,
      zh: `前 6 位 ${areaCode} 不是现行或历史行政区划代码(GB/T 2260)。`,
    });
  }
  const birthDate = `${text.slice(6, 10)}-${text.slice(10, 12)}-${text.slice(12, 14)}`;
  if (!isIsoDate(birthDate) || Number(text.slice(6, 10)) < earliestYear) {
    issues.push({
      code: "citizen-number.birth-date",
      message: "Characters 7 to 14 are not a date of the calendar.",
      zh: "第 7 至 14 位不是真实日期。",
    });
  } else if (options.asOf !== undefined && birthDate > options.asOf) {
    issues.push({
      code: "citizen-number.birth-in-future",
      message: `The date of birth is after ${options.asOf}.`,
      zh: `出生日期晚于 ${options.asOf}。`,
    });
  }
  const sequence = Number(text.slice(14, 17));
  if (sequence === 0) {
    issues.push({
      code: "citizen-number.sequence",
      message: "The sequence number (characters 15 to 17) is 000.",
      zh: "顺序码(第 15 至 17 位)为 000。",
    });
  }
  if (citizenNumberCheck(text) !== text.charAt(17)) {
    issues.push({
      code: "citizen-number.check-digit",
      message: "The check character does not fit: at least one character is wrong (GB 11643-1999).",
      zh: "校验码不符，至少有一位填写错误(GB 11643-1999)。",
    });
  }
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, value: { areaCode, birthDate, sequence, sex: sequence % 2 === 1 ? "1" : "2" } };
};

/**
 * A number of 15 digits as one of 18 characters: `19` before the year, check character behind. Undefined when the text
 * is not 15 digits; the result is still to be checked.
 */
export const toEighteenCharacters = (fifteenDigits: string): string | undefined => {
  if (!/^[0-9]{15}$/.test(fifteenDigits)) return undefined;
  const body = `${fifteenDigits.slice(0, 6)}19${fifteenDigits.slice(6)}`;
  return body + citizenNumberCheck(body);
};

/** Trimmed, full-width characters made half-width, `x` made `X`: what an importer may do before it checks. */
export const normaliseCitizenNumber = (text: string): string =>
  text
    .trim()
    .replace(/[\uFF10-\uFF19\uFF38\uFF58]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/x$/, "X");

export interface MakeCitizenNumberOptions {
  /** Six digits. */
  readonly areaCode: string;
  /** `YYYY-MM-DD`. */
  readonly birthDate: string;
  /** 1–999: odd for men, even for women. */
  readonly sequence: number;
}

/**
 * A number with its check character, for invented persons: samples should use birth years without living holders.
 *
 * @throws RangeError when a part cannot stand in a number.
 */
export const makeCitizenNumber = ({ areaCode, birthDate, sequence }: MakeCitizenNumberOptions): string => {
  if (!/^[0-9]{6}$/.test(areaCode)) throw new RangeError(`${areaCode} is not an area code of six digits`);
  if (!isIsoDate(birthDate)) throw new RangeError(`${birthDate} is not a date YYYY-MM-DD`);
  if (!Number.isInteger(sequence) || sequence < 1 || sequence > 999) {
    throw new RangeError(`the sequence number ${sequence} is not a whole number from 1 to 999`);
  }
  const body = areaCode + birthDate.replaceAll("-", "") + String(sequence).padStart(3, "0");
  return body + citizenNumberCheck(body);
};
