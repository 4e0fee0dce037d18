import { canonicalJson, describeError, UnavailableError, type Clock, type Database, type Log, type Metrics, type Notifier } from "#platform";
import { assertContinues, createBatchIndex, dropBatches, envelopeOf, headOf, insertBatches, readBatchRows, readHead, refusalOf, type BatchRow } from "../batch-index.ts";
import type { FeedLog, LoggedBatch } from "../feed-log.ts";
import { defaultTopicPrefix, readerGroupOf, scramRemedy, topicOf, type KafkaConnection, type KafkaTopicSettings } from "./connection.ts";
import { createRecordReader } from "./record-reader.ts";
import { createRecordWriter, type NewRecord } from "./record-writer.ts";
import { loadRdKafka, type RdKafkaMessage } from "./rdkafka.ts";
import { createTopicAdmin, type TopicAdmin } from "./topic-admin.ts";
import { beyondEnd, kafkaUnavailable } from "./unavailable.ts";

export interface KafkaFeedLogSettings {
  connection: KafkaConnection;
  topics?: KafkaTopicSettings;
  /** Most payload bytes of one process that wait for Kafka's acknowledgement; beyond, senders are told to slow down. Default 64 MiB. */
  maxWaitingBytes?: number;
  /** Consumers of one process. Default 6. */
  maxReaders?: number;
  /** How long an append waits for brokers. Default 20 s: a restarting broker is waited for. */
  deliveryTimeoutMs?: number;
  /** How long a read waits for them. Default 10 s. */
  readTimeoutMs?: number;
  /** After how long an acknowledged record that is beyond its topic's end counts as lost: a new leader may not show its last records for a moment. Default 60 s. */
  lossAfterMs?: number;
}

export interface CreateKafkaFeedLogOptions extends KafkaFeedLogSettings {
  database: Database;
  notifier: Notifier;
  clock: Clock;
  log: Log;
  metrics?: Metrics;
}

export interface KafkaFeedLog extends FeedLog {
  admin: TopicAdmin;
  /**
   * Puts payloads that still lie in PostgreSQL into the feed's topic, oldest first, up to `maxBytes` of them but at
   * least one; each is read back before its row lets go of it. Gives how many; 0 when none is left.
   */
  adopt(feedId: string, maxBytes: number): Promise<number>;
  /** The other way: payloads of the oldest records back into rows. */
  release(feedId: string, maxBytes: number): Promise<number>;
}

export const recordHeaders = { feed: "zt-feed", sequence: "zt-sequence", hash: "zt-hash", envelope: "zt-envelope" } as const;

/** A record tells by itself what it is: topics alone are enough to see what was sent, and a record in the wrong place is recognised. */
function recordOf(feedId: string, batch: { sequence: number; hash: string; envelope: string; payload: Uint8Array }): NewRecord {
  return { key: batch.hash, value: batch.payload, headers: { [recordHeaders.feed]: feedId, [recordHeaders.sequence]: String(batch.sequence), [recordHeaders.hash]: batch.hash, [recordHeaders.envelope]: batch.envelope } };
}

function headerOf(headers: Record<string, string | Buffer>[] | undefined, name: string): string | undefined {
  for (const header of headers ?? []) if (name in header) return String(header[name]);
  return undefined;
}

/**
 * The `FeedLog` on Kafka. Payloads are records of the feed's topic; which record is which batch, and where a feed
 * stands, is decided in the centre's PostgreSQL, as in the other adapter: first the records are written and
 * acknowledged, then one transaction, under the head row's lock, makes them the feed's next batches by their offsets.
 * So whoever dies in between leaves records that no row points to, which no reader ever sees; two gateways on one feed
 * write side by side and one of them wins; and closing a feed needs no broker. Records are never looked for: a row's
 * offset leads to one, its hash is compared.
 */
