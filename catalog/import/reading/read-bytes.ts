import { decodeText } from "./decode-text.ts";
import { readDelimited } from "./delimited.ts";
import { readJsonRows } from "./json-rows.ts";
import { UnreadableError, type ReadLimits } from "./limits.ts";
import type { RawFile } from "./raw-table.ts";

const startsWith = (bytes: Buffer, ...first: number[]): boolean => first.every((byte, index) => bytes[index] === byte);

/** Reads a file by what it is, whatever its name says: workbooks by their first bytes, JSON by its first character. */
export async function readBytes(bytes: Buffer, fileName: string, limits: ReadLimits): Promise<RawFile> {
  const empty = () => new UnreadableError({ code: "file.empty", message: `${fileName} is empty`, zh: `${fileName} 是空文件`, nextStep: "Check that the right file was chosen." });
  if (bytes.length === 0) throw empty();
  if (startsWith(bytes, 0x50, 0x4b)) {
    const { readXlsx } = await import("./xlsx-rows.ts");
    return { kind: "xlsx", tables: notEmpty(await readXlsx(bytes, fileName, limits), fileName) };
  }
  if (startsWith(bytes, 0xd0, 0xcf, 0x11, 0xe0)) {
    const { readXls } = await import("./xls-rows.ts");
    return { kind: "xls", tables: notEmpty(readXls(bytes, fileName, limits), fileName) };
  }
  if (startsWith(bytes, 0x25, 0x50, 0x44, 0x46)) throw new UnreadableError({ code: "file.kind", message: `${fileName} is a PDF, not a table`, zh: `${fileName} 是 PDF,不是表格`, nextStep: "Export the table as XLSX, CSV or JSON." });
  const { text, encoding } = decodeText(bytes, fileName);
  const first = /\S/.exec(text)?.[0];
  if (first === undefined) throw empty();
  if (first === "[" || first === "{") {
    const { columns, rows, envelope } = readJsonRows(text, fileName, limits);
    return { kind: "json", encoding, envelope, tables: notEmpty([{ columns, rows }], fileName) };
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(text.slice(0, 200))) throw new UnreadableError({ code: "file.kind", message: `${fileName} is HTML or XML, not a table`, zh: `${fileName} 是网页或 XML,不是表格`, nextStep: "Export the table as XLSX, CSV or JSON." });
  const { rows, delimiter } = readDelimited(text, fileName, limits);
  return { kind: "csv", encoding, delimiter, tables: notEmpty([{ rows }], fileName) };
}

function notEmpty(tables: RawFile["tables"], fileName: string): RawFile["tables"] {
  if (tables.every((table) => table.rows.length === 0)) throw new UnreadableError({ code: "file.no-rows", message: `${fileName} holds no rows`, zh: `${fileName} 中没有数据行`, nextStep: "Check that the right file was chosen." });
  return tables;
}
