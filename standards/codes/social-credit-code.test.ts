import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedData } from "#test-support";
import { socialCreditSymbols } from "./check-digits.ts";
import {
  checkOrganisationCode,
  isOrganisationCode,
  makeOrganisationCode,
  normaliseOrganisationCode,
} from "./organisation-code.ts";
import {
  checkSocialCreditCode,
  isSocialCreditCode,
  makeSocialCreditCode,
  normaliseSocialCreditCode,
} from "./social-credit-code.ts";

const codesOf = (text: string): string[] => {
  const verdict = checkSocialCreditCode(text);
  return verdict.ok ? [] : verdict.issues.map((issue) => issue.code);
};

describe("unified social credit codes", () => {
  test("valid codes give department, kind, area and the inner organisation code", () => {
    expect(checkSocialCreditCode("91330100TEXT00017T")).toEqual({
      ok: true,
      value: { department: "9", category: "1", areaCode: "330100", organisationCode: "TEXT0001-7" },
      warnings: [],
    });
    for (const code of ["12330100TEXT00025T", "52330100TEXT00033H", "91350100M000100Y43"]) {
      expect(codesOf(code)).toEqual([]);
      expect(isSocialCreditCode(code)).toBe(true);
    }
  });

  test("a right last character does not excuse a wrong inner organisation code", () => {
    const body = "91330100TEXT00018";
    const code = [...socialCreditSymbols].map((check) => body + check).find((text) => codesOf(text).length === 1) ?? "";
    expect(codesOf(code)).toEqual(["social-credit-code.organisation-code"]);
    expect(isSocialCreditCode(code)).toBe(false);
  });

  test("letters that the standard leaves out, wrong lengths and unknown categories are told apart", () => {
    expect(codesOf("91330100TEXTO0017T")).toEqual(["social-credit-code.symbol"]);
    expect(codesOf("91330100text00017t")).toEqual(["social-credit-code.symbol"]);
    expect(codesOf("91330100TEXT00017")).toEqual(["social-credit-code.form"]);
    expect(codesOf("97330100TEXT00017T")).toContain("social-credit-code.category");
    expect(codesOf("91330X00TEXT00017T")).toContain("social-credit-code.area");
    expect(normaliseSocialCreditCode(" ９1330100text00017t ")).toBe("91330100TEXT00017T");
  });

  test("a local first character is accepted with a warning", () => {
    const code = makeSocialCreditCode({
      department: "G",
      category: "1",
      areaCode: "330100",
      organisationBody: "TEXT0001",
    });
    expect(isSocialCreditCode(code)).toBe(true);
    expect(checkSocialCreditCode(code)).toMatchObject({
      ok: true,
      warnings: [{ code: "social-credit-code.local-department" }],
    });
  });

  test("what cannot be a code is not made", () => {
    const parts = { department: "9", category: "1", areaCode: "330100", organisationBody: "TEXT0001" };
    expect(() => makeSocialCreditCode({ ...parts, organisationBody: "TEXS0001" })).toThrow(RangeError);
    expect(() => makeSocialCreditCode({ ...parts, category: "7" })).toThrow(RangeError);
    expect(() => makeSocialCreditCode({ ...parts, areaCode: "3301" })).toThrow(RangeError);
  });

  const code = fc
    .record({
      kind: fc.constantFrom("91", "92", "93", "11", "12", "51", "A1", "N2", "Y1"),
      areaCode: fc.constantFrom("330100", "330102", "100000"),
      organisationBody: fc.string({ unit: fc.constantFrom(...socialCreditSymbols), minLength: 8, maxLength: 8 }),
    })
    .map(({ kind, ...parts }) =>
      makeSocialCreditCode({ department: kind.charAt(0), category: kind.charAt(1), ...parts }),
    );

  test("what is made is right, and its inner code is an organisation code", () => {
    fc.assert(
      fc.property(code, (text) => {
        const verdict = checkSocialCreditCode(text);
        expect(verdict.ok && isOrganisationCode(verdict.value.organisationCode)).toBe(true);
      }),
    );
  });

  test("the fast answer and the full verdict agree on anything", () => {
    const broken = fc
      .tuple(code, fc.nat(17), fc.constantFrom(...`${socialCreditSymbols}IOx `))
      .map(([text, index, character]) => text.slice(0, index) + character + text.slice(index + 1));
    fc.assert(
      fc.property(fc.oneof(broken, fc.string({ maxLength: 20 })), (text) => {
        expect(isSocialCreditCode(text)).toBe(checkSocialCreditCode(text).ok);
      }),
    );
  });

  const tables = ["qcc_companies.csv", "ods_company_detail.csv"].map((name) => sharedData(`legal-entities/${name}`));
  test.skipIf(tables.includes(undefined))("every code of the real company tables is right", () => {
    const codes = tables.flatMap(
      (path) => readFileSync(path ?? "", "utf8").match(/\b[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}\b/g) ?? [],
    );
    expect(codes.length).toBeGreaterThan(1800);
    expect(codes.filter((each) => !isSocialCreditCode(each))).toEqual([]);
  });
});

describe("organisation codes", () => {
  test("codes with their hyphen are right, others say why not", () => {
    for (const text of ["TEXT0001-7", "TEXT0002-5", "TEXT0003-3"]) expect(isOrganisationCode(text)).toBe(true);
    expect(checkOrganisationCode("TEXT0001-8")).toMatchObject({ issues: [{ code: "organisation-code.check-digit" }] });
    expect(checkOrganisationCode("TEXT00017")).toMatchObject({ issues: [{ code: "organisation-code.form" }] });
    expect(normaliseOrganisationCode(" text00017 ")).toBe("TEXT0001-7");
    expect(makeOrganisationCode("TEXT0002")).toBe("TEXT0002-5");
    expect(() => makeOrganisationCode("TEXT001")).toThrow(RangeError);
  });
});
