import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#platform";
import { maxRecordBytes, rdKafkaSettings, type KafkaConnection } from "./connection.ts";
import { kafkaCodes, type RdKafka, type RdKafkaConsumer, type RdKafkaError, type RdKafkaMessage } from "./rdkafka.ts";
import { ended, kafkaUnavailable, recordBeyondEnd } from "./unavailable.ts";

/**
 * Reads records by offset. Consumers are kept where they stood, so that a reader who goes on in a topic finds the next
 * records already fetched; there are few of them, and a topic whose turn it is takes the one unused for longest.
 */
export interface RecordReader {
  /** The records at `offsets` (ascending), as far as they are still there: missing ones are left out. */
  read(topic: string, offsets: readonly number[]): Promise<Map<number, RdKafkaMessage>>;
  stop(): Promise<void>;
}

export interface CreateRecordReaderOptions {
  rdKafka: RdKafka;
  connection: KafkaConnection;
  log: Log;
  group: string;
  rangeOf(topic: string): Promise<{ low: number; high: number } | undefined>;
  maxConsumers: number;
  /** How long brokers may take to give the next record. */
  timeoutMs: number;
}

interface Seat {
  consumer: Promise<RdKafkaConsumer>;
  topic?: string;
  next: number;
  busy: boolean;
  /** Order of use, and when the last one ended. */
  usedAt: number;
  freeSince: number;
  error?: RdKafkaError;
}

const mostWaiting = 500;
const parkAfterMs = 2_000;

