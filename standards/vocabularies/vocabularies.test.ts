import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sharedData } from "#test-support";
import { normaliseFormat, normaliseFormats } from "./formats.ts";
import { splitListText } from "./list-text.ts";
import { normaliseOpenness, normaliseSharingType } from "./sharing-types.ts";
import { normaliseIndustry, normaliseTheme } from "./themes.ts";
import { normaliseUpdateCycle } from "./update-cycles.ts";

describe("words of foreign catalogs", () => {
  test("an update cycle is recognised in every way that it is written", () => {
    const cycles = {
      realtime: ["实时", "实时更新", "R/PT1S", "1"],
      daily: ["每日", "每天", "按天更新", "每日更新", "R/P1D"],
      weekly: ["每周", "周", "每星期", "R/P1W"],
      monthly: ["每月", "月", "按月更新", "每1个月更新一次", "R/P1M"],
      quarterly: ["每季度", "季度", "季", "按季度更新", "R/P3M"],
      "half-yearly": ["每半年", "半年", "R/P6M"],
      yearly: ["每年", "年", "按年更新", "年度", "每年更新一次", "每隔一年", "R/P1Y", "6"],
      irregular: ["不定期", "不定期更新", "按需更新", "irregular"],
      static: ["静态", "不更新", "一次性"],
    };
    for (const [value, texts] of Object.entries(cycles)) {
      for (const text of texts) expect(normaliseUpdateCycle(text), text).toEqual({ value });
    }
    expect(normaliseUpdateCycle("其他")).toEqual({ value: "irregular", approximate: true });
    expect(normaliseUpdateCycle("R/P10Y")).toEqual({ value: "irregular", approximate: true });
    for (const text of ["", "随缘", "定期更新"]) expect(normaliseUpdateCycle(text)).toEqual({ unknown: text });
  });

  test("sharing and opening are recognised in every way that they are written", () => {
    const types = {
      unconditional: ["无条件共享", "无条件开放", "1无条件", "完全共享", "public"],
      conditional: ["有条件共享", "有条件开放", "依申请开放", "2有条件共享类", "restricted public"],
      refused: ["不予共享", "3不予共享", "不予开放", "不共享", "non-public"],
    };
    for (const [value, texts] of Object.entries(types)) {
      for (const text of texts) expect(normaliseSharingType(text), text).toEqual({ value });
    }
    expect(normaliseSharingType("看情况")).toEqual({ unknown: "看情况" });
    expect(normaliseOpenness("有条件开放")).toEqual({ value: { open: true, conditional: true } });
    expect(normaliseOpenness("否")).toEqual({ value: { open: false, conditional: false } });
  });

  test("formats are put in the guide's classes, and a list in the one that says most", () => {
    expect(normaliseFormat(" .XLSX ")).toEqual({ value: { class: "spreadsheet", type: "xlsx" } });
    expect(normaliseFormat("text/csv")).toEqual({ value: { class: "spreadsheet", type: "csv" } });
    expect(normaliseFormat("数据接口")).toEqual({ value: { class: "service", type: "api" } });
    expect(normaliseFormat("file")).toEqual({ value: { class: "electronic-file", type: "其他" }, approximate: true });
    expect(normaliseFormats(["xls", "xml", "json", "csv", "$type", ""])).toEqual({
      format: { class: "spreadsheet", types: ["xls", "xml", "json", "csv"] },
      unknown: ["$type"],
      approximate: false,
    });
    expect(normaliseFormats(["$type"]).format).toBeUndefined();
  });

  test("lists written as text are taken apart, and names with 、 stay whole", () => {
    expect(splitListText("['xls', 'xml']")).toEqual(["xls", "xml"]);
    expect(splitListText('["a, b","c"]')).toEqual(["a, b", "c"]);
    expect(splitListText("工业、交通\uFF0C财政,农业;民政")).toEqual(["工业、交通", "财政", "农业", "民政"]);
    expect(splitListText("甲、乙", { ideographicComma: true })).toEqual(["甲", "乙"]);
    for (const empty of ["", "[]", "['']"]) expect(splitListText(empty)).toEqual([]);
  });

  test("themes are found by class, item, domain word and code", () => {
    expect(normaliseTheme("工业、交通")).toEqual({ value: "ZDA00" });
    expect(normaliseTheme("税务")).toEqual({ value: "ZHC00" });
    expect(normaliseTheme("财政/税务")).toEqual({ value: "ZHC00" });
    expect(normaliseTheme("社保就业")).toMatchObject({ approximate: true });
    expect(normaliseTheme("ZCC00")).toEqual({ value: "ZCC00" });
    expect(normaliseTheme("空")).toEqual({ unknown: "空" });
  });

  test("industries are found by name and code", () => {
    expect(normaliseIndustry("公共管理、社会保障和社会组织")).toEqual({ value: "S" });
    expect(normaliseIndustry("信息传揄、软件和信息技术服务业")).toEqual({ value: "I" });
    expect(normaliseIndustry("0111")).toEqual({ value: "A0111" });
    expect(normaliseIndustry("")).toEqual({ unknown: "" });
  });
});

describe("the six portals' catalogs", () => {
  const portals = [
    "anhui_huangshan",
    "anhui_wuhu",
    "ningxia_yinchuan",
    "sichuan_deyang",
    "sichuan_luzhou",
    "xinjiang_wlmq",
  ];
  const path = sharedData("catalogs/cn-portals");

  const unknownWords = (
    keys: readonly string[],
    split: boolean,
    normalise: (text: string) => object,
  ): { words: Record<string, number>; total: number } => {
    const words: Record<string, number> = {};
    let total = 0;
    for (const portal of portals) {
      const rows = JSON.parse(readFileSync(`${path}/${portal}.json`, "utf8")) as Record<string, unknown>[];
      for (const row of rows) {
        const value = keys.map((key) => row[key]).find((each) => each !== undefined);
        const text = Array.isArray(value) ? JSON.stringify(value) : String(value ?? "");
        for (const word of split ? splitListText(text) : [text]) {
          total++;
          if ("unknown" in normalise(word)) words[word] = (words[word] ?? 0) + 1;
        }
      }
    }
    return { words, total };
  };

  test.skipIf(path === undefined)("every update cycle is understood but the empty one", () => {
    const { words, total } = unknownWords(["更新周期", "更新频率"], false, normaliseUpdateCycle);
    expect(total).toBeGreaterThan(10_000);
    expect(Object.keys(words)).toEqual([""]);
  });

  test.skipIf(path === undefined)("every opening is understood", () => {
    expect(unknownWords(["开放条件", "开放类型", "开放状态"], false, normaliseOpenness).words).toEqual({});
  });

  test.skipIf(path === undefined)("every format is understood but a crawler's leftover", () => {
    expect(Object.keys(unknownWords(["资源格式", "数据格式"], true, normaliseFormat).words)).toEqual(["$type"]);
  });

  test.skipIf(path === undefined)("every theme, domain and industry is understood but the word for empty", () => {
    for (const keys of [
      ["数据主题", "所属主题"],
      ["数据领域", "领域名称"],
    ]) {
      const unknown = Object.keys(unknownWords(keys, true, normaliseTheme).words);
      expect(unknown.filter((word) => word !== "空")).toEqual([]);
    }
    expect(unknownWords(["所属行业"], true, normaliseIndustry).words).toEqual({});
  });
});
