import { utils, write } from "@e965/xlsx";
import ExcelJS from "exceljs";
import iconv from "iconv-lite";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readBytes } from "./read-bytes.ts";
import { defaultReadLimits, type ReadLimits } from "./limits.ts";
import type { RawFile } from "./raw-table.ts";
import { readImportFile } from "./read-file.ts";
import { storeZip } from "./zip.ts";

const read = (bytes: Uint8Array | string, limits: Partial<ReadLimits> = {}) => readBytes(Buffer.from(bytes), "文件", { ...defaultReadLimits, ...limits });
const failing = (bytes: Uint8Array | string, limits: Partial<ReadLimits> = {}) => read(bytes, limits).then(() => "read", (error: { failure?: { code: string } }) => error.failure?.code ?? String(error));
const cellsOf = (file: RawFile) => file.tables[0]!.rows.map((row) => row.cells);
const chinese = "信息资源名称,信息资源提供方,更新周期\n失业保险金申领发放信息,人力资源和社会保障局,每月\n低保对象信息,民政局,每季度\n";

async function workbook(sheets: Record<string, unknown[][]>, change?: (book: ExcelJS.Workbook) => void): Promise<Buffer> {
  const book = new ExcelJS.Workbook();
  for (const [name, rows] of Object.entries(sheets)) book.addWorksheet(name).addRows(rows);
  change?.(book);
  return Buffer.from(await book.xlsx.writeBuffer());
}

describe("encodings are told by the bytes, whatever the file says of itself", () => {
  const cases: [string, Buffer, string][] = [
    ["UTF-8", Buffer.from(chinese), "UTF-8"],
    ["UTF-8 with a byte-order mark", Buffer.from(`\ufeff${chinese}`), "UTF-8 (BOM)"],
    ["GB18030", iconv.encode(chinese, "gb18030"), "GB18030"],
    ["UTF-16 as Excel's “Unicode text”", Buffer.concat([Buffer.from([0xff, 0xfe]), iconv.encode(chinese, "utf-16le")]), "UTF-16LE"],
    ["Big5", iconv.encode("資料集名稱,提供機關\n臺南市學校名錄,教育局資訊中心\n", "big5"), "Big5"],
  ];
  test.each(cases)("%s", async (_name, bytes, encoding) => {
    const file = await read(bytes);
    expect(file.encoding).toBe(encoding);
    expect(cellsOf(file)[1]![0]).toMatch(/失业保险金申领发放信息|臺南市學校名錄/);
  });

  test("rare characters of GB18030 come through", async () => {
    expect(cellsOf(await read(iconv.encode("名称,提供方\n龘靐的信息资源目录,镕基㐂区县的局\n", "gb18030")))[1]).toEqual(["龘靐的信息资源目录", "镕基㐂区县的局"]);
  });

  test("bytes that are no text are refused rather than guessed", async () => {
    expect(await failing(Buffer.from([0x81, 0x20, 0xff, 0xfe, 0x00, 0x99, 0x80]))).toBe("file.encoding");
    expect(await failing(Buffer.from("a,b\0c\n"))).toBe("file.encoding");
  });
});

describe("delimited text", () => {
  test.each([[",", ","], ["\t", "\t"], [";", ";"], ["|", "|"]])("separator %j is found", async (delimiter) => {
    const file = await read(`甲${delimiter}乙${delimiter}丙\n1${delimiter}2${delimiter}3\n`);
    expect([file.delimiter, cellsOf(file)[1]]).toEqual([delimiter, ["1", "2", "3"]]);
  });

  test("line breaks in quotes do not end a row, and numbers stay those of the file's lines", async () => {
    const { rows } = (await read('甲,乙\n"一\n行",2\n\n三,4\n')).tables[0]!;
    expect(rows.map((row) => [row.number, row.cells[0]])).toEqual([[1, "甲"], [2, "一\n行"], [5, "三"]]);
  });

  test("a stray quotation mark inside a field spoils nothing; one that is never closed is named", async () => {
    expect(cellsOf(await read('甲,乙\n5"屏,2\n'))[1]).toEqual(['5"屏', "2"]);
    expect(await failing('甲,乙\n"没有关,2\n'.padEnd(200, "字,"))).toBe("file.csv");
  });
});

