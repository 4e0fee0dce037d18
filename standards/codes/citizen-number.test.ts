import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkCitizenNumber,
  isCitizenNumber,
  makeCitizenNumber,
  normaliseCitizenNumber,
  toEighteenCharacters,
} from "./citizen-number.ts";

const codesOf = (text: string, asOf?: string): string[] => {
  const verdict = checkCitizenNumber(text, asOf === undefined ? {} : { asOf });
  return verdict.ok ? [] : verdict.issues.map((issue) => issue.code);
};

describe("citizen numbers", () => {
  test("valid numbers give area, date of birth and sex", () => {
    expect(checkCitizenNumber("330102187502289017")).toEqual({
      ok: true,
      value: { areaCode: "330102", birthDate: "1875-02-28", sequence: 901, sex: "1" },
    });
    expect(checkCitizenNumber("330106188002299024")).toMatchObject({
      ok: true,
      value: { birthDate: "1880-02-29", sex: "2" },
    });
    for (const number of ["33010918761231904X", "11010519491231002X"]) expect(isCitizenNumber(number)).toBe(true);
  });

  test("a right check character does not excuse a date that is not in the calendar", () => {
    expect(codesOf("330102187902299011")).toEqual(["citizen-number.birth-date"]);
    expect(isCitizenNumber("330102187902299011")).toBe(false);
  });

  test("every thing that is wrong is told at once", () => {
    expect(codesOf("990102187902300001")).toEqual([
      "citizen-number.area",
      "citizen-number.birth-date",
      "citizen-number.sequence",
      "citizen-number.check-digit",
    ]);
  });

  test("abolished areas are right, invented ones are not", () => {
    for (const areaCode of ["330103", "330125", "330181", "330184", "512301", "320100", "830000"]) {
      expect(isCitizenNumber(makeCitizenNumber({ areaCode, birthDate: "1875-05-06", sequence: 1 }))).toBe(true);
    }
    expect(codesOf(makeCitizenNumber({ areaCode: "330199", birthDate: "1875-05-06", sequence: 1 }))).toEqual([
      "citizen-number.area",
    ]);
  });

  test("a birth after the given day is wrong, on that day it is right", () => {
    const number = makeCitizenNumber({ areaCode: "330102", birthDate: "2026-11-22", sequence: 7 });
    expect(isCitizenNumber(number, "2026-11-22")).toBe(true);
    expect(codesOf(number, "2026-11-21")).toEqual(["citizen-number.birth-in-future"]);
    expect(isCitizenNumber(number, "2026-11-21")).toBe(false);
  });

  test("form errors say what form is meant", () => {
    expect(codesOf("33010918761231904x")).toEqual(["citizen-number.lower-case"]);
    expect(codesOf("330102750228901")).toEqual(["citizen-number.fifteen-digits"]);
    for (const text of ["", "33010218750228901", "3301021875022890177", "33010218750228901 7", "中".repeat(18)]) {
      expect(codesOf(text)).toEqual(["citizen-number.form"]);
      expect(isCitizenNumber(text)).toBe(false);
    }
    expect(normaliseCitizenNumber(" ３３０１０９18761231904ｘ ")).toBe("33010918761231904X");
  });

  test("messages never repeat the number", () => {
    const verdict = checkCitizenNumber("330102187902299012");
    if (verdict.ok) throw new Error("the number is wrong");
    for (const { message, zh } of verdict.issues) expect(message + zh).not.toMatch(/1879|9012/);
  });

  test("fifteen digits become eighteen characters with 19 before the year", () => {
    const number = toEighteenCharacters("330102750228901");
    expect(number).toBe(makeCitizenNumber({ areaCode: "330102", birthDate: "1975-02-28", sequence: 901 }));
    expect(toEighteenCharacters("33010275022890")).toBeUndefined();
  });

  const number = fc
    .record({
      areaCode: fc.constantFrom("330102", "110101", "512301", "650100"),
      birthDate: fc
        .date({ min: new Date("1850-01-01"), max: new Date("2026-11-22"), noInvalidDate: true })
        .map((date) => date.toISOString().slice(0, 10)),
      sequence: fc.integer({ min: 1, max: 999 }),
    })
    .map((parts) => ({ parts, text: makeCitizenNumber(parts) }));

  test("what is made is read back", () => {
    fc.assert(
      fc.property(number, ({ parts, text }) => {
        expect(checkCitizenNumber(text, { asOf: "2026-11-22" })).toEqual({
          ok: true,
          value: { ...parts, sex: parts.sequence % 2 === 1 ? "1" : "2" },
        });
      }),
    );
  });

  test("the fast answer and the full verdict agree on anything", () => {
    const broken = fc
      .tuple(number, fc.nat(17), fc.constantFrom(..."0123456789Xx "))
      .map(([{ text }, index, character]) => text.slice(0, index) + character + text.slice(index + 1));
    fc.assert(
      fc.property(fc.oneof(broken, fc.string({ maxLength: 20 })), (text) => {
        expect(isCitizenNumber(text, "2020-01-01")).toBe(checkCitizenNumber(text, { asOf: "2020-01-01" }).ok);
      }),
    );
  });
});
