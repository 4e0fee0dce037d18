import type { Reader, Transaction } from "#platform";
import { canonicalJson, ConflictError } from "#platform";
import type { SignedBatch } from "../../protocol/envelope.ts";
import { genesisHash } from "../../protocol/envelope.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import type { RowFailure } from "./row-reader.ts";

/** Rows of schema `node` that belong to a feed: positions, outbox, park, sent keys. */
export interface HaltReason {
  code: string;
  message: string;
  zh: string;
}

export interface FeedRecord {
  feedId: string;
  grantId: string;
  grantVersion: number;
  sourceName: string;
  relation: string;
  state: "capturing" | "halted" | "stopped";
  halt?: HaltReason;
  refreshNeeded?: string;
  generation: number;
  phase: "refresh" | "live" | "ended";
  refreshBegun: boolean;
  snapshotKey?: string[];
  positionLsn: number;
  positionIndex: number;
  nextSequence: number;
  headHash: string;
  ackedSequence: number;
  ackedHash: string;
  planDigest: string;
  sourceSchema?: RelationSchema["columns"];
  rowsCaptured: number;
  deletesCaptured: number;
  bytesCaptured: number;
  lastCapturedAt?: Date;
  lastSentAt?: Date;
  stoppedAt?: Date;
}

interface FeedRow extends Record<string, unknown> {
  feed_id: string;
  grant_id: string;
  grant_version: number;
  source_name: string;
  relation: string;
  state: FeedRecord["state"];
  halt: HaltReason | null;
  refresh_needed: string | null;
  generation: number;
  phase: FeedRecord["phase"];
  refresh_begun: boolean;
  snapshot_key: string[] | null;
  position_lsn: number;
  position_index: number;
  next_sequence: number;
  head_hash: string;
  acked_sequence: number;
  acked_hash: string;
  plan_digest: string;
  source_schema: RelationSchema["columns"] | null;
  rows_captured: number;
  deletes_captured: number;
  bytes_captured: number;
  last_captured_at: Date | null;
  last_sent_at: Date | null;
  stopped_at: Date | null;
}

function recordOf(row: FeedRow): FeedRecord {
  return {
    feedId: row.feed_id,
    grantId: row.grant_id,
    grantVersion: row.grant_version,
    sourceName: row.source_name,
    relation: row.relation,
    state: row.state,
    ...(row.halt ? { halt: row.halt } : {}),
    ...(row.refresh_needed === null ? {} : { refreshNeeded: row.refresh_needed }),
    generation: row.generation,
    phase: row.phase,
    refreshBegun: row.refresh_begun,
    ...(row.snapshot_key ? { snapshotKey: row.snapshot_key } : {}),
    positionLsn: row.position_lsn,
    positionIndex: row.position_index,
    nextSequence: row.next_sequence,
    headHash: row.head_hash,
    ackedSequence: row.acked_sequence,
    ackedHash: row.acked_hash,
    planDigest: row.plan_digest,
    ...(row.source_schema ? { sourceSchema: row.source_schema } : {}),
    rowsCaptured: row.rows_captured,
    deletesCaptured: row.deletes_captured,
    bytesCaptured: row.bytes_captured,
    ...(row.last_captured_at ? { lastCapturedAt: row.last_captured_at } : {}),
    ...(row.last_sent_at ? { lastSentAt: row.last_sent_at } : {}),
    ...(row.stopped_at ? { stoppedAt: row.stopped_at } : {}),
  };
}

export async function findFeed(reader: Reader, feedId: string): Promise<FeedRecord | undefined> {
  const { rows } = await reader.query<FeedRow>("select * from node.feed where feed_id = $1", [feedId]);
  return rows[0] && recordOf(rows[0]);
}

export async function listFeeds(reader: Reader): Promise<FeedRecord[]> {
  return (await reader.query<FeedRow>("select * from node.feed order by feed_id")).rows.map(recordOf);
}

export interface NewGeneration {
  feedId: string;
  grantId: string;
  grantVersion: number;
  sourceName: string;
  relation: string;
  generation: number;
  planDigest: string;
  sourceSchema: RelationSchema["columns"];
  at: Date;
}

