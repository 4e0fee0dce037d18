import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousActor, type Actor } from "#platform";
import { normaliseItemName } from "../model/item-names.ts";
import type { Organisation } from "../model/types.ts";
import { newContent, newItem } from "../testing/new-content.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import { allowedNames, type DataElementInput } from "./data-element-model.ts";

let t: TestCatalog;
let police: Organisation;
let labour: Organisation;
let health: Organisation;
let reviewer: Actor;
const people = new Map<string, Actor>();
const as = (organisation: Organisation, role: "cataloguer" | "approver") => {
  const key = `${organisation.id} ${role}`;
  if (!people.has(key)) people.set(key, t.actor(organisation, role));
  return people.get(key)!;
};

beforeAll(async () => {
  t = await createTestCatalog();
  police = await t.department("杭州市公安局");
  labour = await t.department("杭州市劳动和社会保障局");
  health = await t.department("杭州市卫生局");
  reviewer = t.actor(t.cityDataOffice, "city-reviewer");
});
afterAll(() => t?.drop());

const newElement = (overrides: Partial<DataElementInput> = {}): DataElementInput => ({ name: "公民身份号码", objectClass: "公民", property: "身份", representation: "号码", type: "C", length: 18, format: "citizen-number", synonyms: ["身份证号", "身份证号码"], authority: "杭州市公安局", ...overrides });

async function publish(organisation: Organisation, title: string, items: Parameters<typeof newItem>[0][]): Promise<string> {
  const { entries } = t.catalog;
  const { id } = await entries.createDraft(as(organisation, "cataloguer"), organisation.id, newContent({ title, items: items.map((item, index) => newItem({ key: index === 0, ...item })) }));
  await entries.submit(as(organisation, "cataloguer"), id);
  await entries.approve(as(organisation, "approver"), id);
  await entries.approve(reviewer, id);
  return id;
}

