import type { Transaction } from "#platform";
import { quoteIdentifier } from "#platform";
import type { BaseDefinition, BilingualTitle, SourceDefinition } from "./definition.ts";
import { checkNewKeys } from "./keys.ts";
import { normalisers } from "./normalisers.ts";
import { findLandingFeed, findLandingTable, isDirect, rowKeyMatchSql, rowKeySql, saveSourcePosition, type AttachedSource, type LandingTable, type SourcePosition } from "./sources.ts";

/**
 * Reading one source: which of its rows changed since its position, whose they are, and whose golden records have to be
 * computed again. Nothing is merged here; the keys go to `base.touched` in the transaction that moves the position.
 *
 * No lock is taken on the subscriber's tables. A row that is applied while we read has a higher sequence and is read
 * next time; a table that was swapped meanwhile shows in the feed's generation, read again at the end: then this turn
 * is given up and the whole new table read from its beginning.
 */
export interface IngestResult {
  rows: number;
  more: boolean;
  problem?: BilingualTitle;
}

/** A candidate goes with its row; a foreign key would check each at half the cost of the comparison. */
const unmatchedTables = ["match_candidate", "unmatched_row"] as const;

/** Rows of one transaction: bounds its time (about a second) and what a crash makes us do again. */
export const ingestChunkRows = 50_000;

/** Stands for "some earlier generation" where that is all that is known; a feed's generations are positive. */
export const readBefore = -1;

class GenerationChanged extends Error {}

export function isGenerationChanged(error: unknown): boolean {
  return error instanceof GenerationChanged;
}

/**
 * Reading goes beside reading and merging beside merging, but not one beside the other: a key that is touched while it
 * is merged would be lost. PostgreSQL's table locks have just these modes; the gate is an empty table per base.
 */
const gateModes = { read: "share", merge: "row exclusive", alone: "share row exclusive" } as const;

export async function passGate(tx: Transaction, definition: BaseDefinition, mode: keyof typeof gateModes): Promise<void> {
  await tx.query(`lock table base.${quoteIdentifier(`${definition.goldenTable}_gate`)} in ${gateModes[mode]} mode`);
}

export interface IngestContext {
  definition: BaseDefinition;
  sourceDefinition: SourceDefinition;
  source: AttachedSource;
  at: Date;
  chunkRows: number;
}

/** One chunk of one source, in one transaction. */
export async function ingestChunk(tx: Transaction, context: IngestContext): Promise<IngestResult> {
  const { source, sourceDefinition, at, chunkRows } = context;
  const feed = await findLandingFeed(tx, source.feedId);
  const table = feed && (await findLandingTable(tx, source));
  const problem = problemOf(source, sourceDefinition, feed, table);
  if (!feed || !table || problem !== undefined) {
    if (source.problem?.en !== problem?.en) await saveSourcePosition(tx, source.id, { ...positionOf(source), rows: 0, ...(problem === undefined ? {} : { problem }) }, at);
    return { rows: 0, more: false, ...(problem === undefined ? {} : { problem }) };
  }

  let result: IngestResult;
  let position: SourcePosition;
  if (source.generation !== feed.generation) {
    // The whole table, in key order. Changes that come meanwhile follow from the sequence noted at the beginning.
    const scan = source.scan?.generation === feed.generation ? source.scan : { generation: feed.generation, sequence: feed.appliedSequence };
    // What an earlier reading, whole or broken off, left behind has to be looked through at the end.
    const first = source.generation === undefined && (source.scan === undefined || source.scan === scan);
    const next = await nextScanWindow(tx, table, scan.cursor, chunkRows);
    const rows = await takeWindow(tx, context, table, next.where, next.values, first);
    if (next.last) {
      // A table of this size that nobody has analysed yet would be merged by one index look-up a row.
      if (rows >= 5_000) await tx.query(`analyze ${table.sql} (${[...new Set([sourceDefinition.keyColumn, ...table.keyColumns])].map(quoteIdentifier).join(", ")})`);
      if (!first) await forgetVanished(tx, context, table);
      position = { generation: scan.generation, lastSequence: scan.sequence, rows };
    } else {
      position = { ...positionOf(source), ...(first ? {} : { generation: source.generation ?? readBefore }), scan: { generation: scan.generation, sequence: scan.sequence, cursor: next.cursor! }, rows };
    }
    result = { rows, more: true };
  } else {
    if (feed.appliedSequence <= source.lastSequence) {
      if (source.problem !== undefined) await saveSourcePosition(tx, source.id, { ...positionOf(source), rows: 0 }, at);
      return { rows: 0, more: false };
    }
    const { rows: window } = await tx.query<{ upto: number | null; found: number }>(`select max(zt_sequence) as upto, count(*) as found from (select zt_sequence from ${table.sql} where zt_sequence > $1 and zt_sequence <= $2 order by zt_sequence limit $3) w`, [source.lastSequence, feed.appliedSequence, chunkRows]);
    const upto = window[0]!.found < chunkRows ? feed.appliedSequence : window[0]!.upto!;
    const rows = window[0]!.found === 0 ? 0 : await takeWindow(tx, context, table, "l.zt_sequence > $2 and l.zt_sequence <= $3", [source.lastSequence, upto]);
    const gone = await takeDeleted(tx, context, table, source.lastSequence, upto);
    position = { ...positionOf(source), lastSequence: upto, rows: rows + gone };
    result = { rows: rows + gone, more: upto < feed.appliedSequence };
  }
  const after = await findLandingFeed(tx, source.feedId);
  if (after?.generation !== feed.generation) throw new GenerationChanged(`feed ${source.feedId} began generation ${after?.generation} while generation ${feed.generation} was read`);
  await saveSourcePosition(tx, source.id, position, at);
  return result;
}

