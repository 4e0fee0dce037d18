import { once } from "node:events";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import iconv from "iconv-lite";
import { from as copyFrom } from "pg-copy-streams";
import { createDatabase, quoteIdentifier, type Database, type EmbeddedPostgres, type Log } from "#platform";
import { makeCitizenNumber, makeSocialCreditCode, type DataItem } from "#standards";
import type { SampleDepartment, SampleEntry } from "./city-definition.ts";
import { areas } from "./people.ts";
import { createChance, type Chance } from "./random.ts";
import type { Cell, RowSource } from "./source-rows.ts";
import { addDays } from "./calendar-months.ts";

/**
 * The departments' own databases: one each, `source_<key>`, with a table for every entry. They belong to the
 * departments: the platform reads them through a role that may select and replicate, and never writes.
 */
export const readerRole = "zhengtong_reader";
/** What the department publishes for logical replication, made by the department itself. */
export const departmentPublication = "zhengtong";

/** 20 rows each for the entries that no base and no check uses: enough to bind, to introspect and to try a request. */
const rowsOfOtherEntries = 20;

const sqlTypes: Record<DataItem["type"], (item: DataItem) => string> = {
  C: (item) => (item.length ? `varchar(${item.length})` : "text"),
  N: (item) => (item.length ? `numeric(${item.length}, ${item.scale ?? 0})` : "numeric"),
  Y: (item) => (item.length ? `numeric(${item.length}, ${item.scale ?? 2})` : "numeric"),
  D: () => "date",
  T: () => "timestamp(3)",
  L: () => "boolean",
  M: () => "text",
  G: () => "text",
  B: () => "double precision",
  I: () => "bigint",
  F: () => "double precision",
};

export interface CreateSourceDatabasesOptions {
  server: EmbeddedPostgres;
  departments: readonly SampleDepartment[];
  tables: Record<string, RowSource>;
  seed: number;
  asOf: string;
  /** Where file-drop sources put their files: `<dropDirectory>/<department>/`. */
  dropDirectory: string;
  readerPassword: string;
  log: Log;
  onProgress?: (done: { department: string; rows: number }) => void;
}

/** Makes every department's database; a department that is already complete is left alone, an unfinished one is begun again. */
export async function createSourceDatabases(options: CreateSourceDatabasesOptions): Promise<{ rows: number }> {
  const { server, departments } = options;
  const chance = createChance(options.seed);
  let total = 0;
  await ensureReaderRole(server, options.readerPassword, options.log);
  for (const department of departments) {
    const name = `source_${department.key}`;
    const created = await server.ensureDatabase(name);
    const database = createDatabase({ url: server.url(name), log: options.log, maxConnections: 2, applicationName: "sample-city" });
    let rows = 0;
    try {
      if (!created && (await isComplete(database))) continue;
      rows = await database.withTransaction(async (tx) => {
        await tx.query("drop schema public cascade");
        await tx.query("create schema public");
        let written = 0;
        for (const entry of department.entries) {
          const source = entry.core ? options.tables[`${department.key}.${entry.table}`] : otherRows(entry, chance, options.asOf);
          if (!source) throw new Error(`No rows are defined for ${department.key}.${entry.table}`);
          if (entry.mode === "file-drop") written += writeDropFile(join(options.dropDirectory, department.key), entry, source);
          else {
            await tx.query(createTable(entry));
            written += await copyRows(tx.client, entry, source);
          }
        }
        await tx.query(`grant usage on schema public to ${readerRole}`);
        await tx.query(`grant select on all tables in schema public to ${readerRole}`);
        await tx.query(`create publication ${departmentPublication} for all tables`);
        await tx.query("comment on schema public is 'zhengtong sample: complete'");
        return written;
      });
    } finally {
      await database.close();
    }
    total += rows;
    options.onProgress?.({ department: department.name, rows });
  }
  return { rows: total };
}

async function ensureReaderRole(server: EmbeddedPostgres, password: string, log: Log): Promise<void> {
  const database = createDatabase({ url: server.url("postgres"), log, maxConnections: 1 });
  try {
    await database.withTransaction(async (tx) => {
      const { rows } = await tx.query<{ quoted: string; present: boolean }>("select quote_literal($1::text) as quoted, exists(select 1 from pg_roles where rolname = $2) as present", [password, readerRole]);
      await tx.query(`${rows[0]!.present ? "alter" : "create"} role ${readerRole} login replication password ${rows[0]!.quoted}`);
    });
  } finally {
    await database.close();
  }
}

