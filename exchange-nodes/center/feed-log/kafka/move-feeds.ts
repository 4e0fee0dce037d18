import type { Database } from "#platform";
import type { LogStore } from "../batch-index.ts";
import type { KafkaFeedLog } from "./kafka-feed-log.ts";

export interface MoveFeedsOptions {
  database: Database;
  /** Need not be started. */
  kafka: Pick<KafkaFeedLog, "adopt" | "release">;
  to: LogStore;
  /** Default: every feed that has something in the other store. */
  feedIds?: readonly string[];
  /** Payload bytes carried in one step. Default 8 MiB. */
  stepBytes?: number;
  signal?: AbortSignal;
  onStep?: (step: { feedId: string; feed: number; feeds: number; moved: number }) => void;
}

/**
 * Carries the payloads of feeds from one store to the other, feed after feed and oldest first, while they flow: each
 * step writes some payloads to the new place and, when they are safe there, lets their rows point to it, in one
 * transaction. Broken off at any moment it has lost nothing, and begun again it goes on where it stood; a batch is
 * readable, by a centre that is configured for Kafka, before, while and after it moves.
 */
export async function moveFeeds({ database, kafka, to, feedIds, stepBytes = 8 * 1024 * 1024, signal, onStep }: MoveFeedsOptions): Promise<{ feeds: number; batches: number }> {
  const { rows } = await database.read((reader) =>
    reader.query<{ feed_id: string }>(
      `select h.feed_id from exchange.feed_log_head h
       where ($2::text[] is null or h.feed_id = any($2)) and (h.store <> $1 or exists (select 1 from exchange.feed_log l where l.feed_id = h.feed_id and (l.record_offset is null) = ($1 = 'kafka')))
       order by h.feed_id`,
      [to, feedIds ?? null],
    ),
  );
  let batches = 0;
  let feeds = 0;
  for (const { feed_id: feedId } of rows) {
    for (let moved = 0; signal?.aborted !== true; ) {
      const step = to === "kafka" ? await kafka.adopt(feedId, stepBytes) : await kafka.release(feedId, stepBytes);
      moved += step;
      batches += step;
      onStep?.({ feedId, feed: feeds + 1, feeds: rows.length, moved });
      if (step === 0) break;
    }
    if (signal?.aborted) break;
    feeds += 1;
  }
  return { feeds, batches };
}
