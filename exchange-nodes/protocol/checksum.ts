import { quoteIdentifier } from "#platform";
import type { ChecksumPayload, RepairHead } from "./assignments.ts";

/**
 * The checksum that both ends compute in SQL over the canonical text of a row (docs/architecture.md, section 6):
 * fields in wire order, each as text, null as `\N`, joined by U+001F. A bucket's checksum is the sum of the first
 * 60 bits of each row's MD5, so it does not depend on order, and one changed, lost or doubled row shows.
 * `columns` are SQL expressions of type text in wire order; `keyColumns` the first of them.
 */
export function rowChecksumSql(columns: readonly string[]): string {
  return `('x' || substr(md5(concat_ws(chr(31), ${columns.map((column) => `coalesce(${column}, '\\N')`).join(", ")})), 1, 15))::bit(60)::bigint`;
}

/** Bucket of a row: the first 28 bits of the MD5 of its key texts, modulo the number of buckets. */
export function keyBucketSql(keyColumns: readonly string[], buckets: number): string {
  return `(('x' || substr(md5(concat_ws(chr(31), ${keyColumns.map((column) => `coalesce(${column}, '\\N')`).join(", ")})), 1, 7))::bit(28)::integer % ${Math.trunc(buckets)})`;
}

/** The canonical text of a column, in SQL, for a column of the item's own type. */
export function canonicalTextSql(column: string, itemType: string): string {
  const quoted = quoteIdentifier(column);
  return itemType === "N" || itemType === "Y" ? `trim_scale(${quoted}::numeric)::text` : itemType === "L" ? `case ${quoted} when true then 't' when false then 'f' end` : `${quoted}::text`;
}

/** Settings under which `::text` gives the canonical text; run once per connection or `set local`. */
export const canonicalSettings: readonly [string, string][] = [
  ["datestyle", "ISO, YMD"],
  ["extra_float_digits", "1"],
  ["intervalstyle", "iso_8601"],
  ["timezone", "UTC"],
];

/** A `repair` payload: one line of JSON (the head), then change lines as in `changes`. Encoding step: `copy-text`. */
export function encodeRepair(head: RepairHead, lines: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), lines]);
}

export function decodeRepair(payload: Buffer): { head: RepairHead; lines: Buffer } {
  const end = payload.indexOf(10);
  return { head: JSON.parse(payload.subarray(0, end).toString("utf8")) as RepairHead, lines: payload.subarray(end + 1) };
}

export function decodeChecksum(payload: Buffer): ChecksumPayload {
  return JSON.parse(payload.toString("utf8")) as ChecksumPayload;
}
