import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTable } from "../testing/read-table.ts";
import { parseMapping, readDefault } from "./custom.ts";
import { readDate } from "./dates.ts";
import { fieldNameFor } from "./items.ts";
import { keyOfAddress } from "./remote-key.ts";
import { readItemType } from "./words.ts";

const csv = (...lines: string[]) => lines.join("\n");
const guide = "信息资源名称,信息资源提供方,信息资源格式类型,共享类型,共享条件,更新周期,是否向社会开放";
const portal = (overrides: object = {}) => JSON.stringify([{ 标题: "公交线路", 提供方: "市交通局", 开放条件: "无条件开放", 更新周期: "每月", 数据格式: "['xls', 'csv']", 详情页网址: "https://data.example.gov.cn/detail?id=7", ...overrides }]);
const codes = (issues: readonly { code: string; severity: string }[], severity = "error") => issues.filter((issue) => issue.severity === severity).map((issue) => issue.code);

describe("words of other vocabularies", () => {
  test.each([["每月", "monthly"], ["月", "monthly"], ["每季度", "quarterly"], ["半年", "half-yearly"], ["年度", "yearly"], ["按年更新", "yearly"], ["实时", "realtime"], ["不定期", "irregular"], ["每日", "daily"]])("update cycle %s is %s", async (word, cycle) => {
    const { records } = await readTable(csv(guide, `甲目录,市局,xlsx,无条件共享,,${word},否`));
    expect(records[0]!.content?.updateCycle).toBe(cycle);
  });

  test.each([["无条件共享", "unconditional"], ["1", "unconditional"], ["有条件共享", "conditional"], ["不予共享", "refused"], ["无条件", "unconditional"]])("sharing type %s is %s", async (word, type) => {
    const { records } = await readTable(csv(guide, `甲目录,市局,xlsx,${word},用于核查,每月,否`));
    expect(records[0]!.content?.sharingType).toBe(type);
  });

  test.each([
    ["无条件开放", { open: true, sharingType: "unconditional", sensitivity: "L1" }],
    ["有条件开放", { open: true, sharingType: "conditional", sensitivity: "L2" }],
    ["依申请开放", { open: true, sharingType: "conditional" }],
    ["不予开放", { open: false, sharingType: "refused", sensitivity: "L4" }],
  ])("a portal's %s becomes openness, sharing type and level, and the rule is told", async (word, expected) => {
    const { records } = await readTable(portal({ 开放条件: word }));
    expect(records[0]!.content).toMatchObject(expected);
    expect(records[0]!.rules.map((rule) => rule.code).some((code) => code.startsWith("openness."))).toBe(true);
  });

  test("the condition of a refusal is its basis", async () => {
    const { records } = await readTable(csv(guide, "甲目录,市局,xlsx,不予共享,《保守国家秘密法》,每月,否"));
    expect(records[0]!.content).toMatchObject({ sharingType: "refused", refusalBasis: "《保守国家秘密法》" });
    expect(records[0]!.content).not.toHaveProperty("sharingCondition");
  });

  test("lists are read in whatever notation, formats folded to one class", async () => {
    const { records } = await readTable(portal({ 关键字: "公交;线路，站点" }));
    expect(records[0]!.content).toMatchObject({ format: { class: "spreadsheet" }, keywords: expect.arrayContaining(["公交", "线路", "站点"]) });
  });

  test.each([["字符型C", "C"], ["整型I", "I"], ["整型", "I"], ["varchar(50)", "C"], ["数值型N", "N"], ["C字符型", "C"], ["日期时间型T", "T"], ["双精度型B", "B"], ["datetime", "T"]])("item type %s is %s", (word, type) => {
    expect(readItemType(word)?.type).toBe(type);
  });

  test.each([["2022-5-25", "2022-05-25"], ["2022年5月25日", "2022-05-25"], ["20220525", "2022-05-25"], ["2022/05/25 10:00:00", "2022-05-25"], ["44706", "2022-05-25"], ["2022", undefined], ["2022-02-30", undefined]])("date %s is %s", (word, date) => {
    expect(readDate(word)).toBe(date);
  });

  test("the id in an address is found behind ? and # alike", () => {
    expect(keyOfAddress("https://a.cn/x?id=7&b=1", "id")).toBe("7");
    expect(keyOfAddress("https://a.cn/#/detail?id=8", "id")).toBe("8");
    expect(keyOfAddress("https://a.cn/detail/9.html", undefined)).toBe("9.html");
    expect(keyOfAddress("https://a.cn/x", "id")).toBeUndefined();
  });

  test("field names made from names are fit and never the same", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.constantFrom("姓名", "公民身份号码", "Name", "年份(年)", "1号线"), fc.string({ maxLength: 20 })), { maxLength: 20 }), (names) => {
      const taken = new Set<string>();
      for (const name of names) {
        const field = fieldNameFor(name, taken);
        expect(field).toMatch(/^[a-z][a-z0-9_]{0,57}$/);
        expect(field.startsWith("zt_") || taken.has(field)).toBe(false);
        taken.add(field);
      }
    }));
  });
});

