import { createLoop, type Database, type Log, type Loop, type Metrics } from "#platform";

/** How much the log holds and how far subscribers are behind, looked at every 15 s: one query over the head rows. */
export function createLogGauges({ database, metrics, log }: { database: Database; metrics: Metrics; log: Log }): Loop {
  const feeds = metrics.gauge("feed_log_feeds", "Feeds that the log holds, open or not");
  const batches = metrics.gauge("feed_log_batches", "Batches that the log holds");
  const bytes = metrics.gauge("feed_log_bytes", "Payload bytes that the log holds");
  const lag = metrics.gauge("feed_log_lag_batches", "Batches that subscribers have not applied yet", ["of"]);
  const lagging = metrics.gauge("feed_log_lag_feed_batches", "Batches not applied yet, for the 20 feeds that are furthest behind", ["feed"]);
  return createLoop({
    name: "feed-log-gauges",
    intervalMs: 15_000,
    log,
    async run() {
      const { rows } = await database.read((reader) =>
        reader.query<{ feeds: number; batches: number; bytes: number; lag: number; greatest: number; furthest: [string, number][] | null }>(
          `with heads as (
             select h.feed_id, h.sequence - h.first_sequence + 1 as held, h.total_bytes - coalesce(oldest.before, h.total_bytes) as bytes, case when f.state in ('flowing', 'paused') then greatest(0, h.sequence - f.applied_sequence) else 0 end as lag
             from exchange.feed_log_head h left join exchange.feed f on f.id = h.feed_id
             left join lateral (select l.total_bytes - l.payload_bytes as before from exchange.feed_log l where l.feed_id = h.feed_id order by l.sequence limit 1) oldest on true)
           select count(*) as feeds, coalesce(sum(held), 0)::bigint as batches, coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(lag), 0)::bigint as lag, coalesce(max(lag), 0) as greatest,
                  (select jsonb_agg(jsonb_build_array(feed_id, lag) order by lag desc) from (select feed_id, lag from heads where lag > 0 order by lag desc limit 20) as worst) as furthest
           from heads`,
        ),
      );
      const row = rows[0]!;
      feeds.set(row.feeds);
      batches.set(row.batches);
      bytes.set(row.bytes);
      lag.set({ of: "all" }, row.lag);
      lag.set({ of: "furthest" }, row.greatest);
      lagging.reset();
      for (const [feed, behind] of row.furthest ?? []) lagging.set({ feed }, behind);
    },
  });
}
