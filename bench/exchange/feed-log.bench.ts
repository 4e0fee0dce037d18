import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createKafkaFeedLog, createPostgresFeedLog, emptyHead, envelopeHash, exchangeMigrations, signEnvelope, type BatchToAppend, type FeedHead, type FeedLog } from "#exchange-nodes";
import { createDatabase, createNotifier, createSilentLog, getSuite, migrate, platformMigrations, startEmbeddedPostgres, systemClock } from "#platform";
import { openLocalKafka } from "../../tests/support/engines/kafka.ts";

/**
 * `npm run bench:feed-log [-- --batches=5000 --bytes=20000 --rounds=3 --append=16]`: one feed's batches appended (`append` of them
 * a call, the next call when the last is durable, as the gateway does) and read back in pages of 4 MiB, on both feed
 * logs and, beside, through the bare node-rdkafka with the same records: once as fast as its producer goes
 * ("pipelined", all handed over at once), once call by call as the gateway. fsync on; one broker; rounds alternate;
 * medians; ratios are the last lines.
 */
const { values } = parseArgs({ options: { batches: { type: "string", default: "5000" }, bytes: { type: "string", default: "20000" }, rounds: { type: "string", default: "3" }, append: { type: "string", default: "16" } } });
const [batches, bytes, rounds, perAppend] = [Number(values.batches), Number(values.bytes), Number(values.rounds), Number(values.append)];
const say = (text: string) => void process.stdout.write(`${text}\n`);
const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const megabytes = (ms: number) => (batches * bytes) / 1_000_000 / (ms / 1_000);

const key = getSuite("sha256-ed25519").load(getSuite("sha256-ed25519").generate().privateKey);
const payload = Buffer.alloc(bytes, "政通");
function makeBatches(feedId: string): BatchToAppend[] {
  const made: BatchToAppend[] = [];
  let head: FeedHead = emptyHead;
  for (let n = 0; n < batches; n += 1) {
    const envelope = signEnvelope({ feedId, grantId: "grant_1", grantVersion: 1, providerNodeId: "node_1", generation: 1, sequence: head.sequence + 1, kind: "changes", rows: 100, deletes: 0, fromPosition: "1", toPosition: "2", encoding: ["copy-text"], payloadBytes: bytes, payloadDigest: "0".repeat(64), previousHash: head.hash, createdAt: "2026-11-22T03:00:00.000Z" }, key);
    head = { sequence: envelope.sequence, hash: envelopeHash(envelope) };
    made.push({ envelope, hash: head.hash, payload });
  }
  return made;
}

const parent = mkdtempSync(join(tmpdir(), "zhengtong-bench-"));
chmodSync(parent, 0o755);
const log = createSilentLog();
const server = await startEmbeddedPostgres({ directory: join(parent, "postgres"), log });
const given = process.env.ZHENGTONG_TEST_KAFKA_BROKERS;
const ownKafka = given === undefined ? await openLocalKafka({ forMeasuring: true }) : undefined;
const brokers = given ?? ownKafka!.url;
const prefix = `bench-${process.pid}`;
await server.ensureDatabase("center");
const database = createDatabase({ url: server.url("center"), log, maxConnections: 8 });
await migrate(database, [platformMigrations, exchangeMigrations]);
const notifier = createNotifier({ database, log });
await notifier.start();
const postgres = createPostgresFeedLog({ database, notifier, clock: systemClock });
const kafka = await createKafkaFeedLog({ connection: { brokers }, topics: { prefix }, database, notifier, clock: systemClock, log });

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function appendAll(feedLog: FeedLog, feedId: string): Promise<number> {
  const made = makeBatches(feedId);
  await feedLog.open(feedId);
  // Its topic is made and its first connection opened with the first append, once in a feed's life.
  const first = await feedLog.append(feedId, emptyHead, made.slice(0, 1));
  if (!first.appended) throw new Error("not appended");
  let head = first.head;
  return timed(async () => {
    for (let at = 1; at < made.length; at += perAppend) {
      const result = await feedLog.append(feedId, head, made.slice(at, at + perAppend));
      if (!result.appended) throw new Error(`not appended: ${result.because}`);
      head = result.head;
    }
  });
}

async function readAll(feedLog: FeedLog, feedId: string): Promise<number> {
  let read = 0;
  // The connection, as for the bare consumer.
  await feedLog.read(feedId, 0, 1);
  const ms = await timed(async () => {
    for (let after = 0; ; ) {
      const page = await feedLog.read(feedId, after, 4 * 1024 * 1024);
      if (page.length === 0) break;
      read += page.length;
      after = page.at(-1)!.envelope.sequence;
    }
  });
  if (read !== batches) throw new Error(`${read} batches read of ${batches}`);
  return ms;
}

// The package's own face here: nothing of ours lies between.
const rdKafka = (await import("node-rdkafka")).default;
const raw = new rdKafka.Producer({ "metadata.broker.list": brokers, "enable.idempotence": true, "linger.ms": 1, "dr_cb": true, "queue.buffering.max.kbytes": 1_048_576, "queue.buffering.max.messages": batches + 1_000 });
await new Promise<void>((resolve, reject) => raw.connect({ timeout: 5_000 }, (error) => (error ? reject(new Error(error.message)) : resolve())));

