import { pipeline } from "node:stream/promises";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { quoteIdentifier, type Database, type Reader, type Transaction } from "#platform";
import { quoteRelation, type RelationColumn } from "../sources/introspect.ts";
import { literals } from "../sources/source-database.ts";
import type { ProviderContext, SourceOptions } from "./context.ts";
import { createStaging, frontRelation, keyDigestSql, mergeStaging, rowDigestSql, sourceExpression, trimTombstones, type FrontTable, type MergeOptions, type MergeResult } from "./front-store.ts";

/**
 * Keeps a front-end table equal to a relation with nothing but the right to select: a first copy by key ranges, which
 * goes on where it was after a restart; then rows with a newer update time, where there is such a column; and
 * comparisons of everything by key bucket, which find what has no update time, and deletions. Every step is one
 * transaction of the front-end database.
 */
export interface FrontReaderOptions {
  context: ProviderContext;
  source: Database;
  table: FrontTable;
  relation: string;
  columns: readonly RelationColumn[];
  updateTimeColumn?: RelationColumn;
  options: SourceOptions;
}

export interface FrontReader {
  /** One chunk of the first copy; `false` when there is no more. */
  copyChunk(table: FrontTable): Promise<boolean>;
  /** Rows whose update time is at or behind the watermark less the overlap. */
  poll(table: FrontTable): Promise<MergeResult>;
  /** Compares everything in one snapshot of the source. */
  compare(table: FrontTable): Promise<MergeResult>;
}

const chunkRows = 20_000;
const mostBuckets = 65_536;
const integerTypes = new Set(["int2", "int4", "int8"]);

