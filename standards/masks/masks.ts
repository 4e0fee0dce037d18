import { createHmac } from "node:crypto";
import type { DataItem } from "../generated/types.ts";
import type { MaskRule } from "../generated/values.ts";
import { characterCount, leftCharacters, rightCharacters } from "./characters.ts";

/**
 * 脱敏. Every rule keeps NULL as NULL and the empty text as the empty text, and hides a value too short for the rule
 * completely. `maskValue` and `maskSql` give the same text for the same value.
 */
export interface MaskOptions {
  /** Key of `hash`, one per use (per grant), so that two consumers cannot join their data. */
  readonly hashKey?: string | Uint8Array;
  /** Digest under the HMAC of `hash`. Default `sha256`. */
  readonly hashAlgorithm?: "sha256" | "sm3";
}

export interface MaskDescription {
  readonly rule: MaskRule;
  readonly zh: string;
  readonly en: string;
  readonly before: string;
  readonly after: string;
}

/** What each rule does, for the request form and the explanation of a grant. */
export const maskDescriptions: { readonly [Rule in MaskRule]: MaskDescription } = {
  name: { rule: "name", zh: "姓名只留首字", en: "name: first character only", before: "张三丰", after: "张*" },
  "citizen-number": {
    rule: "citizen-number",
    zh: "公民身份号码留前6位和后2位",
    en: "citizen number: first 6 and last 2 characters",
    before: "330102187502289017",
    after: "330102**********17",
  },
  phone: {
    rule: "phone",
    zh: "电话号码留前3位和后4位",
    en: "telephone: first 3 and last 4 characters",
    before: "13900001234",
    after: "139****1234",
  },
  account: {
    rule: "account",
    zh: "账号只留后4位",
    en: "account: last 4 characters",
    before: "6222000000001234",
    after: "************1234",
  },
  address: {
    rule: "address",
    zh: "地址只到街道(乡镇)",
    en: "address: down to the subdistrict or township",
    before: "杭州市上城区湖滨街道东坡路7号",
    after: "杭州市上城区湖滨街道",
  },
  "birth-year": {
    rule: "birth-year",
    zh: "出生日期只留年份",
    en: "date of birth: year only",
    before: "1985-03-02",
    after: "1985",
  },
  hash: {
    rule: "hash",
    zh: "以本次授权的密钥作带密钥摘要(HMAC)，可用于比对，不可还原",
    en: "keyed digest (HMAC) under this grant's key: can be joined, cannot be reversed",
    before: "330102187502289017",
    after: "64 hexadecimal digits",
  },
};

/** A piece of an address that may stay: no digit and nothing that names a road, house or room. */
const addressPart = "[^0-9０-９路弄巷号幢栋室]*?";

/** Tried in this order. The same text is a regular expression of JavaScript and of PostgreSQL. */
const addressPatterns = [`^${addressPart}(?:街道|镇|乡)`, `^${addressPart}(?:区|县|旗)`, `^${addressPart}市`];
const addressExpressions = addressPatterns.map((pattern) => new RegExp(pattern, "su"));
const yearAtStart = /^[0-9]{4}/;

const keepEnds = (value: string, first: number, last: number): string => {
  const length = characterCount(value);
  if (length <= first + last) return "*".repeat(length);
  return leftCharacters(value, first) + "*".repeat(length - first - last) + rightCharacters(value, last);
};

const maskAddress = (value: string): string => {
  for (const expression of addressExpressions) {
    const found = expression.exec(value);
    if (found !== null) return found[0];
  }
  return "*";
};

const maskHash = (value: string, options: MaskOptions): string => {
  if (options.hashKey === undefined || options.hashKey.length === 0) {
    throw new Error("the mask `hash` needs a hashKey: give the key of the grant");
  }
  return createHmac(options.hashAlgorithm ?? "sha256", options.hashKey)
    .update(value, "utf8")
    .digest("hex");
};

/**
 * The value as the consumer may see it.
 *
 * @throws Error when the rule is `hash` and no key is given.
 */
export const maskValue = (rule: MaskRule, value: string | null, options: MaskOptions = {}): string | null => {
  if (value === null || value === "") return value;
  switch (rule) {
    case "name":
      return `${leftCharacters(value, 1)}*`;
    case "citizen-number":
      return keepEnds(value, 6, 2);
    case "phone":
      return keepEnds(value, 3, 4);
    case "account":
      return keepEnds(value, 0, 4);
    case "address":
      return maskAddress(value);
    case "birth-year":
      return yearAtStart.test(value) ? value.slice(0, 4) : "*";
    case "hash":
      return maskHash(value, options);
  }
};

const keepEndsSql = (text: string, first: number, last: number): string => {
  const start = first > 0 ? `left(${text}, ${first}) || ` : "";
  return (
    `case when char_length(${text}) > ${first + last} ` +
    `then ${start}repeat('*', char_length(${text}) - ${first + last}) || right(${text}, ${last}) ` +
    `else repeat('*', char_length(${text})) end`
  );
};

/**
 * A PostgreSQL expression of type text that gives what `maskValue` gives, or undefined for a rule that has no SQL form
 * (`hash`: its key must not reach a statement). Dates are read in the session's DateStyle, which must be ISO.
 *
 * @param columnSql an SQL expression, already quoted where needed; it is repeated several times.
 */
export const maskSql = (rule: MaskRule, columnSql: string): string | undefined => {
  const text = `(${columnSql})::text`;
  switch (rule) {
    case "name":
      return `(case when ${text} = '' then '' else left(${text}, 1) || '*' end)`;
    case "citizen-number":
      return `(${keepEndsSql(text, 6, 2)})`;
    case "phone":
      return `(${keepEndsSql(text, 3, 4)})`;
    case "account":
      return `(${keepEndsSql(text, 0, 4)})`;
    case "address": {
      const attempts = addressPatterns.map((pattern) => `substring(${text} from '${pattern}')`);
      return `(case when ${text} = '' then '' when ${text} is not null then coalesce(${attempts.join(", ")}, '*') end)`;
    }
    case "birth-year":
      return `(case when ${text} = '' then '' when ${text} ~ '^[0-9]{4}' then left(${text}, 4) when ${text} is not null then '*' end)`;
    case "hash":
      return undefined;
  }
};

/**
 * The data item as it is after masking: always text, and no longer bound to the format, code set or length that the
 * clear value had. Target columns and validation of a masked field follow this item, not the entry's.
 */
export const maskedItem = (item: DataItem, rule: MaskRule): DataItem => {
  const { format: _format, codeSet: _codeSet, scale: _scale, length, ...rest } = item;
  switch (rule) {
    case "name":
      return { ...rest, type: "C", length: 2 };
    case "hash":
      return { ...rest, type: "C", length: 64 };
    case "birth-year":
      return { ...rest, type: "C", length: 4 };
    default:
      return { ...rest, type: "C", ...(length === undefined ? {} : { length }) };
  }
};
