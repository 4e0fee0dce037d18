import { PassThrough } from "node:stream";
import type { CatalogEntry } from "#standards";
import type { Entry } from "../../model/types.ts";
import { excelCellCharacters, machineCellCharacters, machineColumns, machineSheet, ownCsvColumns, ownCsvRemarks } from "../mapping/own-format.ts";
import { csvLine, neutralise } from "./csv-text.ts";
import { cellOf, guideHeaders, guideRows, type ExportedEntry } from "./entry-cells.ts";

export type Entries = () => AsyncIterable<ExportedEntry>;

const stateNames: Readonly<Record<Entry["state"], string>> = { draft: "草稿", "department-review": "部门审批中", "city-review": "市级审核中", published: "已发布", suspended: "已暂停", withdrawn: "已注销" };

/** One row an entry, every member a column; UTF-8 with a byte-order mark, so that Excel shows Chinese. */
export async function* writeCsv(entries: Entries): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`\ufeff${csvLine([...ownCsvColumns.map(([, column]) => column), ...ownCsvRemarks])}`);
  for await (const exported of entries()) yield Buffer.from(csvLine([...ownCsvColumns.map(([target]) => cellOf(target, exported)), exported.entry.resourceId, stateNames[exported.entry.state], exported.entry.version]));
}

/** Everything, to the letter. */
export async function* writeJson(entries: Entries): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{"format":"zhengtong-catalog","formatVersion":1,"entries":[');
  let first = true;
  for await (const { entry, organisation } of entries()) {
    const { id, code, resourceId, state, version, content } = entry;
    yield Buffer.from(`${first ? "\n" : ",\n"}${JSON.stringify({ id, code, resourceId, organisation: organisation.name, ...(organisation.socialCreditCode === undefined ? {} : { organisationCode: organisation.socialCreditCode }), state, version, content })}`);
    first = false;
  }
  yield Buffer.from("\n]}\n");
}

/** In cells of one size; halves of a character and what XML cannot hold are escaped, so that no cut breaks them. */
function machineCells(content: CatalogEntry): string[] {
  const text = JSON.stringify(content).replaceAll(/[\ud800-\udfff\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  return Array.from({ length: Math.ceil(text.length / machineCellCharacters) }, (_, index) => text.slice(index * machineCellCharacters, (index + 1) * machineCellCharacters));
}

/** The guide's table, one row an item, and a hidden sheet with what the guide has no columns for. */
export async function* writeXlsx(entries: Entries): AsyncGenerator<Uint8Array> {
  const output = new PassThrough();
  // With the first workbook: at the start it would be an eighth of the time that a centre takes to load.
  const { default: ExcelJS } = await import("exceljs");
  const book = new ExcelJS.stream.xlsx.WorkbookWriter({ stream: output, useSharedStrings: false, useStyles: true });
  const done = (async () => {
    const sheet = book.addWorksheet("信息资源目录", { views: [{ state: "frozen", ySplit: 1 }] });
    const header = sheet.addRow([...guideHeaders]);
    header.font = { bold: true };
    header.commit();
    let widest = 1;
    for await (const exported of entries()) {
      widest = Math.max(widest, machineCells(exported.entry.content).length);
      for (const row of guideRows(exported)) sheet.addRow(row.map((cell) => neutralise(cell).slice(0, excelCellCharacters))).commit();
      await drained(output);
    }
    sheet.commit();
    const machine = book.addWorksheet(machineSheet, { state: "hidden" });
    machine.addRow([machineColumns.code, machineColumns.entryId, ...Array.from({ length: widest }, (_, index) => (index === 0 ? machineColumns.content : `${machineColumns.content} ${index + 1}`))]).commit();
    for await (const { entry } of entries()) {
      machine.addRow([entry.code, entry.id, ...machineCells(entry.content)]).commit();
      await drained(output);
    }
    machine.commit();
    await book.commit();
  })();
  // A failure while reading entries must end the reader of the stream too, with that failure.
  done.catch((error: Error) => output.destroy(error));
  for await (const chunk of output) yield chunk as Uint8Array;
  await done;
}

/** Lets whoever downloads set the pace. */
async function drained(output: PassThrough): Promise<void> {
  if (output.writableNeedDrain) await new Promise<void>((resolve) => void output.once("drain", resolve).once("close", resolve));
}