function positionOf(source: AttachedSource): Omit<SourcePosition, "rows"> {
  return { lastSequence: source.lastSequence, ...(source.generation === undefined ? {} : { generation: source.generation }), ...(source.scan ? { scan: source.scan } : {}) };
}

function problemOf(source: AttachedSource, definition: SourceDefinition, feed: object | undefined, table: LandingTable | undefined): BilingualTitle | undefined {
  const place = `${source.schema}.${source.table}`;
  if (!feed) return { zh: `数据流 ${source.feedId} 尚未在此落地`, en: `feed ${source.feedId} has not been applied here yet` };
  if (!table) return { zh: `落地表 ${place} 尚不存在`, en: `landing table ${place} does not exist yet` };
  if (!table.columns.has(definition.keyColumn)) return { zh: `授权不含 ${definition.keyColumn},无法归并`, en: `the grant does not give ${definition.keyColumn}, by which rows are assigned` };
  if (source.maskedFields.includes(definition.keyColumn)) return { zh: `授权对 ${definition.keyColumn} 作了脱敏,无法归并`, en: `the grant masks ${definition.keyColumn}, by which rows are assigned` };
  if (!table.deletedSql) return { zh: `落地表 ${place} 未记录删除:订阅须开启变更跟踪`, en: `landing table ${place} keeps no deleted keys: its subscription needs trackChanges` };
  return undefined;
}

interface ScanWindow {
  where: string;
  values: unknown[];
  last: boolean;
  cursor?: string[];
}

async function nextScanWindow(tx: Transaction, table: LandingTable, cursor: readonly string[] | undefined, limit: number): Promise<ScanWindow> {
  const columns = table.keyColumns.map((column) => `l.${quoteIdentifier(column)}`);
  const tuple = `(${columns.join(", ")})`;
  // $1 is the kind of key in the statement that takes a window.
  const bound = (first: number) => `(${table.keyColumns.map((column, index) => `$${first + index}::${table.columns.get(column)!}`).join(", ")})`;
  const from = cursor ? `${tuple} > ${bound(1)}` : "true";
  const { rows } = await tx.query<{ bound: string[] }>(`select array[${columns.map((column) => `${column}::text`).join(", ")}] as bound from ${table.sql} l where ${from} order by ${columns.join(", ")} offset ${limit - 1} limit 1`, cursor ?? []);
  const upper = rows[0]?.bound;
  const values: unknown[] = [...(cursor ?? []), ...(upper ?? [])];
  const where = [cursor ? `${tuple} > ${bound(2)}` : "true", upper ? `${tuple} <= ${bound(2 + (cursor?.length ?? 0))}` : "true"].join(" and ");
  return upper ? { where, values, last: false, cursor: upper } : { where, values, last: true };
}

