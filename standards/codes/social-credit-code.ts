import type { StandardIssue } from "../issue.ts";
import { organisationCheck, socialCreditCheck, socialCreditSymbols } from "./check-digits.ts";
import { isKnownArea } from "./divisions.ts";
import { localRegistrationDepartments, socialCreditCategories } from "./social-credit-categories.ts";

/** What a unified social credit code says (GB 32100-2015). */
export interface SocialCreditCode {
  /** Registering department, position 1. */
  readonly department: string;
  /** Kind of body, position 2. */
  readonly category: string;
  /** Area of the registering authority, positions 3–8. */
  readonly areaCode: string;
  /** The body's organisation code (GB 11714) with hyphen, from positions 9–17. */
  readonly organisationCode: string;
}

export type SocialCreditCodeVerdict =
  | {
      readonly ok: true;
      readonly value: SocialCreditCode;
      /** Odd, but no reason to refuse the code. */
      readonly warnings: readonly StandardIssue[];
    }
  | { readonly ok: false; readonly issues: readonly StandardIssue[] };

/** Positions 1–2 as two character codes → allowed. */
const allowedStarts = new Set<number>();
const startKey = (first: number, second: number): number => first * 128 + second;
for (const { code } of socialCreditCategories.entries) {
  if (code.length === 2) allowedStarts.add(startKey(code.charCodeAt(0), code.charCodeAt(1)));
}
for (const department of localRegistrationDepartments) {
  for (const symbol of socialCreditSymbols) {
    allowedStarts.add(startKey(department.charCodeAt(0), symbol.charCodeAt(0)));
  }
}

const areaIsNumeric = (text: string): boolean => {
  for (let index = 2; index < 8; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
};

/**
 * Whether a text is a unified social credit code: 18 of the 31 symbols, known department and category, area of digits,
 * inner organisation code right (GB 11714), check character right. For bulk use: it allocates nothing.
 */
export const isSocialCreditCode = (text: string): boolean =>
  text.length === 18 &&
  socialCreditCheck(text) === text.charAt(17) &&
  allowedStarts.has(startKey(text.charCodeAt(0), text.charCodeAt(1))) &&
  areaIsNumeric(text) &&
  organisationCheck(text, 8) === text.charAt(16);

const symbolsOnly = new RegExp(`^[${socialCreditSymbols}]{18}$`);

const formIssue = (text: string): StandardIssue => {
  const foreign = [...new Set([...text].filter((character) => !socialCreditSymbols.includes(character)))].slice(0, 5);
  if (text.length === 18 && foreign.length > 0) {
    return {
      code: "social-credit-code.symbol",
      message: `The code contains ${foreign.map((each) => JSON.stringify(each)).join(", ")}; it is written with digits and capital letters without I, O, S, V, Z.`,
      zh: `代码含有 ${foreign.map((each) => JSON.stringify(each)).join("、")}；只能使用数字和大写字母，且不含 I、O、S、V、Z。`,
    };
  }
  return {
    code: "social-credit-code.form",
    message: `A unified social credit code has 18 characters; this has ${text.length}.`,
    zh: `统一社会信用代码应为 18 位，现为 ${text.length} 位。`,
  };
};

/** What a unified social credit code says, or everything that is wrong with it (GB 32100-2015). */
export const checkSocialCreditCode = (text: string): SocialCreditCodeVerdict => {
  if (!symbolsOnly.test(text)) return { ok: false, issues: [formIssue(text)] };
  const issues: StandardIssue[] = [];
  const warnings: StandardIssue[] = [];
  const [department, category, areaCode] = [text.charAt(0), text.charAt(1), text.slice(2, 8)];
  if (localRegistrationDepartments.includes(department)) {
    warnings.push({
      code: "social-credit-code.local-department",
      message: `The first character ${department} is used locally and is not in GB 32100.`,
      zh: `第 1 位 ${department} 为地方自定登记管理部门代码，不在 GB 32100 之列。`,
    });
  } else if (!allowedStarts.has(startKey(text.charCodeAt(0), text.charCodeAt(1)))) {
    issues.push({
      code: "social-credit-code.category",
      message: `Positions 1 and 2 are ${department}${category}: GB 32100 knows no such department and kind of body.`,
      zh: `第 1、2 位为 ${department}${category},GB 32100 中没有该登记管理部门和机构类别。`,
    });
  }
  if (!areaIsNumeric(text)) {
    issues.push({
      code: "social-credit-code.area",
      message: `Positions 3 to 8 (${areaCode}) must be digits.`,
      zh: `第 3 至 8 位(${areaCode})应为数字。`,
    });
  } else if (areaCode !== "100000" && !isKnownArea(Number(areaCode))) {
    // 100000 is the central registering authority; development zones have codes of their own.
    warnings.push({
      code: "social-credit-code.area-unknown",
      message: `Positions 3 to 8 (${areaCode}) are not a division's code (GB/T 2260).`,
      zh: `第 3 至 8 位(${areaCode})不是现行或历史行政区划代码(GB/T 2260)。`,
    });
  }
  if (organisationCheck(text, 8) !== text.charAt(16)) {
    issues.push({
      code: "social-credit-code.organisation-code",
      message: "Positions 9 to 17 are not a right organisation code (GB 11714).",
      zh: "第 9 至 17 位的主体标识码(组织机构代码)校验不符(GB 11714)。",
    });
  }
  if (socialCreditCheck(text) !== text.charAt(17)) {
    issues.push({
      code: "social-credit-code.check-digit",
      message: "The check character does not fit: at least one character is wrong (GB 32100-2015).",
      zh: "校验码不符，至少有一位填写错误(GB 32100-2015)。",
    });
  }
  if (issues.length > 0) return { ok: false, issues };
  const organisationCode = `${text.slice(8, 16)}-${text.charAt(16)}`;
  return { ok: true, value: { department, category, areaCode, organisationCode }, warnings };
};

/** Trimmed, full-width characters made half-width, in capitals: what an importer may do before it checks. */
export const normaliseSocialCreditCode = (text: string): string =>
  text
    .trim()
    .replace(/[\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .toUpperCase();

export interface MakeSocialCreditCodeOptions {
  /** Registering department: `9` market regulation, `1` public-sector staffing, `5` civil affairs … */
  readonly department: string;
  /** Kind of body: with department `9`, `1` is an enterprise. */
  readonly category: string;
  /** Six digits. */
  readonly areaCode: string;
  /** The 8 characters of the organisation code without its check character, of the 31 symbols. */
  readonly organisationBody: string;
}

/**
 * A code with both check characters, for invented bodies: samples should use bodies like `TEXT0001`.
 *
 * @throws RangeError when a part cannot stand in a code.
 */
export const makeSocialCreditCode = ({
  department,
  category,
  areaCode,
  organisationBody,
}: MakeSocialCreditCodeOptions): string => {
  if (!/^[0-9]{6}$/.test(areaCode)) throw new RangeError(`${areaCode} is not an area code of six digits`);
  const innerCheck = organisationBody.length === 8 ? organisationCheck(organisationBody) : undefined;
  if (innerCheck === undefined) throw new RangeError(`${organisationBody} is not 8 digits or capital letters`);
  const body = department + category + areaCode + organisationBody + innerCheck;
  const check = body.length === 17 ? socialCreditCheck(body) : undefined;
  if (check === undefined || !allowedStarts.has(startKey(body.charCodeAt(0), body.charCodeAt(1)))) {
    throw new RangeError(`${body} cannot be a unified social credit code: no such category, or one of I O S V Z in it`);
  }
  return body + check;
};