/** Starts a feed, or a new generation of one: everything begins again but the sequence. Unsent batches stay in order before it. */
export async function beginGeneration(tx: Transaction, feed: NewGeneration): Promise<FeedRecord> {
  const { rows } = await tx.query<FeedRow>(
    `insert into node.feed (feed_id, grant_id, grant_version, source_name, relation, state, generation, phase, head_hash, acked_hash, plan_digest, source_schema, updated_at)
     values ($1, $2, $3, $4, $5, 'capturing', $6, 'refresh', $7, $7, $8, $9, $10)
     on conflict (feed_id) do update set grant_id = excluded.grant_id, grant_version = excluded.grant_version, source_name = excluded.source_name, relation = excluded.relation,
       state = 'capturing', halt = null, refresh_needed = null, generation = excluded.generation, phase = 'refresh', refresh_begun = false, snapshot_key = null,
       position_lsn = 0, position_index = 0, plan_digest = excluded.plan_digest, source_schema = excluded.source_schema, stopped_at = null,
       rows_captured = 0, deletes_captured = 0, bytes_captured = 0, updated_at = excluded.updated_at
     returning *`,
    [feed.feedId, feed.grantId, feed.grantVersion, feed.sourceName, feed.relation, feed.generation, genesisHash, feed.planDigest, canonicalJson(feed.sourceSchema), feed.at],
  );
  await tx.query("delete from node.sent_key where feed_id = $1", [feed.feedId]);
  await tx.query("update node.park set state = 'overtaken', settled_at = $2 where feed_id = $1 and state = 'parked'", [feed.feedId, feed.at]);
  return recordOf(rows[0]!);
}

export interface FeedProgress {
  snapshotKey?: string[];
  phase?: FeedRecord["phase"];
  refreshBegun?: boolean;
  position?: { lsn: number; index: number };
}

export interface CommittedCounts {
  rows: number;
  deletes: number;
  bytes: number;
  nextSequence: number;
  headHash: string;
  at: Date;
}

/** Moves a feed's position together with the batches written in the same transaction; refused once the feed was stopped or begun again. */
export async function advanceFeed(tx: Transaction, feedId: string, generation: number, progress: FeedProgress, counts: CommittedCounts): Promise<void> {
  const { rowCount } = await tx.query(
    `update node.feed set snapshot_key = coalesce($3, snapshot_key), phase = coalesce($4, phase), refresh_begun = coalesce($5, refresh_begun),
       position_lsn = coalesce($6, position_lsn), position_index = coalesce($7, position_index), next_sequence = $8, head_hash = $9,
       rows_captured = rows_captured + $10, deletes_captured = deletes_captured + $11, bytes_captured = bytes_captured + $12,
       last_captured_at = case when $10 + $11 > 0 then $13 else last_captured_at end, updated_at = $13
     where feed_id = $1 and generation = $2 and state <> 'stopped'`,
    [feedId, generation, progress.snapshotKey ?? null, progress.phase ?? null, progress.refreshBegun ?? null, progress.position?.lsn ?? null, progress.position?.index ?? null, counts.nextSequence, counts.headHash, counts.rows, counts.deletes, counts.bytes, counts.at],
  );
  if (rowCount === 0) throw new ConflictError(`Feed ${feedId} was stopped or begun again`, { zh: `数据流 ${feedId} 已停止或已重新开始`, code: "feed.moved" });
}

export async function insertBatches(tx: Transaction, feedId: string, batches: readonly SignedBatch[], at: Date): Promise<void> {
  for (const { envelope, payload } of batches) {
    await tx.query({
      name: "provider-outbox-insert",
      text: "insert into node.outbox (feed_id, sequence, envelope, payload, payload_bytes, rows, created_at) values ($1, $2, $3, $4, $5, $6, $7)",
      values: [feedId, envelope.sequence, canonicalJson(envelope), payload, envelope.payloadBytes, envelope.rows + envelope.deletes, at],
    });
  }
}

