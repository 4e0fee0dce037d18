import { findCode, findCodeSet, isCitizenNumber, isOrganisationCode, isRegionCode, isSocialCreditCode, type DataItem } from "#standards";

/** Why a value cannot be sent as the item that it is bound to. */
export const failureCodes = ["required", "type", "length", "scale", "range", "code-set", "citizen-number", "social-credit-code", "organisation-code", "region-code", "phone", "email", "too-long"] as const;
export type FailureCode = (typeof failureCodes)[number];

/** Checks the canonical text of one value, given as UTF-8 bytes; undefined when it is right. Null never comes here. */
export type FieldCheck = (bytes: Buffer, start: number, end: number) => FailureCode | undefined;

/** No single value may be longer: a batch has to hold it. */
const maxValueBytes = 1024 * 1024;

const digitAt = (bytes: Buffer, at: number): number => {
  const digit = bytes[at]! - 48;
  return digit >= 0 && digit <= 9 ? digit : -1;
};

function numberAt(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = digitAt(bytes, at);
    if (digit < 0) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDateAt(bytes: Buffer, start: number): boolean {
  if (bytes[start + 4] !== 45 || bytes[start + 7] !== 45) return false;
  const year = numberAt(bytes, start, start + 4);
  const month = numberAt(bytes, start + 5, start + 7);
  const day = numberAt(bytes, start + 8, start + 10);
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = month === 2 && ((year % 4 === 0 && year % 100 !== 0) || year % 400 === 0);
  return day <= daysOfMonth[month - 1]! + (leap ? 1 : 0);
}

const checkDate: FieldCheck = (bytes, start, end) => (end - start === 10 && isDateAt(bytes, start) ? undefined : "type");

/** `YYYY-MM-DD hh:mm:ss` with up to six decimals. */
const checkTimestamp: FieldCheck = (bytes, start, end) => {
  const length = end - start;
  if (length < 19 || length > 26 || !isDateAt(bytes, start)) return "type";
  if (bytes[start + 10] !== 32 || bytes[start + 13] !== 58 || bytes[start + 16] !== 58) return "type";
  const hour = numberAt(bytes, start + 11, start + 13);
  const minute = numberAt(bytes, start + 14, start + 16);
  const second = numberAt(bytes, start + 17, start + 19);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return "type";
  if (length > 19 && (bytes[start + 19] !== 46 || length === 20 || numberAt(bytes, start + 20, end) < 0)) return "type";
  return undefined;
};

const checkBoolean: FieldCheck = (bytes, start, end) => (end - start === 1 && (bytes[start] === 116 || bytes[start] === 102) ? undefined : "type");

const largestInteger = "9223372036854775807";

const checkInteger: FieldCheck = (bytes, start, end) => {
  const negative = bytes[start] === 45;
  const from = negative ? start + 1 : start;
  const digits = end - from;
  if (digits < 1) return "type";
  for (let at = from; at < end; at += 1) if (digitAt(bytes, at) < 0) return "type";
  if (digits > 19) return "range";
  if (digits === 19 && bytes.toString("latin1", from, end) > largestInteger) return "range";
  return undefined;
};

/** `precision` total digits, `scale` of them after the point, as numeric(precision, scale) holds them. */
function checkDecimal(precision: number | undefined, scale: number): FieldCheck {
  return (bytes, start, end) => {
    let at = bytes[start] === 45 ? start + 1 : start;
    let whole = 0;
    let leading = true;
    const first = at;
    for (; at < end && bytes[at] !== 46; at += 1) {
      const digit = digitAt(bytes, at);
      if (digit < 0) return "type";
      if (digit !== 0) leading = false;
      if (!leading) whole += 1;
    }
    if (at === first) return "type";
    let decimals = 0;
    if (at < end) {
      decimals = end - at - 1;
      if (decimals === 0) return "type";
      for (at += 1; at < end; at += 1) if (digitAt(bytes, at) < 0) return "type";
    }
    if (precision === undefined) return undefined;
    if (decimals > scale) return "scale";
    return whole > precision - scale ? "length" : undefined;
  };
}

const floatPattern = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]{2,3})?$/;
const checkFloat: FieldCheck = (bytes, start, end) => (end - start <= 32 && floatPattern.test(bytes.toString("latin1", start, end)) ? undefined : "type");

