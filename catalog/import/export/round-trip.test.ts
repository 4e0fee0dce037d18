import ExcelJS from "exceljs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatClasses, getCodeSet, itemTypes, sensitivities, sharingMethods, sharingTypes, updateCycles, type CatalogEntry, type DataItem } from "#standards";
import { canonicalJson } from "#platform";
import { checkDraft } from "../../entries/draft-content.ts";
import { createTestValidator } from "../../testing/test-catalog.ts";
import { newContent } from "../../testing/new-content.ts";
import { cleanText } from "../mapping/cells.ts";
import { keepEmptyMembers } from "../prepare.ts";
import { collect, readTable } from "../testing/read-table.ts";
import type { ExportedEntry } from "./entry-cells.ts";
import { writeCsv, writeJson, writeXlsx } from "./write-export.ts";

const validator = createTestValidator();

/** Words that a spreadsheet, a separator, a placeholder or a cleaner would spoil, and any other text. */
const word = fc.oneof(
  fc.constantFrom("=1+2", "'=x", " '=x", "-", "无", "空", "null", "a,b", "a，b；c", "[1]", '["a"]', '"', "a\nb", "a\r\nb", "\\n", "\t制表", " 前后 ", "是", "0", "@x", "+86", "𠮷野家", "😀", "\u200b零宽", "NULL", "/", "[\\\"", "第一;第二|第三"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
)
  // What neither PostgreSQL's JSON nor XML can hold.
  // oxlint-disable-next-line no-control-regex
  .filter((text) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) && !/\p{Surrogate}/u.test(text));
const text = (limit: number) => fc.oneof(fc.constant(""), fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => [...words.join("")].slice(0, limit).join("")));
const list = (limit: number) => fc.uniqueArray(word.map((each) => [...each].slice(0, limit).join("")), { maxLength: 4 });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const codes = (set: "GB/T 21063.4" | "GB/T 4754") => fc.uniqueArray(fc.constantFrom(...getCodeSet(set).entries.map((entry) => entry.code)), { maxLength: 3 });

// The guide's table has an item in every row that names one: a name that shows nothing names none.
const item: fc.Arbitrary<DataItem> = fc.record({ name: word.filter((name) => cleanText(name) !== ""), field: fc.stringMatching(/^[a-y][a-z0-9_]{0,10}$/), type: fc.constantFrom(...itemTypes), length: optional(fc.integer({ min: 1, max: 1_000_000 })), scale: optional(fc.integer({ min: 0, max: 30 })), key: optional(fc.boolean()), definition: optional(text(100)) }, { requiredKeys: ["name", "field", "type"] });

const content = fc.record({
  title: fc.tuple(word, word).map((words) => words.join("").trim()),
  abstract: text(500), keywords: optional(list(100)), thesaurus: optional(text(100)), themeCodes: codes("GB/T 21063.4"), industryCodes: optional(codes("GB/T 4754")), guideCategory: optional(fc.constantFrom("101", "203", "307")),
  internalDepartment: optional(text(100)), maintainer: optional(text(100)), contact: optional(text(100)), format: fc.record({ class: fc.constantFrom(...formatClasses), types: list(40) }), items: optional(fc.array(item, { maxLength: 3 })),
  sharingType: fc.constantFrom(...sharingTypes), sharingCondition: optional(text(200)), refusalBasis: optional(text(200)), sharingMethod: fc.uniqueArray(fc.constantFrom(...sharingMethods)), useConditions: optional(text(200)), reviewBody: optional(fc.boolean()), open: fc.boolean(), openCondition: optional(text(200)),
  updateCycle: fc.constantFrom(...updateCycles), sensitivity: fc.constantFrom(...sensitivities), secrecyRiskAssessed: optional(fc.boolean()), personalInformationAssessed: optional(fc.boolean()),
  onlineLinks: optional(fc.array(fc.webUrl({ withQueryParameters: true }), { maxLength: 3 })), service: optional(fc.record({ url: fc.webUrl(), type: fc.constantFrom("HTTP", "SOAP 1.1", "a,b") })), relatedCodes: optional(list(30)), derivedFrom: optional(list(30)), releasedOn: optional(fc.constantFrom("2024-02-29", "1999-12-31")), sourceReference: optional(text(100)),
}, { noNullPrototype: true })
  .map((each) => JSON.parse(JSON.stringify(each)) as CatalogEntry)
  .map((each) => checkDraft(validator, each))
  .filter((verdict) => verdict.problems.length === 0)
  .map((verdict) => verdict.content);

