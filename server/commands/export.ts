import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { exportFormats, type EntryState, type ExportFormat } from "#catalog";
import { InputError, isRefusal } from "#platform";
import { withCatalogDesk, type DeskOptions } from "./catalog-desk.ts";

export interface RunExportOptions extends DeskOptions {
  format?: string;
  out?: string;
  organisation?: string;
  states?: string;
}

/** Writes the entries that the caller may see to a file, or to standard output. */
export async function runExport(options: RunExportOptions): Promise<void> {
  const { out } = options;
  const format = (options.format ?? (out === undefined ? "csv" : extname(out).slice(1).toLowerCase())) as ExportFormat;
  if (!exportFormats.includes(format)) throw new InputError(`"${format}" is not a format of exports`, { zh: "不支持的导出格式", nextStep: `Give --format, one of ${exportFormats.join(", ")}, or an --out that ends in one of them.` });
  if (out === undefined && format === "xlsx" && process.stdout.isTTY) throw new InputError("A workbook is not for the terminal", { zh: "工作簿不能输出到终端", nextStep: "Give --out file.xlsx." });
  await withCatalogDesk(options, async (desk) => {
    const chunks = await desk.exportEntries({ format, ...(options.organisation === undefined ? {} : { organisation: options.organisation }), ...(options.states === undefined ? {} : { states: options.states.split(",").map((state) => state.trim()) as EntryState[] }) });
    if (out === undefined) return pipeline(chunks, process.stdout, { end: false });
    // Written beside and renamed: a file that is there is whole.
    const partial = `${out}.${process.pid}.part`;
    try {
      await pipeline(chunks, createWriteStream(partial));
      await rename(partial, out);
    } catch (cause) {
      await rm(partial, { force: true });
      if (isRefusal(cause)) throw cause;
      throw new InputError(`${out} cannot be written: ${(cause as Error).message}`, { zh: `无法写入 ${out}`, nextStep: "Check the folder and the rights on it.", cause });
    }
    process.stdout.write(`${out}: ${(await stat(out)).size} bytes\n`);
  });
}