/** Hands `perCall` records over, waits for their acknowledgement, goes on. */
async function rawProduce(topic: string, perCall: number): Promise<number> {
  const pollTimer = setInterval(() => raw.poll(), 1);
  let acknowledged = 0;
  let reached: (() => void) | undefined;
  let goal = 0;
  const onReport = () => {
    acknowledged += 1;
    if (acknowledged === goal) reached?.();
  };
  raw.on("delivery-report", onReport);
  const ms = await timed(async () => {
    for (let at = 0; at < batches; at += perCall) {
      goal = Math.min(batches, at + perCall);
      const done = new Promise<void>((resolve) => (reached = resolve));
      for (let n = at; n < goal; n += 1) raw.produce(topic, 0, payload, `key-${n}`);
      await done;
    }
  });
  raw.removeListener("delivery-report", onReport);
  clearInterval(pollTimer);
  return ms;
}

async function rawConsume(topic: string): Promise<number> {
  const consumer = new rdKafka.KafkaConsumer({ "metadata.broker.list": brokers, "group.id": `${prefix}.raw`, "enable.auto.commit": false, "queued.max.messages.kbytes": 16 * 1024 }, { "auto.offset.reset": "earliest" });
  await new Promise<void>((resolve, reject) => consumer.connect({ timeout: 5_000 }, (error) => (error ? reject(new Error(error.message)) : resolve())));
  consumer.setDefaultConsumeTimeout(100);
  consumer.assign([{ topic, partition: 0, offset: 0 }]);
  const ms = await timed(async () => {
    for (let read = 0; read < batches; ) read += await new Promise<number>((resolve, reject) => consumer.consume(200, (error, messages) => (error ? reject(new Error(error.message)) : resolve(messages.length))));
  });
  await new Promise<void>((resolve) => consumer.disconnect(() => resolve()));
  return ms;
}

try {
  say(`${batches.toLocaleString("en")} batches of ${bytes.toLocaleString("en")} bytes, ${perAppend} an append, ${rounds} rounds`);
  const append: Record<string, number[]> = {};
  const read: Record<string, number[]> = {};
  const note = (into: Record<string, number[]>, name: string, ms: number) => void (into[name] ??= []).push(ms);
  for (let round = 0; round < rounds; round += 1) {
    const turns: [string, () => Promise<void>][] = [
      ["PostgreSQL log", async () => {
        note(append, "PostgreSQL log", await appendAll(postgres, `pg_${round}`));
        note(read, "PostgreSQL log", await readAll(postgres, `pg_${round}`));
      }],
      ["Kafka log", async () => {
        note(append, "Kafka log", await appendAll(kafka, `kafka_${round}`));
        note(read, "Kafka log", await readAll(kafka, `kafka_${round}`));
      }],
      ["raw", async () => {
        for (const [name, perCall] of [["raw producer, pipelined", batches], ["raw producer, call by call", perAppend]] as const) {
          const feedId = `raw_${round}_${perCall}`;
          await kafka.admin.ensureTopic(feedId);
          note(append, name, await rawProduce(`${prefix}.feed.${feedId}`, perCall));
        }
        note(read, "raw consumer", await rawConsume(`${prefix}.feed.raw_${round}_${perAppend}`));
      }],
    ];
    for (let at = 0; at < turns.length; at += 1) await turns[(at + round) % turns.length]![1]();
  }
  for (const [title, table] of [["append", append], ["read", read]] as const) {
    say(`\n${title}`);
    for (const [name, ms] of Object.entries(table)) say(`  ${name.padEnd(28)} ${megabytes(median(ms)).toFixed(0).padStart(6)} MB/s ${Math.round(batches / (median(ms) / 1_000)).toLocaleString("en").padStart(10)} batches/s`);
  }
  const of = (table: Record<string, number[]>, name: string) => median(table[name]!);
  say("");
  say(`ratio, append: Kafka log ÷ PostgreSQL log: ${(of(append, "PostgreSQL log") / of(append, "Kafka log")).toFixed(2)}`);
  say(`ratio, append: Kafka log ÷ raw producer, call by call: ${(of(append, "raw producer, call by call") / of(append, "Kafka log")).toFixed(2)}`);
  say(`ratio, append: Kafka log ÷ raw producer, pipelined: ${(of(append, "raw producer, pipelined") / of(append, "Kafka log")).toFixed(2)}`);
  say(`ratio, read: Kafka log ÷ PostgreSQL log: ${(of(read, "PostgreSQL log") / of(read, "Kafka log")).toFixed(2)}`);
  say(`ratio, read: Kafka log ÷ raw consumer: ${(of(read, "raw consumer") / of(read, "Kafka log")).toFixed(2)}`);
} finally {
  await new Promise<void>((resolve) => raw.disconnect(() => resolve()));
  await kafka.stop();
  await notifier.stop();
  await database.close();
  await Promise.all([server.stop(), ownKafka?.close()]);
  rmSync(parent, { recursive: true, force: true });
}