export function createRecordReader({ rdKafka, connection, log, group, rangeOf, maxConsumers, timeoutMs }: CreateRecordReaderOptions): RecordReader {
  const seats = new Set<Seat>();
  const queue: (() => void)[] = [];
  let uses = 0;
  /** One at a time: connecting holds one of the process's few threads for work that blocks. */
  let connecting: Promise<unknown> = Promise.resolve();
  let failedAt = Number.NEGATIVE_INFINITY;
  let parking: NodeJS.Timeout | undefined;

  function openSeat(): Seat {
    const consumer = new rdKafka.KafkaConsumer(
      {
        ...rdKafkaSettings(connection),
        "group.id": group,
        "enable.auto.commit": false,
        "enable.auto.offset.store": false,
        // What an answer says is enough: reading a topic never makes it.
        "allow.auto.create.topics": false,
        // A consumer that is sent to another topic first waits for this to pass; with 100 ms that was most of a read (80 of 102 ms).
        "fetch.wait.max.ms": 20,
        "fetch.error.backoff.ms": 50,
        "fetch.message.max.bytes": 4 * 1024 * 1024,
        "fetch.max.bytes": 2 * maxRecordBytes,
        "receive.message.max.bytes": 2 * maxRecordBytes + 1024 * 1024,
        "queued.max.messages.kbytes": 16 * 1024,
        // A consumer may stand idle for long; it is in no group that could miss it.
        "max.poll.interval.ms": 86_400_000,
        "topic.metadata.refresh.fast.interval.ms": 50,
      },
      // Retention that overtook a reader must be seen, not skipped.
      { "auto.offset.reset": "error" },
    );
    const connected = connecting.then(
      () =>
        new Promise<RdKafkaConsumer>((resolve, reject) => {
          if (performance.now() - failedAt < 1_000) return reject(kafkaUnavailable("no broker answered a moment ago", undefined));
          // Asks for what has arrived, never waits for it on a thread.
          consumer.setDefaultConsumeTimeout(0);
          consumer.connect({ timeout: 5_000 }, (error) => {
            if (!error) return resolve(consumer);
            failedAt = performance.now();
            reject(kafkaUnavailable(error.message, error));
          });
        }),
    );
    connecting = connected.catch(() => undefined);
    const seat: Seat = { next: -1, busy: true, usedAt: (uses += 1), freeSince: 0, consumer: connected };
    consumer.on("event.error", (error) => {
      seat.error = error;
      log.debug({ code: error.code, error: error.message }, "Kafka consumer");
    });
    seat.consumer.catch(() => seats.delete(seat));
    seats.add(seat);
    parking ??= setInterval(park, parkAfterMs / 2).unref();
    return seat;
  }

  async function take(topic: string, offset: number): Promise<Seat> {
    for (;;) {
      const free = [...seats].filter(({ busy }) => !busy).sort((one, other) => one.usedAt - other.usedAt);
      const seat = free.find((candidate) => candidate.topic === topic && candidate.next === offset) ?? (seats.size < maxConsumers ? openSeat() : free[0]);
      if (seat) {
        seat.busy = true;
        seat.usedAt = uses += 1;
        return seat;
      }
      if (queue.length >= mostWaiting) throw kafkaUnavailable("too many readers wait for it", undefined);
      await new Promise<void>((resolve) => queue.push(resolve));
    }
  }

  /** Consumers that nobody has used for a while ask brokers for nothing. */
  function park(): void {
    for (const seat of seats) {
      if (seat.busy || seat.topic === undefined || performance.now() - seat.freeSince < parkAfterMs) continue;
      delete seat.topic;
      void seat.consumer.then((consumer) => consumer.unassign(), () => undefined);
    }
  }

  function release(seat: Seat): void {
    seat.busy = false;
    seat.freeSince = performance.now();
    queue.shift()?.();
  }

  const consume = (consumer: RdKafkaConsumer, count: number) =>
    new Promise<{ error: RdKafkaError | null; messages: RdKafkaMessage[] }>((resolve) => consumer.consume(count, (error, messages) => resolve({ error, messages: messages ?? [] })));

  async function readBy(seat: Seat, topic: string, offsets: readonly number[]): Promise<Map<number, RdKafkaMessage>> {
    const consumer = await seat.consumer;
    const wanted = new Set(offsets);
    const last = offsets.at(-1)!;
    const found = new Map<number, RdKafkaMessage>();
    let next = offsets[0]!;
    const position = () => {
      consumer.assign([{ topic, partition: 0, offset: next }]);
      seat.topic = topic;
      seat.next = next;
    };
    if (seat.topic !== topic || seat.next !== next) position();
    let deadline = performance.now() + timeoutMs;
    for (let pauseMs = 0; next <= last; ) {
      const { error, messages } = await consume(consumer, last - next + 1);
      for (const message of messages) {
        // Left from where the consumer stood before.
        if (message.topic !== topic || message.offset < next) continue;
        if (wanted.has(message.offset)) found.set(message.offset, message);
        next = message.offset + 1;
      }
      seat.next = next;
      if (messages.length > 0) {
        deadline = performance.now() + timeoutMs;
        pauseMs = 0;
        continue;
      }
      const outOfRange = error !== null && (error.code === kafkaCodes.autoOffsetReset || error.code === kafkaCodes.offsetOutOfRange);
      if (outOfRange || performance.now() > deadline) {
        const { low, high } = (await rangeOf(topic)) ?? { low: 0, high: 0 };
        if (next >= high) throw recordBeyondEnd(topic, next, high);
        // In range and not given: the brokers are in trouble. No reader skips that.
        if (next >= low) throw kafkaUnavailable(`${topic} has not given the record at ${next} in time`, seat.error ?? error ?? undefined);
        // Retention has taken it: the caller learns that by what is missing.
        const held = offsets.find((offset) => offset >= low);
        if (held === undefined) break;
        next = held;
        position();
        deadline = performance.now() + timeoutMs;
        continue;
      }
      if (error !== null && (error.code === kafkaCodes.topicAuthorization || error.code === kafkaCodes.groupAuthorization)) throw kafkaUnavailable(error.message, error);
      pauseMs = Math.min(20, pauseMs + 1);
      await sleep(pauseMs);
    }
    return found;
  }

  return {
    async read(topic, offsets) {
      if (offsets.length === 0) return new Map();
      const seat = await take(topic, offsets[0]!);
      try {
        return await readBy(seat, topic, offsets);
      } catch (error) {
        // Where it stands is not known: it starts anew with the next read.
        delete seat.topic;
        throw error;
      } finally {
        release(seat);
      }
    },

    async stop() {
      clearInterval(parking);
      parking = undefined;
      const all = [...seats];
      seats.clear();
      await Promise.all(
        all.map((seat) =>
          seat.consumer.then(
            (consumer) => ended((done) => consumer.disconnect(done)),
            () => undefined,
          ),
        ),
      );
    },
  };
}
