import type { BatchEnvelope } from "#standards";
import { canonicalJson, type Database, type Notifier, type Reader, type Transaction } from "#platform";
import { emptyHead, type FeedHead } from "../../protocol/envelope.ts";
import { createWaiters, type Waiters } from "../waiters.ts";
import type { AppendResult, Backlog, BatchToAppend, FeedLog, LogHead } from "./feed-log.ts";

/** Announces appends to the waiting readers of every process; the payload is the feed's id. */
export const feedLogChannel = "zt_feed_log";

/** Where new payloads of a feed go. */
export type LogStore = "postgres" | "kafka";

export interface HeadRow extends Record<string, unknown> {
  open: boolean;
  sequence: number;
  hash: string;
  first_sequence: number;
  total_bytes: number;
  total_rows: number;
  store: LogStore;
}

export interface BatchRow extends Record<string, unknown> {
  sequence: number;
  hash: string;
  envelope: string;
  /** Null when the payload is the record at `record_offset`. */
  payload: Buffer | null;
  record_offset: number | null;
  received_at: Date;
}

export async function readHead(reader: Reader, feedId: string, lock: "" | "for update" | "for update skip locked" = ""): Promise<HeadRow | undefined> {
  const { rows } = await reader.query<HeadRow>({ name: `feed_log_head${lock.replaceAll(" ", "_")}`, text: `select open, sequence, hash, first_sequence, total_bytes, total_rows, store from exchange.feed_log_head where feed_id = $1 ${lock}`, values: [feedId] });
  return rows[0];
}

export const headOf = (row: HeadRow | undefined): FeedHead => (row ? { sequence: row.sequence, hash: row.hash } : emptyHead);

/** Why `row` does not let a feed continue after `expected`; undefined when it does. */
export function refusalOf(row: HeadRow | undefined, expected: FeedHead): Extract<AppendResult, { head: FeedHead; appended: false }> | undefined {
  const head = headOf(row);
  if (!row?.open) return { appended: false, because: "closed", head };
  if (head.sequence !== expected.sequence || head.hash !== expected.hash) return { appended: false, because: "head", head };
  return undefined;
}

export function assertContinues(feedId: string, expected: FeedHead, batches: readonly BatchToAppend[]): void {
  for (const [index, { envelope }] of batches.entries()) if (envelope.sequence !== expected.sequence + 1 + index) throw new Error(`append to ${feedId}: sequence ${envelope.sequence} does not follow`);
}

export interface InsertBatchesOptions {
  feedId: string;
  /** The head's row, locked by this transaction. */
  head: HeadRow;
  batches: readonly BatchToAppend[];
  receivedAt: Date;
  /** One for each batch when their payloads are records; without, payloads go into the rows. */
  recordOffsets?: readonly number[];
}

/** Writes the rows of `batches`, moves the head behind them and announces it. */
export async function insertBatches(tx: Transaction, { feedId, head, batches, receivedAt, recordOffsets }: InsertBatchesOptions): Promise<FeedHead> {
  let { total_bytes: totalBytes, total_rows: totalRows } = head;
  const values: unknown[] = [feedId, receivedAt];
  const rows = batches.map(({ envelope, hash, payload }, index) => {
    totalBytes += payload.byteLength;
    totalRows += envelope.rows + envelope.deletes;
    const at = values.length;
    // A Buffer goes to the server as it is; in an array it would become hexadecimal text of twice the size.
    values.push(envelope.sequence, hash, canonicalJson(envelope), recordOffsets ? null : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), recordOffsets?.[index] ?? null, payload.byteLength, totalBytes, totalRows);
    return `($1, ${Array.from({ length: 8 }, (_, column) => `$${at + 1 + column}`).join(", ")}, $2)`;
  });
  await tx.query({ name: `feed_log_insert_${batches.length}`, text: `insert into exchange.feed_log (feed_id, sequence, hash, envelope, payload, record_offset, payload_bytes, total_bytes, total_rows, received_at) values ${rows.join(", ")}`, values });
  const last = batches.at(-1)!;
  const next = { sequence: last.envelope.sequence, hash: last.hash };
  await tx.query({ name: "feed_log_advance", text: "with moved as (update exchange.feed_log_head set sequence = $2, hash = $3, total_bytes = $4, total_rows = $5, store = $7 where feed_id = $1 returning feed_id) select pg_notify($6, feed_id) from moved", values: [feedId, next.sequence, next.hash, totalBytes, totalRows, feedLogChannel, recordOffsets ? "kafka" : "postgres"] });
  return next;
}

/** The first batch after `afterSequence` in any case, then as many as stay within `maxBytes`. */
export async function readBatchRows(reader: Reader, feedId: string, afterSequence: number, maxBytes: number): Promise<BatchRow[]> {
  const { rows } = await reader.query<BatchRow>({
    name: "feed_log_read",
    text: `select sequence, hash, envelope, payload, record_offset, received_at from exchange.feed_log
           where feed_id = $1 and sequence > $2 and sequence <= $2 + 10000
             and total_bytes <= (select greatest(total_bytes, total_bytes - payload_bytes + $3) from exchange.feed_log where feed_id = $1 and sequence > $2 order by sequence limit 1)
           order by sequence`,
    values: [feedId, afterSequence, maxBytes],
  });
  return rows;
}

/**
 * Forgets all of a closed feed's batches. The head is held for the length of `release`, which gives back what else they
 * took: opening the feed waits for it, and another process does not do the same.
 */