const exported = (each: CatalogEntry, number: number): ExportedEntry => ({
  entry: { id: `entry_${number}`, code: `307001/${String(number).padStart(5, "0")}`, resourceId: `33A001/${String(number).padStart(8, "0")}`, organisationId: "organisation_1", state: "draft", version: "0.1", content: each, completeness: 0, createdAt: new Date(0), updatedAt: new Date(0) },
  organisation: { name: "杭州市民政局", socialCreditCode: "113301000024895062" },
});

async function* each(entries: readonly ExportedEntry[]): AsyncGenerator<ExportedEntry> {
  yield* entries;
}

for (const [format, write, runs] of [["csv", writeCsv, 60], ["json", writeJson, 30], ["xlsx", writeXlsx, 25]] as const) {
  test(`what is exported as ${format} reads back as the same content, to the letter`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 5 }), async (contents) => {
        const entries = contents.map((one, index) => exported(one, index + 1));
        const { records } = await readTable(await collect(write(() => each(entries))), { name: `catalog.${format}` });
        expect(records.map((record) => record.entryId)).toEqual(entries.map(({ entry }) => entry.id));
        for (const [index, record] of records.entries()) {
          expect(record.issues.filter((issue) => issue.severity === "error")).toEqual([]);
          expect(record.providerName).toBe("杭州市民政局");
          expect(JSON.parse(canonicalJson(checkDraft(validator, keepEmptyMembers(record.content!, contents[index]!)).content))).toEqual(JSON.parse(canonicalJson(contents[index]!)));
        }
      }),
      { numRuns: runs },
    );
  }, 120_000);
}

test("a content longer than a cell of Excel survives the workbook", async () => {
  const items = Array.from({ length: 400 }, (_, index) => ({ name: `指标${index}`, field: `f_${index}`, type: "C" as const, length: 20, definition: "说明 𠮷 ".repeat(20) }));
  const long = exported(newContent({ items, abstract: "甲".repeat(2_000) }), 1);
  const { records } = await readTable(await collect(writeXlsx(() => each([long]))), { name: "long.xlsx" });
  expect(records).toHaveLength(1);
  expect(records[0]!.itemRows).toBe(399);
  expect(records[0]!.content).toEqual(long.entry.content);
});

test("no cell of an export is a formula to a spreadsheet", async () => {
  const sly = exported(newContent({ title: "=HYPERLINK(\"http://x\")", abstract: "@SUM(A1)", contact: "+86", sharingCondition: "-1" }), 1);
  const csv = (await collect(writeCsv(() => each([sly])))).toString("utf8");
  expect(csv.startsWith("\ufeff")).toBe(true);
  expect(csv).toContain(`"'=HYPERLINK(""http://x"")"`);
  for (const cell of csv.split("\r\n")[1]!.split(",")) expect(cell.replace(/^"/, "")).not.toMatch(/^[=+\-@]/);
});

test("of a workbook that was edited, the touched cells count and nothing else changes", async () => {
  const before = exported(newContent({ internalDepartment: "  失业处 ", keywords: ["无", "停发"] }), 1);
  const book = new ExcelJS.Workbook();
  await book.xlsx.load((await collect(writeXlsx(() => each([before])))) as unknown as ArrayBuffer);
  const sheet = book.worksheets[0]!;
  const column = (name: string) => (sheet.getRow(1).values as unknown[]).indexOf(name);
  sheet.getRow(2).getCell(column("更新周期")).value = "每季度";
  sheet.getRow(2).getCell(column("信息资源摘要")).value = null;
  sheet.getRow(3).getCell(column("信息项名称")).value = "身份号码";
  const { records } = await readTable(Buffer.from(await book.xlsx.writeBuffer()), { name: "edited.xlsx" });
  const { abstract: _abstract, ...rest } = before.entry.content;
  const [first, second, ...others] = rest.items!;
  expect(records[0]).toMatchObject({ entryId: "entry_1", row: 2, itemRows: 3 });
  const { items, ...members } = records[0]!.content!;
  const { items: _items, ...membersBefore } = rest;
  expect(members).toEqual({ ...membersBefore, updateCycle: "quarterly" });
  expect(items![0]).toEqual(first);
  // An item of another name is another item: what was known of the old one does not pass to it.
  expect(items![1]).toMatchObject({ name: "身份号码", type: second!.type, length: second!.length });
  expect(items!.slice(2)).toEqual(others);
});
