import { UnavailableError, type Clock, type Database, type Notifier } from "#platform";
import { assertContinues, createBatchIndex, dropBatches, envelopeOf, insertBatches, readBatchRows, readHead, refusalOf } from "./batch-index.ts";
import type { FeedLog } from "./feed-log.ts";

const moved = (feedId: string) =>
  new UnavailableError(`The log of feed ${feedId} lies in Kafka`, { zh: "该数据流的日志已在 Kafka 中", code: "feed-log.moved", nextStep: "Set ZHENGTONG_FEED_LOG=kafka, or carry it back with `zhengtong feeds move --to postgres`." });

/** The `FeedLog` in the centre's PostgreSQL: the head row is locked while a feed grows, so appends of one feed queue up. */
export function createPostgresFeedLog({ database, notifier, clock }: { database: Database; notifier: Notifier; clock: Clock }): FeedLog {
  const { waiters, ...index } = createBatchIndex({ database, notifier });

  return {
    ...index,

    open: (feedId) => index.open(feedId, "postgres"),

    async append(feedId, expected, batches) {
      if (batches.length === 0) return { appended: true, head: expected };
      const result = await database.withTransaction(async (tx) => {
        const head = await readHead(tx, feedId, "for update");
        const refusal = refusalOf(head, expected);
        if (refusal || !head) return refusal ?? { appended: false as const, because: "closed" as const, head: expected };
        if (head.store !== "postgres") throw moved(feedId);
        assertContinues(feedId, expected, batches);
        return { appended: true as const, head: await insertBatches(tx, { feedId, head, batches, receivedAt: clock.now() }) };
      });
      // Readers of this process need not wait for the notification.
      if (result.appended) waiters.wake(feedId);
      return result;
    },

    async read(feedId, afterSequence, maxBytes) {
      const rows = await database.read((reader) => readBatchRows(reader, feedId, afterSequence, maxBytes));
      return rows.map((row) => {
        if (row.payload === null) throw moved(feedId);
        return { envelope: envelopeOf(row), hash: row.hash, payload: row.payload, receivedAt: row.received_at };
      });
    },

    // One that lies in Kafka is for a centre that reaches its topic.
    drop: (feedId) => dropBatches(database, feedId, async ({ store }) => store === "postgres"),
  };
}