/** Takes over the rows of a window; `where` speaks of the landing table as `l`, its parameters start at $2. */
async function takeWindow(tx: Transaction, context: IngestContext, table: LandingTable, where: string, values: readonly unknown[], first = false): Promise<number> {
  const { definition, sourceDefinition, source } = context;
  const direct = isDirect(sourceDefinition, table);
  const raw = `l.${quoteIdentifier(sourceDefinition.keyColumn)}::text`;
  await tx.query("drop table if exists pg_temp.zt_resolved");
  const changed = await tx.query(
    `create temp table zt_resolved on commit drop as
     select ${rowKeySql("l", table)} as row_key, ${raw} as raw, k.key, case when coalesce(btrim(${raw}), '') = '' then 'missing' else k.reason end as reason
     from ${table.sql} l left join base.key_check k on k.key_kind = $1 and k.raw = ${raw} where ${where}`,
    [definition.keyKind, ...values],
  );
  if (changed.rowCount === 0) return 0;
  await checkNewKeys(tx, definition.keyKind, "pg_temp.zt_resolved", context.at.toISOString().slice(0, 10));
  const ignoreMissing = sourceDefinition.keyMayBeMissing === true;
  const merges = Object.keys(sourceDefinition.attributes).length > 0;
  const { rows: known } = await tx.query<{ links: boolean; unmatched: boolean; invalid: boolean }>("select exists (select 1 from base.link where source_id = $1) as links, exists (select 1 from base.unmatched_row where source_id = $1) as unmatched, exists (select 1 from pg_temp.zt_resolved where key is null) as invalid", [source.id]);
  const { unmatched, invalid } = known[0]!;
  // In a first reading no row can have been seen before: keys come in ascending order.
  const links = known[0]!.links && !first;

  if (links) {
    // Whoever a row belonged to before, and whoever a row without a key was found to belong to.
    if (merges) await touch(tx, definition, "select l.entity_key as key from pg_temp.zt_resolved r join base.link l on l.source_id = $2 and l.row_key = r.row_key where r.key is null or l.entity_key <> r.key", [source.id]);
    await tx.query(`delete from base.link l using pg_temp.zt_resolved r where l.source_id = $1 and l.row_key = r.row_key and (${direct ? "r.key = r.raw" : "false"} or (r.key is null and (l.by_key or ($2 and r.reason = 'missing'))))`, [source.id, ignoreMissing]);
  }
  const unlessKnown = links ? "and not exists (select 1 from base.link k where k.source_id = $1 and k.row_key = r.row_key and k.entity_key = r.key and k.by_key)" : "";
  const replace = links ? "on conflict (source_id, row_key) do update set entity_key = excluded.entity_key, by_key = true" : "";
  await tx.query(`insert into base.link (source_id, row_key, entity_key, by_key) select $1, r.row_key, r.key, true from pg_temp.zt_resolved r where r.key is not null ${direct ? "and r.key <> r.raw" : ""} ${unlessKnown} ${replace}`, [source.id]);
  if (merges) await touch(tx, definition, "select r.key from pg_temp.zt_resolved r where r.key is not null", []);
  if (unmatched) for (const table of unmatchedTables) await tx.query(`delete from base.${table} u using pg_temp.zt_resolved r where u.source_id = $1 and u.row_key = r.row_key and (r.key is not null or ($2 and r.reason = 'missing'))`, [source.id, ignoreMissing]);
  if (invalid) await noteUnmatched(tx, context, table, ignoreMissing);
  return changed.rowCount;
}

async function noteUnmatched(tx: Transaction, { definition, sourceDefinition, source, at }: IngestContext, table: LandingTable, ignoreMissing: boolean): Promise<void> {
  const valueOf = (part: "name" | "date" | "address" | "other"): string => {
    const column = sourceDefinition.match?.[part];
    if (column === undefined || !table.columns.has(column) || source.maskedFields.includes(column)) {
      const inKey = definition.matching.dateInKey;
      return part === "date" && inKey ? `base.read_date(substr(base.clean_code(r.raw), ${inKey.from}, ${inKey.length}))` : part === "date" ? "null::date" : "null::text";
    }
    const attribute = definition.attributes.find((candidate) => candidate.name === definition.matching[part])!;
    return normalisers[attribute.normaliser].value(`l.${quoteIdentifier(column)}`, table.columns.get(column)!);
  };
  await tx.query(
    `insert into base.unmatched_row as u (source_id, row_key, base, raw_key, reason, match_name, match_date, match_address, match_other, state, compared, first_seen_at)
     select $1, r.row_key, $2, r.raw, r.reason, ${valueOf("name")}, ${valueOf("date")}, ${valueOf("address")}, ${valueOf("other")}, 'unmatched', false, $3
     from pg_temp.zt_resolved r join ${table.sql} l on ${rowKeyMatchSql("l", table, "r.row_key")}
     where r.key is null and not ($4 and r.reason = 'missing')
     on conflict (source_id, row_key) do update set raw_key = excluded.raw_key, reason = excluded.reason, match_name = excluded.match_name, match_date = excluded.match_date, match_address = excluded.match_address, match_other = excluded.match_other, compared = false
     where (u.raw_key, u.reason, u.match_name, u.match_date, u.match_address, u.match_other) is distinct from (excluded.raw_key, excluded.reason, excluded.match_name, excluded.match_date, excluded.match_address, excluded.match_other)`,
    [source.id, definition.name, at, ignoreMissing],
  );
}

