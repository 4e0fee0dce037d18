import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatEntryCode,
  formatEntryCodeFront,
  isEntryCode,
  isGuideCategory,
  nextEntrySequence,
  parseEntryCode,
} from "./entry-code.ts";
import type { EntryCode } from "./entry-code.ts";
import {
  formatMetadataIdentifier,
  formatResourceIdentifier,
  formatResourcePrefix,
  isMetadataIdentifier,
  isResourceIdentifier,
  parseResourceIdentifier,
} from "./resource-identifier.ts";

const digits = (length: fc.StringConstraints): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), ...length });

describe("entry codes", () => {
  test("a code is read into its parts", () => {
    expect(parseEntryCode("307001/00012")).toEqual({
      ok: true,
      value: { class: "3", item: "07", section: "001", subsection: "", sequence: 12 },
    });
    expect(parseEntryCode("1010020405/7")).toMatchObject({ ok: true, value: { subsection: "0405", sequence: 7 } });
  });

  test("what is not a code says what one looks like", () => {
    for (const text of [
      "",
      "407001/1",
      "30701/1",
      "307001",
      "307001/",
      "307001/x",
      "307001／1",
      "307001/99999999999999999999",
    ]) {
      expect(parseEntryCode(text)).toMatchObject({ ok: false, issues: [{ code: "entry-code.form" }] });
    }
    expect(() => formatEntryCode({ class: "3", item: "7", section: "001", subsection: "", sequence: 1 })).toThrow(
      RangeError,
    );
    expect(() => formatEntryCode({ class: "3", item: "07", section: "001", subsection: "", sequence: 0 })).toThrow(
      RangeError,
    );
  });

  test("what is formatted is read back", () => {
    const code: fc.Arbitrary<EntryCode> = fc.record({
      class: fc.constantFrom("1", "2", "3"),
      item: digits({ minLength: 2, maxLength: 2 }),
      section: digits({ minLength: 3, maxLength: 3 }),
      subsection: digits({ maxLength: 6 }),
      sequence: fc.integer({ min: 1, max: 10_000_000 }),
    });
    fc.assert(
      fc.property(code, (parts) => {
        const text = formatEntryCode(parts);
        expect(isEntryCode(text)).toBe(true);
        expect(text.startsWith(`${formatEntryCodeFront(parts)}/`)).toBe(true);
        expect(parseEntryCode(text)).toEqual({ ok: true, value: parts });
      }),
    );
  });

  test("numbers begin with 1 and go on behind the highest ever used", () => {
    expect([nextEntrySequence(undefined), nextEntrySequence(41)]).toEqual([1, 42]);
  });

  test("the guide's categories are known", () => {
    expect(["101", "105", "212", "307"].map(isGuideCategory)).toEqual([true, true, true, true]);
    expect(["1", "106", "213", "401", "GB"].map(isGuideCategory)).toEqual([false, false, false, false, false]);
  });
});

describe("resource identifiers", () => {
  test("a prefix has six characters, and identifiers with five are understood too", () => {
    expect(formatResourcePrefix({ departmentNumber: 7 })).toBe("33A007");
    expect(formatResourceIdentifier("33A007", 12)).toBe("33A007/00000012");
    expect(parseResourceIdentifier("33A007/00000012")).toEqual({
      ok: true,
      value: { province: "33", area: "A", department: "007", postfix: "00000012" },
    });
    expect(isResourceIdentifier("11000/A00034VG345")).toBe(true);
  });

  test("letters I and O and numbers outside 1 to 999 cannot stand in a prefix", () => {
    expect(() => formatResourcePrefix({ departmentNumber: 0 })).toThrow(RangeError);
    expect(() => formatResourcePrefix({ departmentNumber: 1000 })).toThrow(RangeError);
    expect(() => formatResourcePrefix({ departmentNumber: 1, area: "O" })).toThrow(RangeError);
    expect(parseResourceIdentifier("33I001/1")).toMatchObject({ issues: [{ code: "resource-identifier.form" }] });
    expect(() => formatResourceIdentifier("33I001", 1)).toThrow(RangeError);
  });

  test("a metadata identifier is made of the resource identifier and the version", () => {
    const identifier = formatMetadataIdentifier("33A007/00000012", "1.0");
    expect(identifier).toBe("MD-33A007/00000012-1.0");
    expect(isMetadataIdentifier(identifier)).toBe(true);
    expect(isMetadataIdentifier("标识")).toBe(false);
  });
});
