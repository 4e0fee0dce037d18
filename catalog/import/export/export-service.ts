import { InputError, type Actor, type Kernel } from "#platform";
import { entryScopeColumn, listEntriesInOrder, toEntry } from "../../entries/entry-repository.ts";
import { entryStates, type EntryState } from "../../model/types.ts";
import { findOrganisations, listOrganisations } from "../../organisations/organisation-repository.ts";
import { chooseOrganisation } from "../organisations/choose-organisation.ts";
import type { ExportedEntry } from "./entry-cells.ts";
import { writeCsv, writeJson, writeXlsx } from "./write-export.ts";

export const exportFormats = ["csv", "xlsx", "json"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  format: ExportFormat;
  /** Only of this one: its id, name, short name or unified social credit code. */
  organisation?: string;
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

  async function* read(actor: Actor, organisationId: string | undefined, states: readonly EntryState[] | undefined): AsyncGenerator<ExportedEntry> {
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
      const { format, organisation, states } = options;
      const unknown = states?.find((state) => !entryStates.includes(state));
      if (unknown !== undefined) throw new InputError(`"${unknown}" is not a state of entries`, { zh: `没有状态“${unknown}”`, code: "export.state", nextStep: `Choose from ${entryStates.join(", ")}.` });
      const organisationId = organisation === undefined ? undefined : chooseOrganisation(await database.read((reader) => listOrganisations(reader, { afterNumber: 0, limit: 1_000 })), organisation).id;
      await database.withTransaction((tx) => audit.record(tx, actor, { action: "entry.export", objectType: "entry", detail: { format, ...(organisationId === undefined ? {} : { organisationId }), ...(states === undefined ? {} : { states }) } }));
      const entries = () => read(actor, organisationId, states);
      const write = { csv: writeCsv, xlsx: writeXlsx, json: writeJson }[format];
      return { fileName: `catalog-${clock.now().toISOString().slice(0, 10)}.${format}`, mediaType: mediaTypes[format], chunks: write(entries) };
    },
  };
}