/** The next unsent batches, up to `maxBytes` but at least one. */
export async function readOutbox(reader: Reader, feedId: string, afterSequence: number, maxBytes: number): Promise<SignedBatch[]> {
  const { rows } = await reader.query<{ envelope: string; payload: Buffer }>(
    `select envelope, payload from (select envelope, payload, sequence, sum(payload_bytes) over (order by sequence) - payload_bytes as before
       from (select * from node.outbox where feed_id = $1 and sequence > $2 order by sequence limit 64) o) n
     where before = 0 or before < $3 order by sequence`,
    [feedId, afterSequence, maxBytes],
  );
  return rows.map((row) => ({ envelope: JSON.parse(row.envelope) as SignedBatch["envelope"], payload: row.payload }));
}

export interface OutboxSize {
  bytes: number;
  rows: number;
  batches: number;
  oldestAt?: Date;
}

export async function measureOutbox(reader: Reader, feedId: string): Promise<OutboxSize> {
  const { rows } = await reader.query<{ bytes: number; row_count: number; batches: number; oldest: Date | null }>("select coalesce(sum(payload_bytes), 0)::bigint as bytes, coalesce(sum(rows), 0)::bigint as row_count, count(*) as batches, min(created_at) as oldest from node.outbox where feed_id = $1", [feedId]);
  const row = rows[0]!;
  return { bytes: row.bytes, rows: row.row_count, batches: row.batches, ...(row.oldest ? { oldestAt: row.oldest } : {}) };
}

/** The centre holds everything up to `sequence`: those batches leave the outbox. */
export async function acknowledge(tx: Transaction, feedId: string, sequence: number, hash: string, at: Date): Promise<void> {
  await tx.query("delete from node.outbox where feed_id = $1 and sequence <= $2", [feedId, sequence]);
  await tx.query("update node.feed set acked_sequence = greatest(acked_sequence, $2), acked_hash = case when $2 >= acked_sequence then $3 else acked_hash end, last_sent_at = $4, updated_at = $4 where feed_id = $1", [feedId, sequence, hash, at]);
}

/** The chain goes on after what the centre's log holds; what is unsent or was lost is replaced by a new generation. */
export async function realignHead(tx: Transaction, feedId: string, head: { sequence: number; hash: string }, reason: string, at: Date): Promise<void> {
  await tx.query("delete from node.outbox where feed_id = $1", [feedId]);
  await tx.query("update node.feed set next_sequence = $2 + 1, head_hash = $3, acked_sequence = $2, acked_hash = $3, refresh_needed = $4, updated_at = $5 where feed_id = $1", [feedId, head.sequence, head.hash, reason, at]);
}

export async function haltFeed(tx: Transaction, feedId: string, halt: HaltReason, at: Date): Promise<void> {
  await tx.query("update node.feed set state = 'halted', halt = $2, updated_at = $3 where feed_id = $1 and state <> 'stopped'", [feedId, JSON.stringify(halt), at]);
}

export async function resumeFeed(tx: Transaction, feedId: string, at: Date): Promise<void> {
  await tx.query("update node.feed set state = 'capturing', halt = null, updated_at = $2 where feed_id = $1 and state = 'halted'", [feedId, at]);
}

export async function needRefresh(tx: Transaction, feedId: string, reason: string, at: Date): Promise<void> {
  await tx.query("update node.feed set refresh_needed = $2, updated_at = $3 where feed_id = $1 and state <> 'stopped'", [feedId, reason, at]);
}

/** Ends a feed: unsent batches are dropped, so that nothing leaves after the decision; the chain stays at what was sent. */
export async function stopFeed(tx: Transaction, feedId: string, at: Date): Promise<void> {
  await tx.query("delete from node.outbox where feed_id = $1", [feedId]);
  await tx.query("delete from node.sent_key where feed_id = $1", [feedId]);
  await tx.query("update node.park set state = 'discarded', settled_at = $2 where feed_id = $1 and state = 'parked'", [feedId, at]);
  await tx.query("update node.feed set state = 'stopped', halt = null, refresh_needed = null, next_sequence = acked_sequence + 1, head_hash = acked_hash, stopped_at = coalesce(stopped_at, $2), updated_at = $2 where feed_id = $1", [feedId, at]);
}

