import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "#test-support";
import type { TestDatabase } from "#test-support";
import { maskRules } from "../generated/values.ts";
import type { MaskRule } from "../generated/values.ts";
import { maskDescriptions, maskedItem, maskSql, maskValue } from "./masks.ts";

const key = { hashKey: "key of one grant" };

describe("masks", () => {
  test("each rule does to its own example what its description says", () => {
    for (const { rule, before, after } of Object.values(maskDescriptions)) {
      if (rule !== "hash") expect(maskValue(rule, before)).toBe(after);
    }
  });

  test("a value too short for the rule is hidden completely", () => {
    expect(maskValue("phone", "1234567")).toBe("*******");
    expect(maskValue("account", "1234")).toBe("****");
    expect(maskValue("citizen-number", "33010218")).toBe("********");
    expect(maskValue("citizen-number", "330102870228901")).toBe("330102*******01");
  });

  test("a name of characters outside the basic plane keeps one whole character", () => {
    expect(maskValue("name", "𠮷田")).toBe("𠮷*");
  });

  test("an address never keeps a road or a number, and falls back to district, city, nothing", () => {
    expect(maskValue("address", "浙江省杭州市萧山区瓜沥镇东灵路1号")).toBe("浙江省杭州市萧山区瓜沥镇");
    expect(maskValue("address", "杭州市西湖区文三路100号翠苑街道")).toBe("杭州市西湖区");
    expect(maskValue("address", "杭州市文三路100号")).toBe("杭州市");
    expect(maskValue("address", "文三路100号")).toBe("*");
  });

  test("the hash depends on value and key, is 64 hexadecimal digits with both digests, and refuses to run without a key", () => {
    const masked = maskValue("hash", "330102187502289017", key);
    expect(masked).toMatch(/^[0-9a-f]{64}$/);
    expect(maskValue("hash", "330102187502289017", key)).toBe(masked);
    expect(maskValue("hash", "330102187502289017", { hashKey: "another" })).not.toBe(masked);
    expect(maskValue("hash", "330102187502289017", { ...key, hashAlgorithm: "sm3" })).toMatch(/^[0-9a-f]{64}$/);
    expect(() => maskValue("hash", "330102187502289017")).toThrow("hashKey");
    expect(maskSql("hash", "x")).toBeUndefined();
  });

  test("a masked item is text without the format and code set of the clear value", () => {
    expect(
      maskedItem({ name: "公民身份号码", field: "number", type: "C", length: 18, format: "citizen-number" }, "hash"),
    ).toEqual({ name: "公民身份号码", field: "number", type: "C", length: 64 });
    expect(maskedItem({ name: "出生日期", field: "born", type: "D" }, "birth-year")).toEqual({
      name: "出生日期",
      field: "born",
      type: "C",
      length: 4,
    });
  });

  test("NULL and the empty text stay as they are under every rule", () => {
    for (const rule of maskRules) {
      expect(maskValue(rule, null, key)).toBeNull();
      expect(maskValue(rule, "", key)).toBe("");
    }
  });
});

describe("masks in PostgreSQL", () => {
  let testDatabase: TestDatabase;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
  });
  afterAll(() => testDatabase.drop());

  const characters = [..."张三丰欧阳𠮷𬭼ab 0123456789-X０９浙江省杭州市上城区湖滨街道瓜沥镇乡县路弄号幢\n.%_\\'"];
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...characters), maxLength: 24 }),
    fc.string({ unit: fc.constantFrom(..."0123456789Xx"), maxLength: 20 }),
    fc.constantFrom("1985-03-02", "19850302", "杭州市上城区湖滨街道东坡路7号", "330102187502289017"),
  );

  test("maskSql gives what maskValue gives for any text and for NULL", async () => {
    const rules = maskRules.filter((rule): rule is Exclude<MaskRule, "hash"> => rule !== "hash");
    const columns = rules.map((rule, index) => `${maskSql(rule, "value")} as r${index}`).join(", ");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(texts), { minLength: 100, maxLength: 200 }), async (values) => {
        const { rows } = await testDatabase.database.read((reader) =>
          reader.query<Record<string, string | null>>(
            `select ${columns} from unnest($1::text[]) with ordinality as t(value, n) order by n`,
            [values],
          ),
        );
        for (const [row, value] of values.entries()) {
          for (const [index, rule] of rules.entries()) expect(rows[row]?.[`r${index}`]).toBe(maskValue(rule, value));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("a date column gives its year", async () => {
    const { rows } = await testDatabase.database.read((reader) =>
      reader.query(`select ${maskSql("birth-year", "d")} as y from (values (date '1985-03-02')) as t(d)`),
    );
    expect(rows).toEqual([{ y: "1985" }]);
  });
});