function checkText(maxCharacters: number | undefined): FieldCheck {
  const limit = maxCharacters ?? maxValueBytes;
  return (bytes, start, end) => {
    if (end - start <= limit) return undefined;
    if (end - start > maxValueBytes) return "too-long";
    let characters = 0;
    for (let at = start; at < end; at += 1) if ((bytes[at]! & 0xc0) !== 0x80) characters += 1;
    return characters > limit ? "length" : undefined;
  };
}

const onText =
  (code: FailureCode, isRight: (text: string) => boolean): FieldCheck =>
  (bytes, start, end) =>
    isRight(bytes.toString("utf8", start, end)) ? undefined : code;

/** Mainland landlines and mobiles as departments write them: digits, with hyphens, spaces, brackets and an extension. */
const phonePattern = /^\+?[0-9][0-9 ()-]{3,24}[0-9](?:(?:转|#|x|,)[0-9]{1,6})?$/;
const emailPattern = /^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/;

/** The final character of a valid number is a digit or X: every byte is ASCII. */
const checkCitizen: FieldCheck = (bytes, start, end) => (end - start === 18 && isCitizenNumber(bytes.toString("latin1", start, end)) ? undefined : "citizen-number");
const checkSocialCredit: FieldCheck = (bytes, start, end) => (end - start === 18 && isSocialCreditCode(bytes.toString("latin1", start, end)) ? undefined : "social-credit-code");

const formatChecks: Record<NonNullable<DataItem["format"]>, FieldCheck> = {
  "citizen-number": checkCitizen,
  "social-credit-code": checkSocialCredit,
  "organisation-code": onText("organisation-code", isOrganisationCode),
  "region-code": onText("region-code", isRegionCode),
  phone: onText("phone", (text) => phonePattern.test(text)),
  email: onText("email", (text) => text.length <= 254 && emailPattern.test(text)),
};

function typeCheck(item: DataItem): FieldCheck {
  switch (item.type) {
    case "D":
      return checkDate;
    case "T":
      return checkTimestamp;
    case "L":
      return checkBoolean;
    case "I":
      return checkInteger;
    case "N":
    case "Y":
      return checkDecimal(item.length, item.scale ?? 0);
    case "B":
    case "F":
      return checkFloat;
    case "C":
      return checkText(item.length);
    case "M":
    case "G":
      return checkText(undefined);
  }
}

/** Codes repeat from row to row: their verdicts are kept. */
function codeCheck(name: string): FieldCheck | undefined {
  const set = findCodeSet(name);
  if (set === undefined) return undefined;
  const verdicts = new Map<string, boolean>();
  return (bytes, start, end) => {
    if (end - start > 64) return "code-set";
    const code = bytes.toString("utf8", start, end);
    let known = verdicts.get(code);
    if (known === undefined) {
      known = findCode(set, code) !== undefined;
      if (verdicts.size < 10_000) verdicts.set(code, known);
    }
    return known ? undefined : "code-set";
  };
}

/** One closure for an item: type, then code set or format. An empty text is a value of C, M and G only without either. */
export function createFieldCheck(item: DataItem): FieldCheck {
  const byType = typeCheck(item);
  const further = item.format !== undefined ? formatChecks[item.format] : item.codeSet !== undefined ? codeCheck(item.codeSet) : undefined;
  if (further === undefined) return byType;
  // A right citizen number or credit code has the right type and length already, where the item allows 18 characters.
  if ((further === checkCitizen || further === checkSocialCredit) && item.type === "C" && (item.length ?? 18) >= 18) return further;
  return (bytes, start, end) => byType(bytes, start, end) ?? further(bytes, start, end);
}