async function takeDeleted(tx: Transaction, { definition, sourceDefinition, source }: IngestContext, table: LandingTable, after: number, upto: number): Promise<number> {
  const direct = isDirect(sourceDefinition, table);
  const merges = Object.keys(sourceDefinition.attributes).length > 0;
  await tx.query("drop table if exists pg_temp.zt_deleted");
  const same = table.keyColumns.map((column) => `l.${quoteIdentifier(column)} = d.${quoteIdentifier(column)}`).join(" and ");
  // A key that was deleted and came again stands in the table: its row says what is.
  const deleted = await tx.query(`create temp table zt_deleted on commit drop as select distinct ${rowKeySql("d", table)} as row_key from ${table.deletedSql!} d where d.zt_sequence > $1 and d.zt_sequence <= $2 and not exists (select 1 from ${table.sql} l where ${same})`, [after, upto]);
  if (deleted.rowCount === 0) return 0;
  await forget(tx, definition, source.id, merges, "select row_key from pg_temp.zt_deleted");
  if (direct && merges) await touch(tx, definition, "select k.key from pg_temp.zt_deleted d join base.key_check k on k.key_kind = $2 and k.raw = d.row_key where k.key is not null", [definition.keyKind]);
  return deleted.rowCount;
}

/** After a whole new table was read: what it no longer holds. */
async function forgetVanished(tx: Transaction, { definition, sourceDefinition, source }: IngestContext, table: LandingTable): Promise<void> {
  const merges = Object.keys(sourceDefinition.attributes).length > 0;
  const gone = (rowKey: string) => `not exists (select 1 from ${table.sql} l where ${rowKeyMatchSql("l", table, rowKey)})`;
  await tx.query("drop table if exists pg_temp.zt_gone");
  await tx.query(
    `create temp table zt_gone on commit drop as
     select k.row_key from base.link k where k.source_id = $1 and ${gone("k.row_key")}
     union select u.row_key from base.unmatched_row u where u.source_id = $1 and ${gone("u.row_key")}`,
    [source.id],
  );
  await forget(tx, definition, source.id, merges, "select row_key from pg_temp.zt_gone");
  if (merges) await touch(tx, definition, `select p.key from base.provenance p where p.base = $1 and $2::smallint = any(p.source_ids) and not exists (select 1 from ${table.sql} l where l.${quoteIdentifier(sourceDefinition.keyColumn)}::text = p.key)`, [source.id]);
}

/** Forgets rows of a source: their links and their place in the list of unmatched rows. */
async function forget(tx: Transaction, definition: BaseDefinition, sourceId: number, merges: boolean, rowKeysSql: string): Promise<void> {
  if (merges) await touch(tx, definition, `select k.entity_key as key from base.link k where k.source_id = $2 and k.row_key in (${rowKeysSql})`, [sourceId]);
  for (const table of ["link", ...unmatchedTables]) await tx.query(`delete from base.${table} where source_id = $1 and row_key in (${rowKeysSql})`, [sourceId]);
}

/** Marks keys for merging. `keysSql` gives a column `key`; its parameters start at $2. */
export async function touch(tx: Transaction, definition: BaseDefinition, keysSql: string, values: readonly unknown[]): Promise<number> {
  // Asking first is three times cheaper than a conflict, and by the tenth source nearly every key is there. In order,
  // so that two readers that touch the same keys wait for each other instead of locking each other out.
  const { rowCount } = await tx.query(`insert into base.touched (base, key) select $1::text, t.key from (${keysSql}) t where not exists (select 1 from base.touched q where q.base = $1 and q.key = t.key) order by t.key on conflict do nothing`, [definition.name, ...values]);
  return rowCount;
}

/** Everything that a detached source said is withdrawn. */
export async function forgetSource(tx: Transaction, definition: BaseDefinition, sourceId: number): Promise<void> {
  await touch(tx, definition, "select p.key from base.provenance p where p.base = $1 and $2::smallint = any(p.source_ids)", [sourceId]);
  for (const table of ["link", ...unmatchedTables]) await tx.query(`delete from base.${table} where source_id = $1`, [sourceId]);
}
