import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { isRefusal, quoteIdentifier, type Transaction } from "#platform";
import { copyTextLine } from "../../protocol/copy-text.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import type { ProviderContext, SourceConfig } from "./context.ts";
import { digestOf, readTable, relationOfFile, type DroppedFile, type DropFolder, type FileTable } from "./drop-folder.ts";
import type { FrontFeeder, FrontGroup } from "./front-engine.ts";
import { createStaging, findFrontTable, keyDigestSql, mergeStaging, rowDigestSql, type FrontTable } from "./front-store.ts";
import { rest } from "./slot-engine.ts";

interface Taker {
  group: FrontGroup;
  table: FrontTable;
  schema: RelationSchema;
  changed(): void;
}

/** What is wrong with a file as a whole, place by place. */
export interface FileFinding {
  row?: number;
  message: string;
  zh: string;
}

const mostFindings = 200;

/** Where each bound column stands in a header that names columns, items or fields; -1: nowhere. */
export function matchHeader(group: Pick<FrontGroup, "columnNames" | "runtimes">, header: readonly string[]): number[] {
  return group.columnNames.map((column) => {
    const exact = header.indexOf(column);
    if (exact >= 0) return exact;
    for (const { assignment } of group.runtimes) {
      const item = assignment.entryItems.find((candidate) => assignment.binding.columns[candidate.field] === column);
      if (item === undefined) continue;
      const found = header.findIndex((name) => name === item.name || name.toLowerCase() === item.field.toLowerCase());
      if (found >= 0) return found;
    }
    return -1;
  });
}

/** Checks what must hold for a file as a whole; single values are checked, and parked, feed by feed. */
export function checkFile(group: FrontGroup, file: FileTable): FileFinding[] {
  const findings: FileFinding[] = [];
  if (file.header.length === 0) return [{ message: "the file is empty: not even a header", zh: "文件为空,缺少表头" }];
  const places = matchHeader(group, file.header);
  for (const [index, place] of places.entries()) {
    const column = group.columnNames[index]!;
    if (place < 0) findings.push({ row: 1, message: `column ${column} is missing from the header`, zh: `表头缺少列“${column}”` });
    else if (file.header.indexOf(file.header[place]!) !== file.header.lastIndexOf(file.header[place]!)) findings.push({ row: 1, message: `column ${file.header[place]} stands twice in the header`, zh: `表头中列“${file.header[place]}”重复` });
  }
  if (findings.length > 0) return findings;
  const keys = group.keyColumns.map((column) => places[group.columnNames.indexOf(column)]!);
  const seen = new Map<string, number>();
  for (const { number, cells } of file.rows) {
    if (findings.length >= mostFindings) break;
    if (cells.length > file.header.length) findings.push({ row: number, message: `row ${number} has ${cells.length} cells, the header has ${file.header.length}`, zh: `第 ${number} 行有 ${cells.length} 个单元格,表头为 ${file.header.length} 列` });
    const values = keys.map((place) => cells[place]?.trim() ?? "");
    if (values.includes("")) {
      findings.push({ row: number, message: `row ${number} has no key (${group.keyColumns.join(", ")})`, zh: `第 ${number} 行缺少主键(${group.keyColumns.join("、")})` });
      continue;
    }
    const key = values.join("\u001f");
    const before = seen.get(key);
    if (before !== undefined) findings.push({ row: number, message: `row ${number} has the key of row ${before}`, zh: `第 ${number} 行与第 ${before} 行主键重复` });
    else seen.set(key, number);
  }
  return findings;
}

function* linesOf(group: FrontGroup, file: FileTable): Generator<string> {
  const places = matchHeader(group, file.header);
  for (const { cells } of file.rows) {
    yield copyTextLine(places.map((place) => {
      const text = cells[place]?.trim() ?? "";
      return text === "" ? null : text;
    }));
  }
}

/**
 * Takes files that departments drop into a folder: each is checked as a whole, then replaces everything of its
 * relation, or (binding option `mode: "upsert"`) adds and changes rows by key. A file is taken in one transaction and
 * moved afterwards; one that was taken and not moved yet is known by its content.
 */