describe("the registry", () => {
  test("takes proposals with an identifier of their own, a checked name and the one source found by its name", async () => {
    const element = await t.catalog.dataElements.propose(as(police, "cataloguer"), newElement());
    expect(element).toMatchObject({ identifier: "DE00001", status: "draft", version: "0.1", authorityOrganisationId: police.id });
    expect(await t.catalog.dataElements.get(anonymousActor, "DE00001")).toEqual(element);
  });

  test("says everything that is wrong with a proposal", async () => {
    const propose = (overrides: Partial<DataElementInput>) => t.catalog.dataElements.propose(as(police, "cataloguer"), newElement(overrides));
    await expect(propose({ name: "身份证件", synonyms: ["身份证号"], codeSet: "GB/T 0000", authority: "没有的局" })).rejects.toMatchObject({ issues: [{ path: "/name" }, { path: "/codeSet" }, { path: "/synonyms", message: expect.stringContaining("DE00001") }, { path: "/authority" }] });
    await expect(propose({ type: "Q" as never })).rejects.toMatchObject({ issues: [{ path: "/type" }] });
    await expect(t.catalog.dataElements.propose(t.actor(police, "analyst"), newElement())).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("makes standard what somebody else proposed, keeps its meaning from then on, and retires it for another", async () => {
    const { dataElements } = t.catalog;
    const both = t.actor(t.cityDataOffice, "cataloguer", "city-reviewer");
    const own = await dataElements.propose(both, newElement({ name: "出生日期", objectClass: "人员", property: "出生", representation: "日期", type: "D", synonyms: ["生日"] }));
    await expect(dataElements.standardise(both, own.identifier)).rejects.toMatchObject({ code: "data-element.self-approval" });
    await expect(dataElements.standardise(as(police, "approver"), own.identifier)).rejects.toMatchObject({ kind: "NotAllowed" });
    expect(await dataElements.standardise(reviewer, own.identifier)).toMatchObject({ status: "standard", version: "1.0" });
    await expect(dataElements.standardise(reviewer, own.identifier)).rejects.toMatchObject({ kind: "Conflict" });
    await expect(dataElements.change(reviewer, own.identifier, { type: "C" })).rejects.toMatchObject({ code: "data-element.fixed" });
    expect(await dataElements.change(reviewer, own.identifier, { synonyms: ["生日", "出生年月日"] })).toMatchObject({ version: "1.1" });
    await expect(dataElements.retire(reviewer, own.identifier, { reason: "重复", replacedBy: own.identifier })).rejects.toMatchObject({ issues: [{ path: "/replacedBy" }] });
    expect(await dataElements.retire(reviewer, own.identifier, { reason: "与国标数据元重复", replacedBy: "DE00001" })).toMatchObject({ status: "retired", replacedBy: "DE00001" });
    await expect(dataElements.propose(as(police, "cataloguer"), newElement({ name: "出生日期", objectClass: "人员", property: "出生", representation: "日期", type: "D", synonyms: [] }))).resolves.toMatchObject({ status: "draft" });
  });

  test("gives no identifier twice when many propose at once", async () => {
    const made = await Promise.all(Array.from({ length: 15 }, (_, index) => t.catalog.dataElements.propose(as(labour, "cataloguer"), { name: `补贴${index}金额`, objectClass: "失业人员", property: `补贴${index}`, representation: "金额", type: "N" })));
    expect(new Set(made.map((element) => element.identifier)).size).toBe(15);
  });

  test("is listed by identifier and searched by name and synonym", async () => {
    const page = await t.catalog.dataElements.list(anonymousActor, { text: "身份证号" }, { first: 10 });
    expect(page.rows.map((element) => element.identifier)).toEqual(["DE00001"]);
  });
});

test("a name is made of object class, property and representation, and words that repeat are written once", () => {
  expect(allowedNames({ objectClass: "企业", property: "成立日期", representation: "日期" })[0]).toBe("企业成立日期");
  expect(allowedNames({ objectClass: "公民", property: "身份", representation: "号码" })).toContain("公民身份号码");
  fc.assert(fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (objectClass, property, representation) => allowedNames({ objectClass, property, representation }).every((name) => name.includes(property))));
});

test("names are compared without spaces, punctuation, width, case and remarks, and comparing again changes nothing", () => {
  expect(["姓 名", "姓名(中文)", "姓_名", "姓名【必填】"].map(normaliseItemName)).toEqual(["姓名", "姓名", "姓名", "姓名"]);
  expect([normaliseItemName("ＩＤ号"), normaliseItemName("(1)")]).toEqual(["id号", "(1)"]);
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom("姓", "名", " ", "(", ")", "A", "-", "1") }), (name) => normaliseItemName(normaliseItemName(name)) === normaliseItemName(name) || normaliseItemName(name).includes("(")));
});

