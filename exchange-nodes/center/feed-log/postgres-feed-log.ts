import type { BatchEnvelope } from "#standards";
import { canonicalJson, type Clock, type Database, type Notifier, type Reader } from "#platform";
import { emptyHead, type FeedHead } from "../../protocol/envelope.ts";
import { createWaiters } from "../waiters.ts";
import type { Backlog, FeedLog, LogHead } from "./feed-log.ts";

/** Announces appends to the waiting readers of every process; the payload is the feed's id. */
export const feedLogChannel = "zt_feed_log";

interface HeadRow extends Record<string, unknown> {
  open: boolean;
  sequence: number;
  hash: string;
  first_sequence: number;
  total_bytes: number;
  total_rows: number;
}

interface BatchRow extends Record<string, unknown> {
  sequence: number;
  hash: string;
  envelope: string;
  payload: Buffer;
  received_at: Date;
}

async function readHead(reader: Reader, feedId: string, lock: "" | "for update" = ""): Promise<HeadRow | undefined> {
  const { rows } = await reader.query<HeadRow>({ name: `feed_log_head${lock === "" ? "" : "_lock"}`, text: `select open, sequence, hash, first_sequence, total_bytes, total_rows from exchange.feed_log_head where feed_id = $1 ${lock}`, values: [feedId] });
  return rows[0];
}

const headOf = (row: HeadRow | undefined): FeedHead => (row ? { sequence: row.sequence, hash: row.hash } : emptyHead);

/** The `FeedLog` in the centre's PostgreSQL: the head row is locked while a feed grows, so appends of one feed queue up. */
export function createPostgresFeedLog({ database, notifier, clock }: { database: Database; notifier: Notifier; clock: Clock }): FeedLog {
  const waiters = createWaiters();
  let stopListening: (() => void) | undefined;

  return {
    async open(feedId) {
      await database.withTransaction((tx) => tx.query("insert into exchange.feed_log_head (feed_id, open, sequence, hash, first_sequence, total_bytes, total_rows) values ($1, true, 0, $2, 1, 0, 0) on conflict (feed_id) do update set open = true", [feedId, emptyHead.hash]));
    },

    async close(feedId) {
      return database.withTransaction(async (tx) => {
        const { rows } = await tx.query<HeadRow>("update exchange.feed_log_head set open = false where feed_id = $1 returning *", [feedId]);
        return headOf(rows[0]);
      });
    },

    async append(feedId, expected, batches) {
      if (batches.length === 0) return { appended: true, head: expected };
      const result = await database.withTransaction(async (tx) => {
        const row = await readHead(tx, feedId, "for update");
        const head = headOf(row);
        if (!row?.open) return { appended: false as const, because: "closed" as const, head };
        if (head.sequence !== expected.sequence || head.hash !== expected.hash) return { appended: false as const, because: "head" as const, head };
        const receivedAt = clock.now();
        let { total_bytes: totalBytes, total_rows: totalRows } = row;
        const values: unknown[] = [feedId, receivedAt];
        const rows = batches.map(({ envelope, hash, payload }, index) => {
          if (envelope.sequence !== expected.sequence + 1 + index) throw new Error(`append to ${feedId}: sequence ${envelope.sequence} does not follow`);
          totalBytes += payload.byteLength;
          totalRows += envelope.rows + envelope.deletes;
          const at = values.length;
          // A Buffer goes to the server as it is; in an array it would become hexadecimal text of twice the size.
          values.push(envelope.sequence, hash, canonicalJson(envelope), Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), payload.byteLength, totalBytes, totalRows);
          return `($1, $${at + 1}, $${at + 2}, $${at + 3}, $${at + 4}, $${at + 5}, $${at + 6}, $${at + 7}, $2)`;
        });
        await tx.query({ name: `feed_log_insert_${batches.length}`, text: `insert into exchange.feed_log (feed_id, sequence, hash, envelope, payload, payload_bytes, total_bytes, total_rows, received_at) values ${rows.join(", ")}`, values });
        const last = batches.at(-1)!;
        const next = { sequence: last.envelope.sequence, hash: last.hash };
        await tx.query({ name: "feed_log_advance", text: "with moved as (update exchange.feed_log_head set sequence = $2, hash = $3, total_bytes = $4, total_rows = $5 where feed_id = $1 returning feed_id) select pg_notify($6, feed_id) from moved", values: [feedId, next.sequence, next.hash, totalBytes, totalRows, feedLogChannel] });
        return { appended: true as const, head: next };
      });
      // Readers of this process need not wait for the notification.
      if (result.appended) waiters.wake(feedId);
      return result;
    },

    async head(feedId): Promise<LogHead> {
      const row = await database.read((reader) => readHead(reader, feedId));
      return { ...headOf(row), open: row?.open ?? false, firstSequence: row?.first_sequence ?? 1 };
    },

    async hashes(feedId, from, to) {
      const { rows } = await database.read((reader) => reader.query<{ sequence: number; hash: string }>("select sequence, hash from exchange.feed_log where feed_id = $1 and sequence between $2 and $3", [feedId, from, to]));
      return new Map(rows.map(({ sequence, hash }) => [sequence, hash]));
    },

    async read(feedId, afterSequence, maxBytes) {
      const { rows } = await database.read((reader) =>
        reader.query<BatchRow>(
          {
            name: "feed_log_read",
            // The first batch in any case, then as many as stay within maxBytes.
            text: `select sequence, hash, envelope, payload, received_at from exchange.feed_log
                   where feed_id = $1 and sequence > $2 and sequence <= $2 + 10000
                     and total_bytes <= (select greatest(total_bytes, total_bytes - payload_bytes + $3) from exchange.feed_log where feed_id = $1 and sequence > $2 order by sequence limit 1)
                   order by sequence`,
            values: [feedId, afterSequence, maxBytes],
          },
        ),
      );
      return rows.map((row) => ({ envelope: JSON.parse(row.envelope) as BatchEnvelope, hash: row.hash, payload: row.payload, receivedAt: row.received_at }));
    },

    async readEnvelopes(feedId, afterSequence, limit) {
      const { rows } = await database.read((reader) => reader.query<BatchRow>("select sequence, hash, envelope, received_at from exchange.feed_log where feed_id = $1 and sequence > $2 order by sequence limit $3", [feedId, afterSequence, limit]));
      return rows.map((row) => ({ envelope: JSON.parse(row.envelope) as BatchEnvelope, hash: row.hash, receivedAt: row.received_at }));
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