export function createFileFeeder({ context, config, folder }: { context: ProviderContext; config: SourceConfig; folder: DropFolder }): FrontFeeder {
  const { frontDatabase, clock, log, fault } = context;
  const pollMs = config.options?.pollMs ?? 5_000;
  const takers = new Map<string, Taker[]>();

  async function write(tx: Transaction, { group, table, schema }: Taker, file: FileTable): Promise<void> {
    const columns = group.columnNames.map((name) => schema.columns.find((column) => column.name === name)!);
    await createStaging(tx, table, columns);
    await pipeline(Readable.from(linesOf(group, file)), tx.client.query(copyFrom(`copy front_staging (${columns.map((column) => quoteIdentifier(column.name)).join(", ")}) from stdin`)));
    await tx.query(`update front_staging set zt_hash = ${rowDigestSql(columns.map((column) => column.name))}, zt_key = ${keyDigestSql(table.keyColumns)}`);
    await mergeStaging(tx, table, { columns, gone: group.options.mode === "upsert" ? "none" : "all", at: clock.now(), progress: { phase: "live", swept: true } });
  }

  async function note(tx: Transaction, table: FrontTable, file: DroppedFile, digest: string, rows: number, findings: readonly FileFinding[]): Promise<void> {
    await tx.query(
      `insert into node.dropped_file (source_name, relation, digest, file_name, outcome, rows, bad_rows, report, taken_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (source_name, relation, digest) do update set file_name = excluded.file_name, outcome = excluded.outcome, rows = excluded.rows, bad_rows = excluded.bad_rows, report = excluded.report, taken_at = excluded.taken_at`,
      [config.name, table.id, digest, file.name, findings.length === 0 ? "applied" : "refused", rows, findings.length, JSON.stringify(findings), clock.now()],
    );
  }

  /** Whether this content is what the table holds already: it was taken and not moved. */
  async function isLast(taker: Taker, digest: string): Promise<boolean> {
    const { rows } = await frontDatabase.read((reader) => reader.query<{ digest: string }>("select digest from node.dropped_file where source_name = $1 and relation = $2 and outcome = 'applied' order by taken_at desc limit 1", [config.name, taker.table.id]));
    return rows[0]?.digest === digest;
  }

  const isFilled = async (taker: Taker) => {
    const table = await frontDatabase.read((reader) => findFrontTable(reader, taker.table.sourceName, taker.table.id));
    return table?.phase === "live" && table.sweptAt !== undefined;
  };

  /** A table that is new, or has new columns, takes again what was applied before. */
  async function refill(taker: Taker): Promise<void> {
    if (await isFilled(taker)) return;
    const applied = await folder.applied(taker.group.relation);
    for (const file of taker.group.options.mode === "upsert" ? applied : applied.slice(-1)) {
      const bytes = await folder.read(file);
      const table = await readTable(file, bytes);
      if (checkFile(taker.group, table).length > 0) {
        log.warn({ source: config.name, file: file.name }, "a file that was applied before does not fit the binding now; a new one is waited for");
        continue;
      }
      await frontDatabase.withTransaction(async (tx) => {
        await write(tx, taker, table);
        await note(tx, taker.table, file, digestOf(bytes), table.rows.length, []);
      });
      taker.changed();
    }
  }

  async function take(file: DroppedFile, among: readonly Taker[]): Promise<void> {
    const bytes = await folder.read(file);
    const digest = digestOf(bytes);
    let table: FileTable | undefined;
    let findings: FileFinding[] = [];
    try {
      table = await readTable(file, bytes);
      for (const taker of among) findings.push(...checkFile(taker.group, table));
    } catch (error) {
      if (!isRefusal(error) || error.kind !== "Input") throw error;
      findings = [{ message: `${error.message}. ${error.nextStep ?? ""}`.trim(), zh: error.zh }];
    }
    if (table === undefined || findings.length > 0) {
      await frontDatabase.withTransaction(async (tx) => {
        for (const taker of among) await note(tx, taker.table, file, digest, table?.rows.length ?? 0, findings);
      });
      await folder.refuse(file, `${file.name}: nothing was taken / 整个文件未导入\n\n${findings.map((finding) => `${finding.message} / ${finding.zh}`).join("\n")}\n`);
      log.warn({ source: config.name, file: file.name, findings: findings.length }, "a dropped file was refused");
      return;
    }
    const whole = table;
    const waiting: Taker[] = [];
    for (const taker of among) if (!(await isLast(taker, digest)) || !(await isFilled(taker))) waiting.push(taker);
    await frontDatabase.withTransaction(async (tx) => {
      for (const taker of waiting) {
        await write(tx, taker, whole);
        await note(tx, taker.table, file, digest, whole.rows.length, []);
      }
      await fault("front.merge");
    });
    await fault("file.taken");
    await folder.accept(file, clock.now());
    log.info({ source: config.name, file: file.name, rows: whole.rows.length, encoding: whole.encoding }, "a dropped file was taken");
    for (const taker of waiting) taker.changed();
  }

  return {
    mode: () => "file",
    describe: async (group) => ({ relation: group.relation, kind: "file", columns: group.columnNames.map((name) => ({ name, type: "text", baseType: "text", nullable: true })), primaryKey: [], uniqueKeys: [] }),
    async keep({ group, table, schema, signal, changed }) {
      const mine: Taker = { group, table, schema, changed };
      const all = takers.get(group.relation) ?? [];
      all.push(mine);
      takers.set(group.relation, all);
      try {
        await refill(mine);
        while (!signal.aborted) {
          // One of the relation's tables looks for all of them.
          if (all[0] === mine) {
            for (const file of await folder.ready(group.relation)) {
              if (signal.aborted) break;
              await take(file, all);
            }
          }
          await rest(pollMs, signal);
        }
      } finally {
        all.splice(all.indexOf(mine), 1);
      }
    },
  };
}

/** One relation per pattern of names, with the columns of the newest file's header. */
export function createFileIntrospection(folder: DropFolder, onUnreadable: (file: DroppedFile, error: unknown) => void): () => Promise<{ relation: string; header: string[] }[]> {
  let headers = new Map<string, string[]>();
  return async () => {
    const files = await folder.known();
    const known = new Map<string, string[]>();
    const relations = new Map<string, string[]>();
    for (const file of files) {
      const id = `${file.path} ${file.size} ${file.modifiedMs}`;
      let header = headers.get(id);
      if (header === undefined) {
        try {
          header = (await readTable(file, await folder.read(file))).header;
        } catch (error) {
          onUnreadable(file, error);
          header = [];
        }
      }
      known.set(id, header);
      if (header.length > 0) relations.set(relationOfFile(file.name), [...new Set(header.filter((name) => name !== ""))]);
    }
    headers = known;
    return [...relations].map(([relation, header]) => ({ relation, header }));
  };
}