describe("items and elements", () => {
  test("an item gets suggestions by name, synonym, format and likeness", async () => {
    const [byName, bySynonym, byFormat, similar, nothing] = await t.catalog.dataElements.suggest(anonymousActor, [
      { name: "公民身份号码", type: "C" },
      { name: "身份证号", type: "C" },
      { name: "证件编码", type: "C", format: "citizen-number" },
      { name: "公民身份证号码", type: "C" },
      { name: "降雨量", type: "N" },
    ]);
    expect([byName![0], bySynonym![0], byFormat![0], similar![0]].map((suggestion) => [suggestion?.identifier, suggestion?.reason])).toEqual([["DE00001", "name"], ["DE00001", "synonym"], ["DE00001", "format"], ["DE00001", "similar-name"]]);
    expect(nothing).toEqual([]);
  });

  test("an item collected by several departments is shown as such, whatever they call it, with the one source", async () => {
    const household = await publish(police, "户籍人口信息", [{ name: "公民身份号码", field: "citizen_number", length: 18, dataElement: "DE00001" }, { name: "住址", field: "address" }]);
    const insured = await publish(labour, "参保人员信息", [{ name: "身份证号码(18位)", field: "id_card", length: 18 }, { name: "缴费基数", field: "base" }, { name: "备注", field: "note" }]);
    const patients = await publish(health, "居民健康档案", [{ name: "身份证号", field: "id_number", length: 18 }, { name: "住 址", field: "home" }, { name: "备注", field: "note" }]);

    const analyst = t.actor(police, "analyst");
    const shared = await t.catalog.collections.sharedItems(analyst, {}, { first: 10 });
    expect(shared.rows).toEqual([
      { key: "element:DE00001", name: "公民身份号码", dataElement: "DE00001", authorityOrganisationId: police.id, departments: 3, entries: 3 },
      { key: "name:住址", name: expect.stringMatching("住 ?址"), departments: 2, entries: 2 },
    ]);
    const walked = await t.catalog.collections.sharedItems(analyst, {}, { first: 1, after: (await t.catalog.collections.sharedItems(analyst, {}, { first: 1 })).cursors[0]! });
    expect(walked.rows.map((row) => row.key)).toEqual(["name:住址"]);
    expect((await t.catalog.collections.collectors(analyst, "element:DE00001")).map((collector) => collector.entryId).sort()).toEqual([household, insured, patients].sort());
    expect(await t.catalog.collections.duplicates(analyst, insured)).toEqual([{ field: "id_card", name: "身份证号码(18位)", dataElement: "DE00001", authorityOrganisationId: police.id, collectors: [expect.objectContaining({ entryId: household, field: "citizen_number" }), expect.objectContaining({ entryId: patients, field: "id_number" })] }]);
    expect((await t.catalog.collections.sharedItems(anonymousActor, {}, { first: 10 })).rows).toEqual([]);

    const refusing = await t.catalog.changeRequests.open(as(health, "cataloguer"), patients, { content: { ...(await t.catalog.entries.get(analyst, patients)).content, sharingType: "refused", refusalBasis: "《个人信息保护法》第二十八条" }, reason: "敏感个人信息" });
    await t.catalog.changeRequests.submit(as(health, "cataloguer"), refusing.id);
    await t.catalog.changeRequests.approve(as(health, "approver"), refusing.id);
    await t.catalog.changeRequests.approve(reviewer, refusing.id);
    expect((await t.catalog.collections.sharedItems(analyst, {}, { first: 10 })).rows).toMatchObject([{ key: "element:DE00001", departments: 2 }]);
    expect((await t.catalog.collections.sharedItems(reviewer, {}, { first: 10 })).rows).toMatchObject([{ departments: 3 }, { key: "name:住址" }]);
  });

  test("binding changes a draft at once and a published entry by a held change", async () => {
    const { collections, entries } = t.catalog;
    const draft = await entries.createDraft(as(labour, "cataloguer"), labour.id, newContent({ title: "待绑定条目", items: [newItem({ name: "身份证号", field: "id_card", key: true })] }));
    const bound = await collections.bindItems(as(labour, "cataloguer"), draft.id, [{ field: "id_card", dataElement: "DE00001" }]);
    expect(bound.entry.content.items![0]).toMatchObject({ dataElement: "DE00001" });
    await expect(collections.bindItems(as(labour, "cataloguer"), draft.id, [{ field: "nowhere", dataElement: "DE00001" }])).rejects.toMatchObject({ issues: [{ path: "/items/nowhere" }] });
    const published = await publish(labour, "已发布待绑定", [{ name: "身份证号", field: "id_card" }]);
    const held = await collections.bindItems(as(labour, "cataloguer"), published, [{ field: "id_card", dataElement: "DE00001" }]);
    expect(held.changeRequest).toMatchObject({ state: "draft" });
    expect((await entries.get(as(labour, "cataloguer"), published)).content.items![0]!.dataElement).toBeUndefined();
  });
});
