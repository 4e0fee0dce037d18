import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { citizenNumberCheck, organisationCheck, socialCreditCheck, socialCreditSymbols } from "./check-digits.ts";

const digits = "0123456789";
const capitals = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const textOf = (symbols: string, length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...symbols), minLength: length, maxLength: length });

const replaceAt = (text: string, index: number, character: string): string =>
  text.slice(0, index) + character + text.slice(index + 1);
const swap = (text: string, left: number, right: number): string =>
  replaceAt(replaceAt(text, left, text.charAt(right)), right, text.charAt(left));

describe("check characters", () => {
  test("GB 11643 catches every change of one digit", () => {
    fc.assert(
      fc.property(textOf(digits, 17), fc.nat(16), fc.constantFrom(...digits), (body, index, digit) => {
        fc.pre(body.charAt(index) !== digit);
        expect(citizenNumberCheck(replaceAt(body, index, digit))).not.toBe(citizenNumberCheck(body));
      }),
    );
  });

  test("GB 11643 catches every swap of two digits that are not ten places apart", () => {
    fc.assert(
      fc.property(textOf(digits, 17), fc.nat(16), fc.nat(16), (body, left, right) => {
        fc.pre(body.charAt(left) !== body.charAt(right) && Math.abs(left - right) !== 10);
        expect(citizenNumberCheck(swap(body, left, right))).not.toBe(citizenNumberCheck(body));
      }),
    );
  });

  test("GB 32100 catches every change of one symbol and every swap of two", () => {
    fc.assert(
      fc.property(
        textOf(socialCreditSymbols, 17),
        fc.nat(16),
        fc.nat(16),
        fc.constantFrom(...socialCreditSymbols),
        (body, left, right, symbol) => {
          if (body.charAt(left) !== symbol) {
            expect(socialCreditCheck(replaceAt(body, left, symbol))).not.toBe(socialCreditCheck(body));
          }
          if (body.charAt(left) !== body.charAt(right)) {
            expect(socialCreditCheck(swap(body, left, right))).not.toBe(socialCreditCheck(body));
          }
        },
      ),
    );
  });

  test("GB 11714 catches changes and swaps of characters whose values do not differ by a multiple of 11", () => {
    fc.assert(
      fc.property(
        textOf(capitals, 8),
        fc.nat(7),
        fc.nat(7),
        fc.constantFrom(...capitals),
        (body, left, right, symbol) => {
          const differ = (a: string, b: string): boolean => (capitals.indexOf(a) - capitals.indexOf(b)) % 11 !== 0;
          if (differ(body.charAt(left), symbol)) {
            expect(organisationCheck(replaceAt(body, left, symbol))).not.toBe(organisationCheck(body));
          }
          if (differ(body.charAt(left), body.charAt(right))) {
            expect(organisationCheck(swap(body, left, right))).not.toBe(organisationCheck(body));
          }
        },
      ),
    );
  });

  test("every one of the 31 symbols occurs as the last character of a unified social credit code", () => {
    const seen = new Set<string>();
    for (let number = 0; number < 1000; number++) {
      seen.add(socialCreditCheck(`91330100${String(number).padStart(9, "0")}`) ?? "");
    }
    expect([...seen].sort().join("")).toBe(socialCreditSymbols);
  });

  test("a foreign character gives no check character", () => {
    expect(citizenNumberCheck("3301021875022890a")).toBeUndefined();
    expect(socialCreditCheck("91330100TEXT0001O")).toBeUndefined();
    expect(organisationCheck("text0001")).toBeUndefined();
  });
});