export interface ParkedRow {
  parkId: string;
  keyText?: string;
  lsn: number;
  index: number;
  rowText: string;
  columns: readonly string[];
  reasons: RowFailure[];
}

/** Parks rows; an older parked version of the same key is overtaken. */
export async function insertParked(tx: Transaction, feedId: string, generation: number, parked: readonly ParkedRow[], at: Date): Promise<void> {
  if (parked.length === 0) return;
  await settleOvertaken(tx, feedId, parked.flatMap((row) => (row.keyText === undefined ? [] : [row.keyText])), at);
  for (const row of parked) {
    await tx.query(
      "insert into node.park (park_id, feed_id, generation, key_text, lsn, index, row_text, row_columns, reasons, state, parked_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'parked', $10)",
      [row.parkId, feedId, generation, row.keyText ?? null, row.lsn, row.index, row.rowText, row.columns, JSON.stringify(row.reasons), at],
    );
  }
}

/** A newer version of a parked row came by: the parked one has no use any more. */
export async function settleOvertaken(tx: Transaction, feedId: string, keys: readonly string[], at: Date): Promise<void> {
  if (keys.length > 0) await tx.query("update node.park set state = 'overtaken', settled_at = $3 where feed_id = $1 and key_text = any($2) and state = 'parked'", [feedId, keys, at]);
}

export async function listParked(reader: Reader, feedId: string, parkIds?: readonly string[]): Promise<(ParkedRow & { parkedAt: Date })[]> {
  const { rows } = await reader.query<{ park_id: string; key_text: string | null; lsn: number; index: number; row_text: string; row_columns: string[]; reasons: RowFailure[]; parked_at: Date }>(
    "select park_id, key_text, lsn, index, row_text, row_columns, reasons, parked_at from node.park where feed_id = $1 and state = 'parked' and ($2::text[] is null or park_id = any($2)) order by lsn, index, park_id",
    [feedId, parkIds ?? null],
  );
  return rows.map((row) => ({ parkId: row.park_id, ...(row.key_text === null ? {} : { keyText: row.key_text }), lsn: row.lsn, index: row.index, rowText: row.row_text, columns: row.row_columns, reasons: row.reasons, parkedAt: row.parked_at }));
}

export async function settleParked(tx: Transaction, parkIds: readonly string[], state: "replayed" | "discarded", at: Date): Promise<number> {
  return (await tx.query("update node.park set state = $2, settled_at = $3 where park_id = any($1) and state = 'parked'", [parkIds, state, at])).rowCount;
}

export async function parkedKeys(reader: Reader, feedId: string): Promise<{ count: number; keys: string[] }> {
  const { rows } = await reader.query<{ key_text: string | null }>("select key_text from node.park where feed_id = $1 and state = 'parked'", [feedId]);
  return { count: rows.length, keys: rows.flatMap((row) => (row.key_text === null ? [] : [row.key_text])) };
}

/** Which of these keys were sent on a feed with a row condition. */
export async function findSentKeys(reader: Reader, feedId: string, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await reader.query<{ key_text: string }>("select key_text from node.sent_key where feed_id = $1 and key_text = any($2)", [feedId, keys]);
  return new Set(rows.map((row) => row.key_text));
}

export async function changeSentKeys(tx: Transaction, feedId: string, changes: ReadonlyMap<string, boolean>): Promise<void> {
  const added: string[] = [];
  const removed: string[] = [];
  for (const [key, present] of changes) (present ? added : removed).push(key);
  if (added.length > 0) await tx.query("insert into node.sent_key (feed_id, key_text) select $1, unnest($2::text[]) on conflict do nothing", [feedId, added]);
  if (removed.length > 0) await tx.query("delete from node.sent_key where feed_id = $1 and key_text = any($2)", [feedId, removed]);
}