export async function createKafkaFeedLog(options: CreateKafkaFeedLogOptions): Promise<KafkaFeedLog> {
  const { database, notifier, clock, log, metrics, connection } = options;
  const prefix = options.topics?.prefix ?? defaultTopicPrefix;
  const rdKafka = await loadRdKafka();
  const remedy = scramRemedy(rdKafka.librdkafkaVersion, connection);
  if (remedy !== undefined) log.warn({ librdkafka: rdKafka.librdkafkaVersion }, remedy);
  const admin = await createTopicAdmin({ connection, log, ...(options.topics === undefined ? {} : { topics: options.topics }) });
  const writer = createRecordWriter({ rdKafka, connection, log, ...(metrics === undefined ? {} : { metrics }), maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024, deliveryTimeoutMs: options.deliveryTimeoutMs ?? 20_000 });
  const reader = createRecordReader({ rdKafka, connection, log, group: readerGroupOf(prefix), rangeOf: admin.rangeOf, maxConsumers: options.maxReaders ?? 6, timeoutMs: options.readTimeoutMs ?? 10_000 });
  const { waiters, ...index } = createBatchIndex({ database, notifier });
  const appendSeconds = metrics?.histogram("kafka_append_seconds", "From a batch's arrival to its row, Kafka's acknowledgement within");
  const readSeconds = metrics?.histogram("kafka_read_seconds", "Reading a page of records from Kafka");
  const unused = metrics?.counter("kafka_unused_records_total", "Records that were written and then not made part of a feed (another gateway was first, or the feed was closed)");
  const busy = metrics?.counter("kafka_busy_total", "Appends that were put off because too much waited for Kafka");
  const overtaken = metrics?.counter("kafka_overtaken_batches_total", "Batches whose record retention removed before they were trimmed");

  /** Since when records of a feed have been found beyond their topic's end. */
  const beyondSince = new Map<string, number>();
  const lossAfterMs = options.lossAfterMs ?? 60_000;

  /** The records of one run; undefined when they are lost for good. */
  async function readRun(feedId: string, run: readonly BatchRow[]): Promise<Map<number, RdKafkaMessage> | undefined> {
    try {
      const records = await reader.read(topicOf(prefix, feedId), run.map(({ record_offset }) => record_offset!));
      beyondSince.delete(feedId);
      return records;
    } catch (error) {
      if (!(error instanceof UnavailableError) || error.code !== beyondEnd) throw error;
      const since = beyondSince.get(feedId) ?? performance.now();
      beyondSince.set(feedId, since);
      if (performance.now() - since < lossAfterMs) throw error;
      log.error({ feedId, error: error.message }, "acknowledged records are gone: the topic was deleted, or Kafka has lost data");
      beyondSince.delete(feedId);
      return undefined;
    }
  }

  /** Hashes of the heads that this process has written. */
  const ownHeads = new Map<string, string>();

  /** Writes records, making the topic when it is not there. */
  async function write(feedId: string, records: readonly NewRecord[]): Promise<number[] | "busy"> {
    await admin.ensureTopic(feedId);
    try {
      return await writer.write(topicOf(prefix, feedId), records);
    } catch (error) {
      // Perhaps somebody has deleted the topic.
      admin.forgetTopic(feedId);
      throw error;
    }
  }

  /** Retention was faster than the reader: what cannot be read any more, and what lies before it, leaves the index. */
  async function forgetUpTo(feedId: string, sequence: number): Promise<void> {
    const removed = await database.withTransaction(async (tx) => {
      const head = await readHead(tx, feedId, "for update");
      if (!head || head.first_sequence > sequence) return 0;
      const { rowCount } = await tx.query("delete from exchange.feed_log where feed_id = $1 and sequence <= $2", [feedId, sequence]);
      await tx.query("update exchange.feed_log_head set first_sequence = $2 where feed_id = $1", [feedId, sequence + 1]);
      return rowCount;
    });
    if (removed === 0) return;
    overtaken?.inc(removed);
    log.warn({ feedId, upTo: sequence, removed }, "Kafka's retention has removed batches before their time; a subscriber that had not read them will refresh");
    waiters.wake(feedId);
  }

  /** The batches of `rows`, with the records of those that lie in Kafka; undefined when one of them is gone. */
  async function withPayloads(feedId: string, rows: readonly BatchRow[]): Promise<LoggedBatch[] | undefined> {
    const batches: LoggedBatch[] = [];
    for (let at = 0; at < rows.length; ) {
      const row = rows[at]!;
      if (row.payload !== null) {
        batches.push({ envelope: envelopeOf(row), hash: row.hash, payload: row.payload, receivedAt: row.received_at });
        at += 1;
        continue;
      }
      // One ascending run of offsets: a feed that was carried over may have older batches behind newer ones.
      let end = at + 1;
      while (end < rows.length && rows[end]!.record_offset !== null && rows[end]!.record_offset! > rows[end - 1]!.record_offset!) end += 1;
      const run = rows.slice(at, end);
      const records = await readRun(feedId, run);
      if (!records) {
        await forgetUpTo(feedId, run.at(-1)!.sequence);
        return undefined;
      }
      const unreadable: number[] = [];
      for (const wanted of run) {
        const record = records.get(wanted.record_offset!);
        if (!record || record.value === null || headerOf(record.headers, recordHeaders.hash) !== wanted.hash) {
          if (record) log.error({ feedId, sequence: wanted.sequence, offset: wanted.record_offset }, "another record lies where the batch was written: the topic was made anew or changed from outside");
          unreadable.push(wanted.sequence);
        } else batches.push({ envelope: envelopeOf(wanted), hash: wanted.hash, payload: record.value, receivedAt: wanted.received_at });
      }
      if (unreadable.length > 0) {
        await forgetUpTo(feedId, unreadable.at(-1)!);
        return undefined;
      }
      at = end;
    }
    return batches;
  }

  async function rowsToMove(feedId: string, from: "postgres" | "kafka", maxBytes: number): Promise<BatchRow[]> {
    const { rows } = await database.read((tx) =>
      tx.query<BatchRow>(
        `select sequence, hash, envelope, payload, record_offset, received_at from
           (select *, sum(payload_bytes) over (order by sequence) - payload_bytes as before from
              (select * from exchange.feed_log where feed_id = $1 and (record_offset is null) = $2 order by sequence limit 500) as oldest) as counted
         where before < $3 order by sequence`,
        [feedId, from === "postgres", maxBytes],
      ),
    );
    return rows;
  }

  /** Once nothing of it lies in the other store, the feed is this store's. Gives whether that is so. */
  const settleIn = (feedId: string, store: "postgres" | "kafka") =>
    database.withTransaction(async (tx) => {
      await readHead(tx, feedId, "for update");
      const { rows } = await tx.query("select 1 from exchange.feed_log where feed_id = $1 and (record_offset is null) = $2 limit 1", [feedId, store === "kafka"]);
      if (rows.length > 0) return false;
      await tx.query("update exchange.feed_log_head set store = $2 where feed_id = $1", [feedId, store]);
      return true;
    });

  async function adopt(feedId: string, maxBytes: number): Promise<number> {
    const rows = await rowsToMove(feedId, "postgres", maxBytes);
    if (rows.length === 0) return (await settleIn(feedId, "kafka")) ? 0 : adopt(feedId, maxBytes);
    const offsets = await write(feedId, rows.map((row) => recordOf(feedId, { ...row, payload: row.payload! })));
    if (offsets === "busy") throw kafkaUnavailable("too much waits to be written", undefined);
    const back = await reader.read(topicOf(prefix, feedId), offsets);
    for (const [at, row] of rows.entries()) if (!back.get(offsets[at]!)?.value?.equals(row.payload!)) throw new Error(`batch ${row.sequence} of ${feedId} was written to Kafka and not read back the same`);
    await database.withTransaction((tx) =>
      tx.query("update exchange.feed_log l set record_offset = moved.record_offset, payload = null from unnest($2::bigint[], $3::bigint[]) as moved(sequence, record_offset) where l.feed_id = $1 and l.sequence = moved.sequence and l.record_offset is null", [feedId, rows.map(({ sequence }) => sequence), offsets]),
    );
    return rows.length;
  }

  async function release(feedId: string, maxBytes: number): Promise<number> {
    const rows = await rowsToMove(feedId, "kafka", maxBytes);
    if (rows.length === 0) return (await settleIn(feedId, "postgres")) ? 0 : release(feedId, maxBytes);
    const batches = await withPayloads(feedId, rows);
    // Some are gone, and their rows with them: what is left is looked at anew.
    if (!batches) return release(feedId, maxBytes);
    await database.withTransaction(async (tx) => {
      for (const { envelope, payload } of batches) await tx.query("update exchange.feed_log set payload = $3, record_offset = null where feed_id = $1 and sequence = $2", [feedId, envelope.sequence, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)]);
    });
    return rows.length;
  }

  return {
    ...index,
    admin,

    // No broker is asked: a grant takes effect, and ends, whether Kafka runs or not. The topic is made with the first append.
    open: (feedId) => index.open(feedId, "kafka"),

    async append(feedId, expected, batches) {
      if (batches.length === 0) return { appended: true, head: expected };
      assertContinues(feedId, expected, batches);
      const endTimer = appendSeconds?.startTimer();
      // Asked before anything is written, so that a sender who is wrong leaves nothing behind; not asked where this process
      // itself has put the head there. What counts is asked below.
      if (ownHeads.get(feedId) !== expected.hash) {
        const seen = await database.read((tx) => readHead(tx, feedId));
        const early = refusalOf(seen, expected);
        if (early) return early;
      }
      ownHeads.delete(feedId);
      const recordOffsets = await write(feedId, batches.map(({ envelope, hash, payload }) => recordOf(feedId, { sequence: envelope.sequence, hash, envelope: canonicalJson(envelope), payload })));
      if (recordOffsets === "busy") {
        busy?.inc();
        return { appended: false, because: "busy", retryAfterMs: 500 };
      }
      const result = await database.withTransaction(async (tx) => {
        const head = await readHead(tx, feedId, "for update");
        const refusal = refusalOf(head, expected);
        if (refusal || !head) return refusal ?? { appended: false as const, because: "closed" as const, head: headOf(head) };
        return { appended: true as const, head: await insertBatches(tx, { feedId, head, batches, receivedAt: clock.now(), recordOffsets }) };
      });
      endTimer?.();
      if (result.appended) {
        if (ownHeads.size > 10_000) ownHeads.clear();
        ownHeads.set(feedId, result.head.hash);
        waiters.wake(feedId);
      } else unused?.inc(batches.length);
      return result;
    },

    async read(feedId, afterSequence, maxBytes) {
      const rows = await database.read((tx) => readBatchRows(tx, feedId, afterSequence, maxBytes));
      const endTimer = rows.length > 0 ? readSeconds?.startTimer() : undefined;
      const batches = await withPayloads(feedId, rows);
      endTimer?.();
      // Nothing now: the reader's next look at the head tells where the log begins.
      return batches ?? [];
    },

    async trim(feedId, trimOptions) {
      const trimmed = await index.trim(feedId, trimOptions);
      if (trimmed.removed === 0) return trimmed;
      const { rows } = await database.read((tx) => tx.query<{ keep: number | null }>("select min(record_offset) as keep from exchange.feed_log where feed_id = $1", [feedId]));
      const keep = rows[0]?.keep ?? null;
      // With none kept nothing is known of where records begin that are being appended at this moment: retention takes those.
      if (keep !== null && keep > 0) await admin.deleteRecordsBefore(feedId, keep).catch((error: unknown) => log.debug({ feedId, error: describeError(error) }, "records not freed; the next trimming or retention does it"));
      return trimmed;
    },

    drop: (feedId) =>
      dropBatches(database, feedId, async () => {
        ownHeads.delete(feedId);
        if ((await admin.rangeOf(topicOf(prefix, feedId))) === undefined) return true;
        await admin.deleteTopic(feedId);
        log.info({ feedId, topic: topicOf(prefix, feedId) }, "topic of a feed that is over deleted");
        return true;
      }),

    adopt,
    release,

    async stop() {
      await index.stop();
      await Promise.all([writer.stop(), reader.stop(), admin.stop()]);
    },
  };
}