export function createFrontReader({ context, source, table, relation, columns, updateTimeColumn, options }: FrontReaderOptions): FrontReader {
  const { frontDatabase, clock, fault } = context;
  const from = quoteRelation(relation);
  const keys = table.keyColumns.map(quoteIdentifier);
  const rowDigest = rowDigestSql(columns.map((column) => column.name));
  const keyDigest = keyDigestSql(table.keyColumns);
  const selected = [...columns.map(sourceExpression), rowDigest, keyDigest].join(", ");
  const staged = [...columns.map((column) => quoteIdentifier(column.name)), "zt_hash", "zt_key"].join(", ");
  const typeOf = new Map(columns.map((column) => [column.name, column.type]));

  /** Streams from the source into the staging table: a relation of any size takes no memory here. */
  async function stage(reader: Reader, tx: Transaction, where: string, tail = ""): Promise<void> {
    await createStaging(tx, table, columns);
    await pipeline(reader.client.query(copyTo(`copy (select ${selected} from ${from}${where}${tail}) to stdout`)), tx.client.query(copyFrom(`copy front_staging (${staged}) from stdin`)));
  }

  function take(run: (tx: Transaction, reader: Reader) => Promise<Omit<MergeOptions, "columns" | "at"> | undefined>): Promise<MergeResult> {
    return frontDatabase.withTransaction(async (tx) => {
      const merge = await source.withTransaction((reader) => run(tx, reader), { isolation: "repeatable read", readOnly: true });
      if (merge === undefined) return { changed: 0, deleted: 0 };
      const result = await mergeStaging(tx, table, { ...merge, columns, at: clock.now() });
      await fault("front.merge");
      return result;
    });
  }

  async function newestUpdateTime(tx: Transaction, of: string): Promise<string | undefined> {
    if (updateTimeColumn === undefined) return undefined;
    const { rows } = await tx.query<{ newest: string | null }>(`select max(${quoteIdentifier(updateTimeColumn.name)})::text as newest from ${of}`);
    return rows[0]?.newest ?? undefined;
  }

  return {
    async copyChunk(current) {
      let more = false;
      await take(async (tx, reader) => {
        let where = "";
        if (current.snapshotKey !== undefined) {
          const quoted = await literals(reader, current.snapshotKey);
          where = ` where (${keys.join(", ")}) > (${quoted.map((value, index) => `${value}::${typeOf.get(table.keyColumns[index]!)!}`).join(", ")})`;
        }
        // The source's own order decides which key is the last one of the chunk.
        const last = await reader.query<Record<string, string>>(`select ${keys.map((key, index) => `${key}::text as k${index}`).join(", ")} from ${from}${where} order by ${keys.join(", ")} offset ${chunkRows - 1} limit 1`);
        await stage(reader, tx, where, ` order by ${keys.join(", ")} limit ${chunkRows}`);
        const row = last.rows[0];
        more = row !== undefined;
        return { gone: "none", progress: row === undefined ? {} : { snapshotKey: keys.map((_, index) => row[`k${index}`]!) } };
      });
      await fault("front.chunk");
      return more;
    },

    async poll(current) {
      if (updateTimeColumn === undefined) return { changed: 0, deleted: 0 };
      return take(async (tx, reader) => {
        const name = quoteIdentifier(updateTimeColumn.name);
        let where = "";
        if (current.watermark !== undefined) {
          const [mark] = await literals(reader, [current.watermark]);
          const overlap = `interval '${Math.max(0, Math.trunc(options.pollOverlapMs ?? 60_000))} milliseconds'`;
          where = integerTypes.has(updateTimeColumn.baseType) ? ` where ${name} >= ${mark}::bigint` : ` where ${name} >= (${mark}::${updateTimeColumn.baseType} - ${overlap})`;
        }
        await stage(reader, tx, where);
        const newest = await newestUpdateTime(tx, "front_staging");
        return { gone: "none", ...(newest === undefined ? {} : { progress: { watermark: newest } }) };
      });
    },

    async compare() {
      const result = await take(async (tx, reader) => {
        const own = await tx.query<{ rows: number }>(`select count(*) as rows from ${frontRelation(table)} where not zt_deleted`);
        const buckets = Math.min(mostBuckets, Math.max(1, Math.ceil(own.rows[0]!.rows / Math.max(1, options.compareRows ?? 5_000))));
        const sums = (bucket: string, digest: string, rest: string) => `select ${bucket} as bucket, count(*)::text || ' ' || sum(${digest})::text as value from ${rest} group by 1`;
        const theirs = await reader.query<{ bucket: number; value: string }>(sums(`${keyDigest} % ${buckets}`, rowDigest, from));
        const ours = await tx.query<{ bucket: number; value: string }>(sums(`zt_key % ${buckets}`, "zt_hash", `${frontRelation(table)} where not zt_deleted`));
        const known = new Map(ours.rows.map((row) => [row.bucket, row.value]));
        const differing = theirs.rows.flatMap((row) => (known.get(row.bucket) === row.value ? [] : [row.bucket]));
        const present = new Set(theirs.rows.map((row) => row.bucket));
        for (const bucket of known.keys()) if (!present.has(bucket)) differing.push(bucket);
        if (differing.length === 0) await createStaging(tx, table, columns);
        else await stage(reader, tx, differing.length === buckets ? "" : ` where ${keyDigest} % ${buckets} = any('{${differing.join(",")}}'::integer[])`);
        return { gone: { buckets, numbers: differing }, progress: { phase: "live", swept: true } };
      });
      await frontDatabase.withTransaction(async (tx) => {
        const newest = await newestUpdateTime(tx, `${frontRelation(table)} where not zt_deleted`);
        if (newest !== undefined) await tx.query("update node.front_table set watermark = coalesce(watermark, $3) where source_name = $1 and relation = $2", [table.sourceName, table.id, newest]);
        await trimTombstones(tx, table, clock.now());
      });
      await fault("front.compared");
      return result;
    },
  };
}

/** Whether a failure means that the relation is not what it was: it is looked at again. */
export function isSchemaFailure(error: unknown): boolean {
  return ["42703", "42P01", "42501", "42804", "22P02"].includes((error as { code?: string } | undefined)?.code ?? "");
}