export async function dropBatches(database: Database, feedId: string, release: (head: HeadRow) => Promise<boolean>): Promise<boolean> {
  return database.withTransaction(async (tx) => {
    const head = await readHead(tx, feedId, "for update skip locked");
    if (!head) return (await readHead(tx, feedId)) === undefined;
    if (head.open || !(await release(head))) return false;
    await tx.query("delete from exchange.feed_log where feed_id = $1", [feedId]);
    await tx.query("update exchange.feed_log_head set first_sequence = sequence + 1 where feed_id = $1", [feedId]);
    return true;
  });
}

export const envelopeOf = (row: Pick<BatchRow, "envelope">): BatchEnvelope => JSON.parse(row.envelope) as BatchEnvelope;

/** All of the port that does not touch payloads: both adapters have it in common. */
export interface BatchIndex extends Omit<FeedLog, "append" | "read" | "open" | "drop"> {
  waiters: Waiters;
  open(feedId: string, store: LogStore): Promise<void>;
}

export function createBatchIndex({ database, notifier }: { database: Database; notifier: Notifier }): BatchIndex {
  const waiters = createWaiters();
  let stopListening: (() => void) | undefined;

  return {
    waiters,

    async open(feedId, store) {
      await database.withTransaction((tx) => tx.query("insert into exchange.feed_log_head (feed_id, open, sequence, hash, first_sequence, total_bytes, total_rows, store) values ($1, true, 0, $2, 1, 0, 0, $3) on conflict (feed_id) do update set open = true", [feedId, emptyHead.hash, store]));
    },

    async close(feedId) {
      return database.withTransaction(async (tx) => {
        const { rows } = await tx.query<HeadRow>("update exchange.feed_log_head set open = false where feed_id = $1 returning *", [feedId]);
        return headOf(rows[0]);
      });
    },

    async head(feedId): Promise<LogHead> {
      const row = await database.read((reader) => readHead(reader, feedId));
      return { ...headOf(row), open: row?.open ?? false, firstSequence: row?.first_sequence ?? 1 };
    },

    async hashes(feedId, from, to) {
      const { rows } = await database.read((reader) => reader.query<{ sequence: number; hash: string }>("select sequence, hash from exchange.feed_log where feed_id = $1 and sequence between $2 and $3", [feedId, from, to]));
      return new Map(rows.map(({ sequence, hash }) => [sequence, hash]));
    },

    async readEnvelopes(feedId, afterSequence, limit) {
      const { rows } = await database.read((reader) => reader.query<BatchRow>("select sequence, hash, envelope, received_at from exchange.feed_log where feed_id = $1 and sequence > $2 order by sequence limit $3", [feedId, afterSequence, limit]));
      return rows.map((row) => ({ envelope: envelopeOf(row), hash: row.hash, receivedAt: row.received_at }));
    },

    waitFor(feedId, afterSequence, timeoutMs, signal) {
      return waiters.wait(feedId, timeoutMs, signal, async () => (await database.read((reader) => readHead(reader, feedId)))?.sequence ?? 0, (sequence) => sequence > afterSequence);
    },

    async backlog(feedId, afterSequence): Promise<Backlog> {
      const { rows } = await database.read((reader) =>
        reader.query<{ batches: number; rows: number; bytes: number; oldest_at: Date | null }>(
          `select head.sequence - greatest($2, head.first_sequence - 1) as batches,
                  head.total_rows - coalesce(before.total_rows, next.total_rows_before, head.total_rows) as rows,
                  head.total_bytes - coalesce(before.total_bytes, next.total_bytes_before, head.total_bytes) as bytes, next.received_at as oldest_at
           from exchange.feed_log_head head
           left join lateral (select total_rows, total_bytes from exchange.feed_log where feed_id = $1 and sequence = $2) before on true
           left join lateral (select total_bytes - payload_bytes as total_bytes_before, total_rows - (envelope::jsonb ->> 'rows')::bigint - (envelope::jsonb ->> 'deletes')::bigint as total_rows_before, received_at
                              from exchange.feed_log where feed_id = $1 and sequence > $2 order by sequence limit 1) next on true
           where head.feed_id = $1`,
          [feedId, afterSequence],
        ),
      );
      const row = rows[0];
      if (!row || row.batches <= 0) return { batches: 0, rows: 0, bytes: 0 };
      return { batches: row.batches, rows: row.rows, bytes: row.bytes, ...(row.oldest_at === null ? {} : { oldestAt: row.oldest_at }) };
    },

    async trim(feedId, { upTo, receivedBefore }) {
      return database.withTransaction(async (tx) => {
        const row = await readHead(tx, feedId, "for update");
        if (!row) return { removed: 0, firstSequence: 1 };
        const { rowCount } = await tx.query("delete from exchange.feed_log where feed_id = $1 and sequence <= $2 and ($3::timestamptz is null or sequence < coalesce((select min(sequence) from exchange.feed_log where feed_id = $1 and received_at >= $3), $2 + 1))", [feedId, Math.min(upTo, row.sequence), receivedBefore ?? null]);
        const firstSequence = row.first_sequence + rowCount;
        if (rowCount > 0) await tx.query("update exchange.feed_log_head set first_sequence = $2 where feed_id = $1", [feedId, firstSequence]);
        return { removed: rowCount, firstSequence };
      });
    },

    async start() {
      stopListening ??= notifier.listen(feedLogChannel, (feedId) => (feedId === "" ? waiters.wakeAll() : waiters.wake(feedId)));
    },

    async stop() {
      stopListening?.();
      stopListening = undefined;
      waiters.wakeAll();
    },
  };
}
