import { canonicalJson, createLoop, describeError, systemActor, type Kernel, type Loop } from "#platform";
import type { FeedLog } from "./feed-log/feed-log.ts";
import type { Feed } from "./model/feed.ts";
import { findFeed, listFeeds, writeLogDropped } from "./repositories/feeds.ts";

/**
 * Meters what the log took and keeps its envelopes as evidence, beside the path of the rows: by sequence, from where it
 * stood, so that each batch counts exactly once however often it was sent and whoever counts. Then it lets the log
 * forget what was applied and is old enough, and gives up the log of a feed that is over once it holds nothing any more.
 */
export interface Accounting extends Loop {
  /** A feed has grown. */
  note(feedId: string): void;
  account(feedId: string): Promise<number>;
  runOnce(): Promise<void>;
}

export interface Retention {
  /** How long an applied batch stays readable. */
  appliedForMs: number;
  /** How long one that was not applied stays: then the subscriber is overtaken and has to refresh. */
  unappliedForMs: number;
}

export const defaultRetention: Retention = { appliedForMs: 3_600_000, unappliedForMs: 7 * 24 * 3_600_000 };

const pageSize = 500;
const sweepEveryMs = 15_000;

export function createAccounting({ kernel, feedLog, retention = defaultRetention, intervalMs = 1_000 }: { kernel: Kernel; feedLog: FeedLog; retention?: Retention; intervalMs?: number }): Accounting {
  const { database, clock, log, audit } = kernel;
  const actor = systemActor("exchange-accounting");
  const grown = new Set<string>();
  let sweptAt = 0;

  async function account(feedId: string): Promise<number> {
    let counted = 0;
    for (;;) {
      const from = (await database.read((reader) => findFeed(reader, feedId)))?.accountedSequence;
      // Read before the transaction: the log may need a connection of its own.
      const envelopes = from === undefined ? [] : await feedLog.readEnvelopes(feedId, from, pageSize);
      if (envelopes.length === 0) break;
      const page = await database.withTransaction(async (tx) => {
        const feed = await findFeed(tx, feedId, "for update");
        // Somebody else has counted it meanwhile.
        if (!feed || feed.accountedSequence !== from) return 0;
        await tx.query("insert into exchange.batch_evidence (feed_id, sequence, hash, envelope, received_at) select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::timestamptz[]) on conflict do nothing", [feedId, envelopes.map(({ envelope }) => envelope.sequence), envelopes.map(({ hash }) => hash), envelopes.map(({ envelope }) => canonicalJson(envelope)), envelopes.map(({ receivedAt }) => receivedAt)]);
        await tx.query(
          `insert into exchange.metering as m (grant_id, day, rows, deletes, bytes, batches)
           select $1, (at at time zone 'Asia/Shanghai')::date, sum(r), sum(d), sum(b), count(*) from unnest($2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[]) as u(at, r, d, b) group by 2
           on conflict (grant_id, day) do update set rows = m.rows + excluded.rows, deletes = m.deletes + excluded.deletes, bytes = m.bytes + excluded.bytes, batches = m.batches + excluded.batches`,
          [feed.grantId, envelopes.map(({ receivedAt }) => receivedAt), envelopes.map(({ envelope }) => envelope.rows), envelopes.map(({ envelope }) => envelope.deletes), envelopes.map(({ envelope }) => envelope.payloadBytes)],
        );
        const last = envelopes.at(-1)!;
        const sum = (of: (one: (typeof envelopes)[number]) => number) => envelopes.reduce((total, one) => total + of(one), 0);
        await tx.query("update exchange.feed set accounted_sequence = $2, rows_sent = rows_sent + $3, deletes_sent = deletes_sent + $4, bytes_sent = bytes_sent + $5, last_batch_at = $6 where id = $1", [feedId, last.envelope.sequence, sum(({ envelope }) => envelope.rows), sum(({ envelope }) => envelope.deletes), sum(({ envelope }) => envelope.payloadBytes), last.receivedAt]);
        return envelopes.length;
      });
      counted += page;
      if (page < pageSize) break;
    }
    return counted;
  }

  async function trim(feedId: string): Promise<void> {
    const feed = await database.read((reader) => findFeed(reader, feedId));
    if (!feed || feed.accountedSequence === 0) return;
    const now = clock.now().getTime();
    if (feed.appliedSequence > 0) await feedLog.trim(feedId, { upTo: Math.min(feed.appliedSequence, feed.accountedSequence), receivedBefore: new Date(now - retention.appliedForMs) });
    const { removed } = await feedLog.trim(feedId, { upTo: feed.accountedSequence, receivedBefore: new Date(now - retention.unappliedForMs) });
    if (removed > 0) log.warn({ feedId, removed }, "batches that were never applied have left the log; the subscriber will refresh");
  }

  async function dropLog({ id }: Feed): Promise<void> {
    try {
      const { sequence, firstSequence } = await feedLog.head(id);
      if (firstSequence <= sequence || !(await feedLog.drop(id))) return;
      await database.withTransaction(async (tx) => {
        if (await writeLogDropped(tx, id, clock.now())) await audit.record(tx, actor, { action: "feed.log-dropped", objectType: "feed", objectId: id, detail: { sequence } });
      });
    } catch (error) {
      log.warn({ feedId: id, error: describeError(error) }, "the log of a feed that is over could not be given up; it is tried again");
    }
  }

  async function runOnce(): Promise<void> {
    const now = clock.now().getTime();
    const due = [...grown];
    grown.clear();
    const sweep = Math.abs(now - sweptAt) >= sweepEveryMs;
    if (sweep) {
      sweptAt = now;
      const everything = { text: "true", values: [] };
      for (let after: [string, string] | undefined; ; ) {
        const feeds = await database.read((reader) => listFeeds(reader, everything, {}, { limit: 500, ...(after === undefined ? {} : { after }) }));
        for (const feed of feeds) {
          if (feed.logDroppedAt) continue;
          await account(feed.id);
          await trim(feed.id);
          if (feed.state === "stopped") await dropLog(feed);
        }
        const last = feeds.at(-1);
        if (feeds.length < 500 || !last) break;
        after = [last.createdAt.toISOString(), last.id];
      }
    } else for (const feedId of due) await account(feedId);
  }

  const loop = createLoop({ name: "exchange-accounting", intervalMs, log, run: runOnce });
  return { ...loop, note: (feedId) => void grown.add(feedId), account, runOnce };
}