describe("JSON", () => {
  test.each([
    ["a list", '[{"a":1},{"b":2}]'],
    ["a list in an envelope", '{"result":{"results":[{"a":1},{"b":2}]}}'],
    ["one object a line", '{"a":1}\n{"b":2}\n'],
  ])("%s", async (_name, text) => {
    const [table] = (await read(text)).tables;
    expect([table!.columns, table!.rows.length]).toEqual([["a", "b"], 2]);
  });

  test("a member called __proto__ is a column and nothing else", async () => {
    const [table] = (await read('[{"__proto__":{"polluted":1},"constructor":2}]')).tables;
    expect(table!.columns).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("what is cut off is told with the place", async () => {
    expect(await failing('[{"a":1},{"b"')).toBe("file.json");
    expect(await failing("[1,2]")).toBe("file.json-not-object");
  });
});

describe("workbooks", () => {
  test("every sheet is read, dates, rich text and formulas by what they show", async () => {
    const file = await read(await workbook({ 目录: [["名称", "日期", "数"], ["甲", new Date("2024-02-29T00:00:00Z"), 3]], 第二张: [["乙"]], 第三张: [["丙"], ["丁"]] }, (book) => {
      const sheet = book.getWorksheet("目录")!;
      sheet.getCell("A3").value = { richText: [{ text: "富" }, { text: "文本" }] };
      sheet.getCell("B3").value = { formula: "A2", result: "算出的" };
      sheet.getCell("C3").value = { formula: 'HYPERLINK("http://x")', result: "链接" } as ExcelJS.CellValue;
    }));
    expect(file.tables.map((table) => [table.sheet, table.rows.length])).toEqual([["目录", 3], ["第二张", 1], ["第三张", 2]]);
    expect(cellsOf(file).slice(1)).toEqual([["甲", "2024-02-29", "3"], ["富文本", "算出的", "链接"]]);
  });

  test("cells merged downwards hold for every row that they cover", async () => {
    const file = await read(await workbook({ 目录: [["名称", "项"], ["甲", "一"], ["", "二"], ["", "三"]] }, (book) => book.getWorksheet("目录")!.mergeCells("A2:A4")));
    expect(cellsOf(file).slice(1).map((cells) => cells[0])).toEqual(["甲", "甲", "甲"]);
  });

  test("an old XLS is read like the new one", async () => {
    const book = utils.book_new();
    utils.book_append_sheet(book, utils.aoa_to_sheet([["信息资源名称", "更新周期"], ["失业登记", "每月"]]), "目录");
    const file = await read(write(book, { type: "buffer", bookType: "biff8" }) as Buffer);
    expect([file.kind, cellsOf(file)]).toEqual(["xls", [["信息资源名称", "更新周期"], ["失业登记", "每月"]]]);
  });

  test("a zip that unpacks to more than is allowed stops at the limit, whatever its header claims", async () => {
    const zeros = Buffer.alloc(3_000_000, 0x20);
    const bytes = storeZip([{ name: "xl/worksheets/sheet1.xml", bytes: zeros }]);
    expect(await failing(bytes, { unpackedBytes: 1_000_000 })).toBe("file.unpacked-too-big");
    // The same, packed to a thousandth and with a header that claims ten bytes.
    const packed = deflateRawSync(zeros);
    const bomb = storeZip([{ name: "xl/worksheets/sheet1.xml", bytes: packed }]);
    const central = bomb.lastIndexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    bomb.writeUInt16LE(8, central + 10);
    bomb.writeUInt32LE(10, central + 24);
    expect(await failing(bomb, { unpackedBytes: 1_000_000 })).toBe("file.unpacked-too-big");
  });

  test("what is no workbook is refused by name", async () => {
    expect(await failing(Buffer.from("PK\u0003\u0004 not a zip"))).toBe("file.zip");
    expect(await failing("<!DOCTYPE html><table>")).toBe("file.kind");
    expect(await failing(storeZip([{ name: "readme.txt", bytes: Buffer.from("x") }]))).toBe("file.no-sheet");
  });
});

test("limits of rows, columns and cells are told by number and place", async () => {
  expect(await failing("甲,乙\n".repeat(20), { rows: 10 })).toBe("file.too-many-rows");
  expect(await failing(`${"甲,".repeat(50)}\n`, { columns: 10 })).toBe("file.too-many-columns");
  expect(await failing(`甲,乙\n${"长".repeat(110)},1\n`, { cellCharacters: 100 })).toBe("file.cell-too-long");
  expect(await failing(JSON.stringify([{ a: "长".repeat(500) }]), { cellCharacters: 100 })).toBe("file.cell-too-long");
  await expect(readImportFile({ name: "big.csv", bytes: Buffer.alloc(100) }, { bytes: 10 })).rejects.toMatchObject({ code: "file.too-big", kind: "Input" });
});

test("a file is read in a thread with a deadline of its own", async () => {
  expect((await readImportFile({ name: "a.csv", bytes: Buffer.from(chinese) })).tables[0]!.rows).toHaveLength(3);
  await expect(readImportFile({ name: "slow.csv", bytes: Buffer.from(chinese) }, { timeMs: 1 })).rejects.toMatchObject({ code: "file.too-slow", kind: "Input" });
});
