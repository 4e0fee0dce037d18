import type { StandardIssue } from "../issue.ts";
import { organisationCheck } from "./check-digits.ts";

export type OrganisationCodeVerdict =
  | { readonly ok: true; readonly value: { readonly body: string; readonly check: string } }
  | { readonly ok: false; readonly issues: readonly StandardIssue[] };

/** Whether a text is an organisation code `XXXXXXXX-C` (GB 11714). For bulk use: it allocates nothing. */
export const isOrganisationCode = (text: string): boolean =>
  text.length === 10 && text.charCodeAt(8) === 45 && organisationCheck(text) === text.charAt(9);

/** The parts of an organisation code (GB 11714), or what is wrong with it. */
export const checkOrganisationCode = (text: string): OrganisationCodeVerdict => {
  if (!/^[0-9A-Z]{8}-[0-9X]$/.test(text)) {
    return {
      ok: false,
      issues: [
        {
          code: "organisation-code.form",
          message: "An organisation code is 8 digits or capital letters, a hyphen and a digit or X.",
          zh: "组织机构代码应为 8 位数字或大写字母、连字符和 1 位校验码(数字或 X)。",
        },
      ],
    };
  }
  if (organisationCheck(text) !== text.charAt(9)) {
    return {
      ok: false,
      issues: [
        {
          code: "organisation-code.check-digit",
          message: "The check character does not fit: at least one character is wrong (GB 11714).",
          zh: "校验码不符，至少有一位填写错误(GB 11714)。",
        },
      ],
    };
  }
  return { ok: true, value: { body: text.slice(0, 8), check: text.charAt(9) } };
};

/** Trimmed, in capitals, and with the hyphen where nine characters were given without it. */
export const normaliseOrganisationCode = (text: string): string => {
  const capitals = text.trim().toUpperCase();
  return /^[0-9A-Z]{9}$/.test(capitals) ? `${capitals.slice(0, 8)}-${capitals.slice(8)}` : capitals;
};

/**
 * An organisation code with its check character.
 *
 * @throws RangeError when the body is not 8 digits or capital letters.
 */
export const makeOrganisationCode = (body: string): string => {
  const check = body.length === 8 ? organisationCheck(body) : undefined;
  if (check === undefined) throw new RangeError(`${body} is not 8 digits or capital letters`);
  return `${body}-${check}`;
};
