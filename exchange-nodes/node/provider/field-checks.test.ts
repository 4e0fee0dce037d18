import { describe, expect, test } from "vitest";
import { makeCitizenNumber, makeSocialCreditCode, type DataItem } from "#standards";
import { createFieldCheck } from "./field-checks.ts";

function check(item: Partial<DataItem> & Pick<DataItem, "type">, text: string) {
  const bytes = Buffer.from(`\t${text}\t`);
  return createFieldCheck({ name: "项", field: "item", ...item })(bytes, 1, bytes.length - 1);
}

describe("a value beside its data item", () => {
  test.each([
    ["C", { length: 3 }, "龚𠮷a", undefined],
    ["C", { length: 3 }, "四个字符", "length"],
    ["Y", { length: 6, scale: 2 }, "-1234.56", undefined],
    ["Y", { length: 6, scale: 2 }, "12345", "length"],
    ["Y", { length: 6, scale: 2 }, "0.125", "scale"],
    ["Y", { length: 6, scale: 2 }, "NaN", "type"],
    ["N", {}, "123456789012345678901234567890.5", undefined],
    ["I", {}, "9223372036854775807", undefined],
    ["I", {}, "9223372036854775808", "range"],
    ["I", {}, "1.0", "type"],
    ["D", {}, "2024-02-29", undefined],
    ["D", {}, "2023-02-29", "type"],
    ["D", {}, "infinity", "type"],
    ["T", {}, "2024-01-05 23:59:59.123456", undefined],
    ["T", {}, "2024-01-05 24:00:00", "type"],
    ["L", {}, "t", undefined],
    ["L", {}, "true", "type"],
    ["B", {}, "-1.5e-05", undefined],
    ["B", {}, "Infinity", "type"],
    ["C", { codeSet: "GB/T 2261.1" }, "1", undefined],
    ["C", { codeSet: "GB/T 2261.1" }, "7", "code-set"],
    ["C", { codeSet: "a set of the department's own" }, "7", undefined],
    ["C", { format: "phone" }, "0571-8888 6666转12", undefined],
    ["C", { format: "phone" }, "none", "phone"],
    ["C", { format: "email" }, "a@b", "email"],
  ] as [DataItem["type"], Partial<DataItem>, string, string | undefined][])("%s %j: %s → %s", (type, item, text, expected) => expect(check({ type, ...item }, text)).toBe(expected));

  test("citizen numbers and credit codes are checked to their last character", () => {
    const citizen = makeCitizenNumber({ areaCode: "330106", birthDate: "1990-01-01", sequence: 12 });
    const wrong = citizen.slice(0, 17) + (citizen.endsWith("1") ? "2" : "1");
    expect(check({ type: "C", length: 18, format: "citizen-number" }, citizen)).toBeUndefined();
    expect(check({ type: "C", length: 18, format: "citizen-number" }, wrong)).toBe("citizen-number");
    const firm = makeSocialCreditCode({ department: "9", category: "1", areaCode: "330106", organisationBody: "TEXT0001" });
    expect(check({ type: "C", length: 18, format: "social-credit-code" }, firm)).toBeUndefined();
    expect(check({ type: "C", length: 18, format: "social-credit-code" }, `${firm.slice(0, 17)}${firm.endsWith("A") ? "B" : "A"}`)).toBe("social-credit-code");
  });
});