async function isComplete(database: Database): Promise<boolean> {
  const { rows } = await database.read((reader) => reader.query<{ complete: boolean }>("select coalesce(obj_description(to_regnamespace('public'), 'pg_namespace') = 'zhengtong sample: complete', false) as complete"));
  return rows[0]!.complete;
}

function createTable(entry: SampleEntry): string {
  const items = entry.content.items ?? [];
  const columns = items.map((item) => `${quoteIdentifier(item.field)} ${sqlTypes[item.type](item)}${item.required ? " not null" : ""}`);
  const key = items.filter((item) => item.key).map((item) => quoteIdentifier(item.field));
  return `create table public.${quoteIdentifier(entry.table)} (${[...columns, `primary key (${key.join(", ")})`].join(", ")})`;
}

const copyText = (cell: Cell) => (cell === null ? "\\N" : typeof cell === "boolean" ? (cell ? "t" : "f") : String(cell).replaceAll(/[\\\t\n\r]/g, (character) => ({ "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" })[character]!));

type CopyTarget = Parameters<Parameters<Database["read"]>[0]>[0]["client"];

async function copyRows(client: CopyTarget, entry: SampleEntry, source: RowSource): Promise<number> {
  const stream = client.query(copyFrom(`copy public.${quoteIdentifier(entry.table)} from stdin`));
  let rows = 0;
  let buffer = "";
  const finished = new Promise<void>((done, fail) => stream.on("finish", done).on("error", fail));
  for (const row of source()) {
    buffer += `${row.map(copyText).join("\t")}\n`;
    rows += 1;
    if (buffer.length > 262_144) {
      if (!stream.write(buffer)) await once(stream, "drain");
      buffer = "";
    }
  }
  stream.end(buffer);
  await finished;
  return rows;
}

/** A department without a database hands in a spreadsheet, in the encoding its software writes. */
function writeDropFile(directory: string, entry: SampleEntry, source: RowSource): number {
  mkdirSync(directory, { recursive: true });
  const quote = (cell: Cell) => (cell === null ? "" : /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  const lines = [(entry.content.items ?? []).map((item) => item.name).join(",")];
  for (const row of source()) lines.push(row.map(quote).join(","));
  const file = join(directory, `${entry.table}.csv`);
  writeFileSync(`${file}.part`, iconv.encode(`${lines.join("\r\n")}\r\n`, "gb18030"));
  renameSync(`${file}.part`, file);
  return lines.length - 1;
}

function otherRows(entry: SampleEntry, chance: Chance, asOf: string): RowSource {
  return function* () {
    const items = entry.content.items ?? [];
    // A table keyed by division has as many rows as there are divisions.
    const count = items.some((item) => item.key && item.format === "region-code") ? areas.length : rowsOfOtherEntries;
    for (let row = 0; row < count; row += 1) yield items.map((item, column) => otherCell(item, `${entry.department}.${entry.table}.${column}`, row, chance, asOf));
  };
}

function otherCell(item: DataItem, purpose: string, row: number, chance: Chance, asOf: string): Cell {
  if (item.format === "citizen-number") return makeCitizenNumber({ areaCode: "330102", birthDate: addDays("1875-01-01", chance.below(purpose, row, 2_000)), sequence: 1 + chance.below(`${purpose}.n`, row, 998) });
  if (item.format === "social-credit-code") return makeSocialCreditCode({ department: "9", category: "1", areaCode: "330100", organisationBody: `TEXTA${String(row).padStart(3, "0")}` });
  if (item.format === "region-code") return areas[row % areas.length]!;
  if (item.format === "phone") return `0571${String(80_000_000 + chance.below(purpose, row, 9_999_999))}`;
  switch (item.type) {
    case "D":
      return addDays(asOf, -chance.below(purpose, row, 2_000));
    case "T":
      return `${addDays(asOf, -chance.below(purpose, row, 2_000))} 09:00:00`;
    case "I":
      return 1 + chance.below(purpose, row, 500);
    case "N":
    case "Y":
    case "B":
    case "F":
      return (1 + chance.below(purpose, row, 90_000)) / 100;
    case "L":
      return chance.unit(purpose, row) < 0.5;
    default:
      return item.key ? `${item.field.slice(0, 2).toUpperCase()}${String(row + 1).padStart(6, "0")}`.slice(0, item.length ?? 60) : `${item.name}${row + 1}`.slice(0, item.length ?? 60);
  }
}
