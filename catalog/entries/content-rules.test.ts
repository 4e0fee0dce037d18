import { describe, expect, test } from "vitest";
import type { CatalogEntry } from "#standards";
import { newContent, newItem } from "../testing/new-content.ts";
import { assessCompleteness } from "./completeness.ts";
import { checkContentRules, contentRules, type ContentRuleContext } from "./content-rules.ts";

const context: ContentRuleContext = {
  dataElement: (identifier) => ({ DE00001: { name: "人员姓名", type: "C" as const, status: "standard" as const }, DE00002: { name: "旧数据元", type: "C" as const, status: "retired" as const } })[identifier],
  isTitleTaken: (title) => title === "已有标题",
};
const found = (overrides: Partial<CatalogEntry>) => checkContentRules(newContent(overrides), context).map((issue) => `${issue.path} ${issue.code.replace("entry.", "")}`);
const key = newItem({ name: "编号", field: "number", key: true });

test("a good entry passes every rule", () => expect(found({})).toEqual([]));

describe("the rules find", () => {
  test.each<[string, Partial<CatalogEntry>, string[]]>([
    ["a title that is taken", { title: "已有标题" }, ["/title title-taken"]],
    ["a field that stands twice", { items: [key, newItem({ name: "甲" }), newItem({ name: "乙" })] }, ["/items/2/field field-twice"]],
    ["a name that stands twice in another spelling", { items: [key, newItem({ name: "姓名", field: "a" }), newItem({ name: "姓 名(中文)", field: "b" })] }, ["/items/2/name name-twice"]],
    ["a reserved field", { items: [key, newItem({ field: "zt_lsn" })] }, ["/items/1/field field-reserved"]],
    ["a table without a key", { items: [newItem()] }, ["/items no-key"]],
    ["a feed without items", { format: { class: "electronic-file", types: ["pdf"] }, items: [] }, ["/items feed-without-items"]],
    ["an unknown code set", { items: [key, newItem({ codeSet: "GB/T 0000" })] }, ["/items/1/codeSet code-set-unknown"]],
    ["a sensitivity below its items'", { sensitivity: "L2" }, ["/sensitivity sensitivity-too-low"]],
    ["personal information without assessment", { personalInformationAssessed: false }, ["/personalInformationAssessed personal-not-assessed"]],
    ["a citizen number that is not called personal", { items: [key, newItem({ format: "citizen-number" })] }, ["/items/1/personal citizen-number-personal"]],
    ["a secrecy marking, whatever was assessed", { title: "某项工作方案(机密)" }, ["/title secret"]],
    ["talk of secrets that was not assessed", { abstract: "涉密信息系统集成资质单位名录", secrecyRiskAssessed: false }, ["/abstract secrecy-not-assessed"]],
    ["a refusal without a law", { sharingType: "refused", refusalBasis: "领导要求" }, ["/refusalBasis basis-not-cited"]],
    ["a condition on unconditional sharing", { sharingType: "unconditional", sharingCondition: "须签协议" }, ["/sharingCondition condition-added"]],
    ["refused base data", { guideCategory: "101", sharingType: "refused", refusalBasis: "《个人信息保护法》第三十四条" }, ["/sharingType base-data-refused"]],
    ["an opening without its condition", { open: true }, ["/openCondition open-condition"]],
    ["an opening of what is refused", { open: true, sharingType: "refused", refusalBasis: "《个人信息保护法》第三十四条" }, ["/open open-refused"]],
    ["an opening of the most sensitive level", { open: true, openCondition: "依申请", sensitivity: "L4" }, ["/open open-sensitive"]],
    ["an element that is not there, retired, or of another type", { items: [key, newItem({ name: "一", field: "a", dataElement: "DE09999" }), newItem({ name: "二", field: "b", dataElement: "DE00002" }), newItem({ name: "三", field: "c", type: "N", dataElement: "DE00001" })] }, ["/items/1/dataElement element-unknown", "/items/2/dataElement element-retired", "/items/3/type element-type"]],
    ["a service that is shared as a feed only", { format: { class: "service", types: ["http"] } }, ["/sharingMethod service-method"]],
    ["a code that is none", { relatedCodes: ["307001/00001", "33A001/00000001", "hello"] }, ["/relatedCodes/2 code-form"]],
  ])("%s", (_what, overrides, expected) => expect(found(overrides)).toEqual(expected));

  test("nothing in what is named after secrets and was assessed", () => expect(found({ abstract: "涉密信息系统集成资质单位名录" })).toEqual([]));

  test("everything at once, each with a text in both languages", () => {
    const issues = checkContentRules(newContent({ title: "已有标题", items: [newItem(), newItem()], open: true }), context);
    expect(issues.length).toBeGreaterThanOrEqual(4);
    for (const issue of issues) expect([issue.message.length > 0, /\p{Script=Han}/u.test(issue.zh)]).toEqual([true, true]);
    for (const rule of contentRules) expect(rule.source).not.toBe("");
  });
});

describe("completeness", () => {
  test("is 100 when every item of the checklist is done, and each item says what to do", () => {
    const items = newContent().items!.map((item) => ({ ...item, definition: "说明", length: item.length ?? 10, sensitivity: item.sensitivity ?? ("L1" as const), personal: item.personal ?? false }));
    const { score, checklist } = assessCompleteness(newContent({ items, internalDepartment: "信息中心", releasedOn: "2026-01-05", abstract: "劳动和社会保障部门在发放失业保险金时形成的申领、发放和停发记录。" }));
    expect(checklist.filter((item) => !item.done)).toEqual([]);
    expect(score).toBe(100);
    expect(checklist.reduce((sum, item) => sum + item.weight, 0)).toBe(100);
  });

  test("rises with what is done and is low for a title alone", () => {
    const bare = { title: "只有标题", abstract: "", themeCodes: [], format: { class: "database", types: [] }, sharingType: "conditional", sharingMethod: [], updateCycle: "daily", open: false, sensitivity: "L1" } as CatalogEntry;
    expect(assessCompleteness(bare).score).toBeLessThan(15);
    expect(assessCompleteness({ ...bare, keywords: ["一"] }).score).toBeGreaterThan(assessCompleteness(bare).score);
    expect(assessCompleteness(newContent()).score).toBeGreaterThan(80);
  });

  test("does not ask documents for items", () => {
    const document = newContent({ format: { class: "electronic-file", types: ["pdf"] }, sharingMethod: ["file"] });
    delete document.items;
    expect(assessCompleteness(document).checklist.filter((item) => item.path === "/items" && !item.done)).toEqual([]);
  });
});
