import { InputError, type Actor, type Kernel } from "#platform";
import { entryScopeColumn, listEntriesInOrder, toEntry } from "../../entries/entry-repository.ts";
import type { EntryState } from "../../model/types.ts";
import { findOrganisations } from "../../organisations/organisation-repository.ts";
import type { ExportedEntry } from "./entry-cells.ts";
import { writeCsv, writeJson, writeXlsx } from "./write-export.ts";

export const exportFormats = ["csv", "xlsx", "json"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  format: ExportFormat;
  organisationId?: string;
  states?: readonly EntryState[];
}

export interface CatalogExport {
  fileName: string;
  mediaType: string;
  /** The file, piece by piece; entries are read as it is consumed. */
  chunks: AsyncIterable<Uint8Array>;
}

export interface ExportService {
  /** The entries that the caller may see, in the order of their codes. Recorded in the audit log. */
  run(actor: Actor, options: ExportOptions): Promise<CatalogExport>;
}

const mediaTypes: Readonly<Record<ExportFormat, string>> = { csv: "text/csv; charset=utf-8", xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", json: "application/json" };
const entriesPerRead = 500;

export function createExportService({ kernel }: { kernel: Kernel }): ExportService {
  const { access, audit, clock, database } = kernel;

  async function* read(actor: Actor, { organisationId, states }: ExportOptions): AsyncGenerator<ExportedEntry> {
    const condition = access.condition(actor, "entry", "see", { column: entryScopeColumn, firstPlaceholder: 5 });
    for (let afterCode = ""; ; ) {
      const { entries, organisations } = await database.read(async (reader) => {
        const found = await listEntriesInOrder(reader, { organisationId, states, afterCode, limit: entriesPerRead, condition });
        return { entries: found, organisations: await findOrganisations(reader, [...new Set(found.map((entry) => entry.organisationId))]) };
      });
      for (const record of entries) {
        const { name, socialCreditCode } = organisations.get(record.organisationId)!;
        yield { entry: toEntry(record), organisation: { name, ...(socialCreditCode === undefined ? {} : { socialCreditCode }) } };
      }
      const last = entries.at(-1);
      if (last === undefined || entries.length < entriesPerRead) return;
      afterCode = last.code;
    }
  }

  return {
    async run(actor, options) {
      access.assertAnyScope(actor, "entry", "see");
      if (!exportFormats.includes(options.format)) throw new InputError(`"${String(options.format)}" is not a format of exports`, { zh: "不支持的导出格式", code: "export.format", nextStep: `Choose one of ${exportFormats.join(", ")}.` });
      await database.withTransaction((tx) => audit.record(tx, actor, { action: "entry.export", objectType: "entry", detail: { format: options.format, organisationId: options.organisationId, states: options.states } }));
      const entries = () => read(actor, options);
      const write = { csv: writeCsv, xlsx: writeXlsx, json: writeJson }[options.format];
      return { fileName: `catalog-${clock.now().toISOString().slice(0, 10)}.${options.format}`, mediaType: mediaTypes[options.format], chunks: write(entries) };
    },
  };
}