describe("tables are recognised", () => {
  test("below title lines, with two header lines, items on rows of their own, remarks left out", async () => {
    const file = await readTable(csv("杭州市政务信息资源目录,,,,,,", ",,,,,,", "信息资源名称,信息资源提供方,信息资源格式,,信息项信息,,共享类型,更新周期", ",,分类,类型,信息项名称,数据类型,,", "低保对象,市民政局,数据库,oracle,姓名,字符型C,无条件共享,每月", ",,,,身份证号,字符型C,,", "社会组织,市民政局,电子表格,xlsx,名称,字符型C,无条件共享,每年", "合计,2,,,,,,"));
    expect(file.mapping.name).toBe("guide-2017");
    expect(file.records.map((record) => [record.row, record.title, record.itemRows, record.content?.items?.map((item) => item.name)])).toEqual([[5, "低保对象", 1, ["姓名", "身份证号"]], [7, "社会组织", 0, ["名称"]]]);
    expect(file.remarkRows).toBe(1);
  });

  test("columns that nobody asked for are listed, none is dropped silently", async () => {
    const { tables } = await readTable(csv(`${guide},领导签字`, "甲目录,市局,xlsx,无条件共享,,每月,否,张三"));
    expect(tables[0]!.unused.map((each) => each.column)).toEqual(["领导签字"]);
  });

  test("a row whose columns have slipped says so, naming them", async () => {
    const { records } = await readTable(portal({ 标题: "2023-01-05", 提供方: "https://data.example.gov.cn/x", 更新周期: "无条件开放" }));
    expect(codes(records[0]!.issues)).toEqual(expect.arrayContaining(["row.shifted", "value.of-another-column"]));
    expect(records[0]!.content).toBeUndefined();
  });

  test("a line with more or fewer fields than the header is told", async () => {
    const { records } = await readTable(csv(guide, "甲目录,市局,xlsx,无条件共享,,每月,否,多出来的", "乙目录,市局,xlsx,无条件共享,,每月"));
    expect(codes(records[0]!.issues, "warning")).toContain("row.extra-cells");
    expect(codes(records[1]!.issues, "warning")).toContain("row.missing-cells");
  });

  test("whatever stands in the cells, every row is either read or says why not", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ 标题: fc.string(), 提供方: fc.string(), 开放条件: fc.oneof(fc.string(), fc.constantFrom("无条件开放", "有条件开放")), 更新周期: fc.oneof(fc.string(), fc.constant("每月")), 数据格式: fc.oneof(fc.string(), fc.array(fc.string()), fc.constant("xlsx")), 详情页网址: fc.oneof(fc.string(), fc.webUrl()) }), { minLength: 1, maxLength: 20 }), async (rows) => {
        const { records } = await readTable(JSON.stringify(rows));
        expect(records).toHaveLength(rows.length);
        for (const record of records) expect(record.content === undefined).toBe(codes(record.issues).length > 0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a vocabulary of one's own", () => {
  test("is read from YAML and used", async () => {
    const mapping = parseMapping("name: own\nfields:\n  title: 目录名\n  provider: [部门, 单位]\n  sharingType: 共享\n  updateCycle: 周期\n  formats: 格式\ndefaults: { updateCycle: 不定期 }\n", "own.yaml");
    const { records } = await readTable(csv("目录名,单位,共享,格式", "甲目录,市局,无条件共享,xlsx"), { mappings: [mapping] });
    expect(records[0]).toMatchObject({ providerName: "市局", content: { title: "甲目录", updateCycle: "irregular" } });
    expect(records[0]!.rules.map((rule) => rule.code)).toContain("default.updateCycle");
  });

  test("with mistakes names all of them at once", () => {
    expect(() => parseMapping("name: '!'\nfields: { titel: 甲, provider: 3 }\ncolour: red\ndefaults: { nonsense: 1 }", "bad.yaml")).toThrow(expect.objectContaining({ code: "mapping.invalid", issues: expect.objectContaining({ length: 6 }) }));
    for (const text of ["- a", "[", "name: a"]) expect(() => parseMapping(text, "bad.yaml")).toThrow(expect.objectContaining({ kind: "Input" }));
    expect(() => readDefault("updateCycle")).toThrow(expect.objectContaining({ code: "import.default" }));
    expect(() => readDefault("nothing=1")).toThrow(expect.objectContaining({ code: "mapping.target" }));
    expect(readDefault("updateCycle=不定期")).toEqual(["updateCycle", "不定期"]);
  });
});
