import { describeError, type Log, type Metrics } from "#platform";
import { maxRecordBytes, rdKafkaSettings, type KafkaConnection } from "./connection.ts";
import { kafkaCodes, type RdKafka, type RdKafkaError, type RdKafkaProducer } from "./rdkafka.ts";
import { ended, kafkaUnavailable } from "./unavailable.ts";

export interface NewRecord {
  key: string;
  value: Uint8Array;
  headers: Record<string, string>;
}

/** Writes records and tells where they lie: idempotent, in order, acknowledged by every copy that is in sync. */
export interface RecordWriter {
  /** Offsets of `records`, or "busy" when more waits than may (nothing was taken then). */
  write(topic: string, records: readonly NewRecord[]): Promise<number[] | "busy">;
  stop(): Promise<void>;
}

export interface CreateRecordWriterOptions {
  rdKafka: RdKafka;
  connection: KafkaConnection;
  log: Log;
  metrics?: Metrics;
  /** Most bytes that wait for the brokers' word. */
  maxWaitingBytes: number;
  /** How long a record may wait for it: a broker that restarts is waited for, one that is gone is told. */
  deliveryTimeoutMs: number;
}

interface Waiting {
  done(offset: number): void;
  failed(error: RdKafkaError): void;
}

export function createRecordWriter({ rdKafka, connection, log, metrics, maxWaitingBytes, deliveryTimeoutMs }: CreateRecordWriterOptions): RecordWriter {
  let opening: Promise<RdKafkaProducer> | undefined;
  /** Who waits for which producer's word. */
  const waiters = new Map<RdKafkaProducer, Set<Waiting>>();
  let waitingBytes = 0;
  let polling: NodeJS.Timeout | undefined;
  const bytesGauge = metrics?.gauge("kafka_waiting_bytes", "Bytes that were given to Kafka and not acknowledged yet");

  function open(): Promise<RdKafkaProducer> {
    const producer = new rdKafka.Producer(
      {
        ...rdKafkaSettings(connection),
        "enable.idempotence": true,
        "acks": "all",
        "message.timeout.ms": deliveryTimeoutMs,
        "linger.ms": 1,
        "message.max.bytes": maxRecordBytes,
        "queue.buffering.max.kbytes": Math.ceil((maxWaitingBytes * 2 + maxRecordBytes) / 1024),
        // Payloads are compressed or sealed already.
        "compression.type": "none",
        "dr_cb": true,
      },
      {},
    );
    producer.on("event.error", (error) => {
      log.debug({ code: error.code, error: error.message }, "Kafka producer");
      // It cannot go on without a gap; a new one can, as each record is looked up by the offset it was acknowledged at.
      if (error.isFatal || error.code === kafkaCodes.fatal) replace(producer, error);
    });
    producer.on("delivery-report", (error, { offset, opaque }) => {
      const waiting = opaque as Waiting;
      if (error) waiting.failed(error);
      else waiting.done(offset);
    });
    return new Promise((resolve, reject) => producer.connect({ timeout: 5_000 }, (error) => (error ? reject(kafkaUnavailable(error.message, error)) : resolve(producer))));
  }

  function replace(producer: RdKafkaProducer, error: RdKafkaError): void {
    log.warn({ code: error.code, error: error.message }, "the Kafka producer is replaced");
    opening = undefined;
    for (const waiting of waiters.get(producer) ?? []) waiting.failed(error);
    producer.disconnect(1_000, () => undefined);
  }

  function connected(): Promise<RdKafkaProducer> {
    if (!opening) {
      const mine = open();
      opening = mine;
      mine.catch(() => {
        if (opening === mine) opening = undefined;
      });
    }
    return opening;
  }

  /** Acknowledgements are handed out by polling: every millisecond while somebody waits. */
  function poll(): void {
    polling ??= setInterval(() => {
      for (const producer of waiters.keys()) if (producer.isConnected()) producer.poll();
      if (waiters.size > 0) return;
      clearInterval(polling);
      polling = undefined;
    }, 1);
  }

  function send(producer: RdKafkaProducer, topic: string, { key, value, headers }: NewRecord): Promise<number> {
    return new Promise((resolve, reject) => {
      const mine = waiters.get(producer) ?? new Set<Waiting>();
      const leave = () => {
        clearTimeout(timer);
        mine.delete(waiting);
        if (mine.size === 0) waiters.delete(producer);
      };
      const waiting: Waiting = {
        done: (offset) => (leave(), resolve(offset)),
        failed: (error) => (leave(), reject(kafkaUnavailable(error.message, error))),
      };
      // The client gives up by itself; this is for acknowledgements that went down with it.
      const timer = setTimeout(() => waiting.failed({ code: kafkaCodes.transport, message: "a record was not acknowledged in time" }), deliveryTimeoutMs + 2_000);
      mine.add(waiting);
      waiters.set(producer, mine);
      try {
        producer.produce(topic, 0, Buffer.from(value.buffer, value.byteOffset, value.byteLength), key, null, waiting, Object.entries(headers).map(([name, text]) => ({ [name]: text })));
      } catch (error) {
        waiting.failed({ code: kafkaCodes.queueFull, message: describeError(error) });
      }
    });
  }

  return {
    async write(topic, records) {
      const bytes = records.reduce((sum, { value }) => sum + value.byteLength, 0);
      // One that alone is larger passes when nothing else waits.
      if (waitingBytes > 0 && waitingBytes + bytes > maxWaitingBytes) return "busy";
      waitingBytes += bytes;
      bytesGauge?.set(waitingBytes);
      try {
        const producer = await connected();
        poll();
        const results = await Promise.allSettled(records.map((record) => send(producer, topic, record)));
        return results.map((result) => {
          if (result.status === "rejected") throw result.reason;
          return result.value;
        });
      } finally {
        waitingBytes -= bytes;
        bytesGauge?.set(waitingBytes);
      }
    },

    async stop() {
      const mine = opening;
      opening = undefined;
      if (mine === undefined) return;
      await mine.then(
        (producer) => ended((done) => producer.disconnect(5_000, done)),
        () => undefined,
      );
      clearInterval(polling);
      polling = undefined;
    },
  };
}
