import { emptyHead, envelopeHash, exchangeMigrations, signEnvelope, createKafkaFeedLog, createPostgresFeedLog, type BatchToAppend, type FeedHead, type FeedLog, type KafkaFeedLog, type KafkaFeedLogSettings, type LoggedBatch } from "#exchange-nodes";
import { createDatabase, createNotifier, createSilentLog, describeError, getSuite, platformMigrations, systemClock, type Database } from "#platform";
import { createTestDatabase } from "#test-support";

const key = getSuite("sha256-ed25519").load(getSuite("sha256-ed25519").generate().privateKey);

/** Batches that continue `after`; the payload of each tells its sequence. */
export function makeBatches(feedId: string, after: FeedHead, count: number, payloadBytes = 1_000): BatchToAppend[] {
  const batches: BatchToAppend[] = [];
  let head = after;
  for (let n = 0; n < count; n += 1) {
    const payload = Buffer.alloc(payloadBytes, `${feedId}:${head.sequence + 1};`);
    const envelope = signEnvelope({ feedId, grantId: "grant_1", grantVersion: 1, providerNodeId: "node_1", generation: 1, sequence: head.sequence + 1, kind: "changes", rows: 3, deletes: 1, fromPosition: "1", toPosition: "2", encoding: ["copy-text"], payloadBytes, payloadDigest: "0".repeat(64), previousHash: head.hash, createdAt: systemClock.now().toISOString() }, key);
    head = { sequence: envelope.sequence, hash: envelopeHash(envelope) };
    batches.push({ envelope, hash: head.hash, payload });
  }
  return batches;
}

export interface FeedLogWorld {
  url: string;
  database: Database;
  kafkaLog(settings: KafkaFeedLogSettings): Promise<KafkaFeedLog>;
  postgresLog(): Promise<FeedLog>;
  close(): Promise<void>;
}

/** One centre database with as many centre processes' logs on it as a test opens. */
export async function openFeedLogWorld(): Promise<FeedLogWorld> {
  const made = await createTestDatabase([platformMigrations, exchangeMigrations]);
  const log = createSilentLog();
  const closers: (() => Promise<void>)[] = [];
  async function parts() {
    const database = createDatabase({ url: made.url, log, maxConnections: 8 });
    const notifier = createNotifier({ database, log });
    await notifier.start();
    closers.unshift(async () => {
      await notifier.stop();
      await database.close();
    });
    return { database, notifier, clock: systemClock };
  }
  async function started<L extends FeedLog>(feedLog: L): Promise<L> {
    await feedLog.start();
    closers.unshift(() => feedLog.stop());
    return feedLog;
  }
  return {
    url: made.url,
    database: made.database,
    kafkaLog: async (settings) => started(await createKafkaFeedLog({ ...settings, ...(await parts()), log })),
    postgresLog: async () => started(createPostgresFeedLog(await parts())),
    async close() {
      for (const close of closers) await close();
      await made.drop();
    },
  };
}

/** Appends one batch after another, whoever else does and whatever fails, until `count` of its own are in. */
export async function keepAppending(log: FeedLog, feedId: string, count: number, onAppended: (head: FeedHead) => void = () => undefined): Promise<{ failures: string[]; lost: number }> {
  const failures: string[] = [];
  let lost = 0;
  for (let done = 0; done < count; ) {
    try {
      const { sequence, hash } = await log.head(feedId);
      const result = await log.append(feedId, { sequence, hash }, makeBatches(feedId, { sequence, hash }, 1));
      if (result.appended) {
        done += 1;
        onAppended(result.head);
      } else lost += 1;
    } catch (error) {
      // What became of it is seen in the head, as a gateway does.
      failures.push(describeError(error));
    }
  }
  return { failures, lost };
}

export async function readAll(log: FeedLog, feedId: string, after = 0, maxBytes = 20_000): Promise<LoggedBatch[]> {
  const all: LoggedBatch[] = [];
  for (let at = after; ; ) {
    const page = await log.read(feedId, at, maxBytes);
    if (page.length === 0) return all;
    all.push(...page);
    at = page.at(-1)!.envelope.sequence;
  }
}

/** Undefined when `batches` are a whole chain from the first sequence on, each with its own payload. */
export function flawOf(feedId: string, batches: readonly LoggedBatch[]): string | undefined {
  let head: FeedHead = emptyHead;
  for (const { envelope, hash, payload } of batches) {
    if (envelope.sequence !== head.sequence + 1) return `${envelope.sequence} after ${head.sequence}`;
    if (envelope.previousHash !== head.hash || envelopeHash(envelope) !== hash) return `${envelope.sequence} does not continue the chain`;
    if (!Buffer.from(payload).equals(Buffer.alloc(payload.byteLength, `${feedId}:${envelope.sequence};`))) return `${envelope.sequence} has another payload`;
    head = { sequence: envelope.sequence, hash };
  }
  return undefined;
}
