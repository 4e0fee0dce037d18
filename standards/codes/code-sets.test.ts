import { describe, expect, test } from "vitest";
import { codeSetNames, findCodeSet, getCodeSet, isCode, labelOf, searchCodes } from "./code-sets.ts";
import { findCode } from "./code-set.ts";
import { fullDivisionName } from "./divisions.ts";
import { hangzhouDivisions2008, hangzhouDivisionsNow } from "./hangzhou-division-changes.ts";
import { expandMaritalCode, reduceMaritalCode } from "./personal-code-sets.ts";
import { isThemeCode } from "./themes.ts";
import { themeCodeOf, themeNameOf } from "./theme-names.ts";

const count = (name: string, length: number): number =>
  getCodeSet(name).entries.filter((entry) => entry.code.length === length).length;

describe("code sets", () => {
  test("every set has codes that are found by themselves, with parents that stand in the set", () => {
    for (const name of codeSetNames) {
      const set = getCodeSet(name);
      expect(set.name).toBe(name);
      expect(set.entries.length).toBeGreaterThan(3);
      for (const entry of set.entries) {
        expect(labelOf(set, entry.code), `${name} ${entry.code}`).toBeDefined();
        if (entry.parent !== undefined) expect(isCode(set, entry.parent), `${name} ${entry.parent}`).toBe(true);
      }
    }
  });

  test("editions and spellings of the prefix name the same set; an unknown one is refused with the list", () => {
    for (const name of ["GB/T 2261.1-2003", "GB2261.1", "GBT 2261.1", "gb/t2261.1"]) {
      expect(findCodeSet(name)?.name).toBe("GB/T 2261.1");
    }
    expect(findCodeSet("GB/T 1")).toBeUndefined();
    expect(() => getCodeSet("GB/T 1")).toThrow("GB/T 2260");
  });

  test("sex, marital status and ethnic groups have the standards' codes", () => {
    expect(labelOf("GB/T 2261.1", "2")).toBe("女性");
    expect(getCodeSet("GB/T 2261.2").entries.map((entry) => entry.code)).toEqual("10 20 21 22 23 30 40 90".split(" "));
    expect(getCodeSet("GB/T 3304").entries.filter((entry) => entry.status !== "local")).toHaveLength(56);
    expect([labelOf("GB/T 3304", "01"), labelOf("GB/T 3304", "22"), labelOf("GB/T 3304", "56")]).toEqual([
      "汉族",
      "畲族",
      "基诺族",
    ]);
    expect(findCode(getCodeSet("GB/T 3304"), "97")?.status).toBe("local");
  });

  test("the five-code reduction of marital status goes both ways", () => {
    expect(["1", "2", "3", "4", "9"].map(expandMaritalCode)).toEqual(["10", "20", "30", "40", "90"]);
    expect(["10", "21", "22", "23", "40", "90"].map(reduceMaritalCode)).toEqual(["1", "2", "2", "2", "4", "9"]);
    expect([expandMaritalCode("7"), reduceMaritalCode("50")]).toEqual([undefined, undefined]);
  });

  test("GB/T 4754 has 20 sections, 97 divisions, 473 groups and 1381 classes, with or without the letter", () => {
    expect([1, 3, 4, 5].map((length) => count("GB/T 4754", length))).toEqual([20, 97, 473, 1381]);
    expect([labelOf("GB/T 4754", "A0111"), labelOf("GB/T 4754", "0111")]).toEqual(["稻谷种植", "稻谷种植"]);
    expect(isCode("GB/T 4754", "B0111")).toBe(false);
  });

  test("the theme classification has 21 classes and 133 items, and ZCC00 is 矿藏", () => {
    expect(count("GB/T 21063.4", 2)).toBe(21);
    // One more code than items: class 21 has none and stands for itself.
    expect(count("GB/T 21063.4", 5)).toBe(134);
    expect([themeNameOf("ZCC00"), themeCodeOf("财政/税务")]).toEqual(["国土资源、能源/矿藏", "ZHC00"]);
    expect(["ZCC00", "ZCC01", "ZC", "ZCI00", "ZXA00", "zcc00", "ZAM00"].map(isThemeCode)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(findCode(getCodeSet("GB/T 21063.4"), "ZHC00")?.status).toBeUndefined();
    expect(findCode(getCodeSet("GB/T 21063.4"), "ZJB00")?.status).toBe("unverified");
  });

  test("codes are found by their beginning and by their name, best first", () => {
    expect(searchCodes("GB/T 4754", "稻谷种植")[0]?.code).toBe("A0111");
    expect(searchCodes("GB/T 2260", "3301", { limit: 3, on: "2026-01-01" }).map((entry) => entry.label)).toEqual([
      "杭州市",
      "市辖区",
      "上城区",
    ]);
    expect(searchCodes("GB/T 2260", "江干", { on: "2026-01-01" })).toEqual([]);
  });
});

describe("administrative divisions", () => {
  const labels = (codes: readonly string[], on: string): (string | undefined)[] =>
    codes.map((code) => labelOf("GB/T 2260", code, on));

  test("Hangzhou has 13 divisions in 2008 and 13 others today", () => {
    expect(labels(hangzhouDivisions2008, "2008-06-01").join(" ")).toBe(
      "上城区 下城区 江干区 拱墅区 西湖区 滨江区 萧山区 余杭区 桐庐县 淳安县 建德市 富阳市 临安市",
    );
    expect(labels(hangzhouDivisionsNow, "2026-01-01").join(" ")).toBe(
      "上城区 拱墅区 西湖区 滨江区 萧山区 余杭区 富阳区 临安区 临平区 钱塘区 桐庐县 淳安县 建德市",
    );
    const validOn = (on: string): number =>
      searchCodes("GB/T 2260", "3301", { on, limit: 100 }).filter((entry) => !/0[01]$/.test(entry.code)).length;
    expect([validOn("2008-06-01"), validOn("2026-01-01")]).toEqual([13, 13]);
  });

  test("an abolished code ends on its day and names its successors", () => {
    const jianggan = findCode(getCodeSet("GB/T 2260"), "330104");
    expect(jianggan).toMatchObject({ label: "江干区", validTo: "2021-04-09", replacedBy: ["330102", "330114"] });
    expect(isCode("GB/T 2260", "330104", "2021-04-08")).toBe(true);
    expect(isCode("GB/T 2260", "330104", "2021-04-09")).toBe(false);
    expect(isCode("GB/T 2260", "330113", "2021-04-08")).toBe(false);
    expect(isCode("GB/T 2260", "330104")).toBe(true);
  });

  test("a code that changed its name has the name of the day", () => {
    expect(labelOf("GB/T 2260", "130502", "2018-01-01")).toBe("桥东区");
    expect(labelOf("GB/T 2260", "130502")).toBe("襄都区");
  });

  test("a full name begins with the province and leaves 市辖区 out", () => {
    expect(fullDivisionName("330102")).toBe("浙江省杭州市上城区");
    expect(fullDivisionName("110101")).toBe("北京市东城区");
    expect(fullDivisionName("999999")).toBeUndefined();
  });
});
