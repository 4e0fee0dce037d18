import { quoteIdentifier, type Database, type Transaction } from "#platform";
import type { BatchEnvelope } from "#standards";
import type { BucketChecksums, ChecksumReport } from "../../protocol/assignments.ts";
import { canonicalSettings, canonicalTextSql, decodeChecksum, decodeRepair, keyBucketSql, rowChecksumSql } from "../../protocol/checksum.ts";
import { parsePosition } from "../../protocol/envelope.ts";
import { copyInto, countWritten } from "./copy-into.ts";
import { partitionLines } from "./lines.ts";
import { applySql, keyList, stageColumns, type TableNames, type TableShape } from "./target-table.ts";

interface PlainBatch {
  envelope: BatchEnvelope;
  plain: Buffer;
}

/** Buckets whose count or sum is not the same on both sides. */
export function differingBuckets(source: BucketChecksums["values"], target: BucketChecksums["values"]): number[] {
  const text = (values: BucketChecksums["values"]) => new Map(values.map(([bucket, rows, sum]) => [bucket, `${rows}:${sum}`]));
  const [a, b] = [text(source), text(target)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((bucket) => a.get(bucket) !== b.get(bucket)).sort((x, y) => x - y);
}

/** 对账: the source's sums, as the batch brings them, beside those of the table as it stands at this place of the stream. */
export async function compareChecksums(database: Database, names: TableNames, shape: TableShape, batch: PlainBatch): Promise<Omit<ChecksumReport, "feedId">> {
  const source = decodeChecksum(batch.plain);
  const texts = shape.items.map((item) => canonicalTextSql(item.field, item.type));
  const keyTexts = texts.slice(0, shape.keyFields.length);
  const own = await database.withTransaction(
    async (tx) => {
      for (const [name, value] of canonicalSettings) await tx.query("select set_config($1, $2, true)", [name, value]);
      const { rows } = await tx.query<{ bucket: number; rows: number; sum: string }>(`select bucket, count(*) as rows, sum(checksum)::text as sum from (select ${keyBucketSql(keyTexts, source.buckets)} as bucket, ${rowChecksumSql(texts)} as checksum from ${names.table}) as each group by bucket order by bucket`);
      return rows;
    },
    { isolation: "repeatable read", readOnly: true },
  );
  const values: BucketChecksums["values"] = own.map((row) => [row.bucket, row.rows, row.sum]);
  const total = (list: BucketChecksums["values"]) => list.reduce((sum, [, rows]) => sum + rows, 0);
  return { sequence: batch.envelope.sequence, rowsSource: total(source.values), rowsTarget: total(values), buckets: source.buckets, differing: differingBuckets(source.values, values), ...(source.commandId === undefined ? {} : { commandId: source.commandId }) };
}

/** Takes whole buckets as the source has them: rows are upserted, keys that the source no longer has are deleted. */
export async function repairTable(tx: Transaction, names: TableNames, shape: TableShape, batch: PlainBatch): Promise<number> {
  const { head, lines } = decodeRepair(batch.plain);
  const { lsn, index } = parsePosition(batch.envelope.toPosition);
  const [part] = partitionLines([{ sequence: batch.envelope.sequence, lines }], 1, shape.keyFields.length);
  const keys = shape.keyFields.map(quoteIdentifier);
  const keyTexts = shape.keyFields.map((key) => canonicalTextSql(key, shape.items.find((item) => item.field === key)!.type));
  await tx.query(`create temp table zt_repair (${stageColumns(shape)}) on commit drop`);
  await copyInto(tx, "pg_temp.zt_repair", "", [part!.bytes]);
  const written = await countWritten(tx, { text: applySql({ names, shape, into: "table", from: "pg_temp.zt_repair", deletes: true }) });
  for (const [name, value] of [...canonicalSettings, ["enable_seqscan", "on"], ["enable_hashjoin", "on"]]) await tx.query("select set_config($1, $2, true)", [name, value]);
  // What came after the source was read stays.
  const gone = await tx.query(
    `with gone as (delete from ${names.table} t where ${keyBucketSql(keyTexts, head.buckets)} = any($1) and (t.zt_lsn, t.zt_index) <= ($2::bigint, $3::integer)
        and not exists (select from pg_temp.zt_repair r where r.zt_op = 'U' and ${keys.map((key) => `r.${key} = t.${key}`).join(" and ")}) returning ${keys.map((key) => `t.${key}`).join(", ")})
     insert into ${names.deleted} (${keyList(shape)}, zt_lsn, zt_index, zt_sequence) select ${keyList(shape)}, $2, $3, $4 from gone on conflict do nothing`,
    [head.bucketNumbers, String(lsn), index, batch.envelope.sequence],
  );
  return written + gone.rowCount;
}
