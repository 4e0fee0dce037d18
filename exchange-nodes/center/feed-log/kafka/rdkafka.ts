import { UnavailableError } from "#platform";

/**
 * The part of node-rdkafka that the feed log uses. It is an optional dependency, built on the machine that wants it:
 * these types stand in for the package's own, so that everything compiles where it is absent.
 */
export interface RdKafkaError {
  message: string;
  code: number;
  isFatal?: boolean;
}

export interface RdKafkaMessage {
  topic: string;
  offset: number;
  value: Buffer | null;
  headers?: Record<string, string | Buffer>[];
}

export interface DeliveryReport {
  offset: number;
  opaque?: unknown;
}

interface RdKafkaClient {
  connect(options: { timeout: number }, done: (error: RdKafkaError | null) => void): void;
  isConnected(): boolean;
  on(event: "event.error", listener: (error: RdKafkaError) => void): void;
}

export interface RdKafkaProducer extends RdKafkaClient {
  produce(topic: string, partition: number, value: Buffer, key: string, timestamp: number | null, opaque: unknown, headers: Record<string, string>[]): void;
  poll(): void;
  /** Waits up to so long for what is on its way. */
  disconnect(timeoutMs: number, done: () => void): void;
  on(event: "event.error", listener: (error: RdKafkaError) => void): void;
  on(event: "delivery-report", listener: (error: RdKafkaError | null, report: DeliveryReport) => void): void;
}

export interface RdKafkaConsumer extends RdKafkaClient {
  assign(positions: { topic: string; partition: number; offset: number }[]): void;
  unassign(): void;
  consume(count: number, done: (error: RdKafkaError | null, messages: RdKafkaMessage[]) => void): void;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  disconnect(done: () => void): void;
}

export interface RdKafka {
  Producer: new (settings: Record<string, unknown>, topicSettings: Record<string, unknown>) => RdKafkaProducer;
  KafkaConsumer: new (settings: Record<string, unknown>, topicSettings: Record<string, unknown>) => RdKafkaConsumer;
  librdkafkaVersion: string;
}

/** librdkafka's numbers for what the adapter tells apart. */
export const kafkaCodes = { offsetOutOfRange: 1, unknownTopic: 3, topicAuthorization: 29, groupAuthorization: 30, transport: -195, unknownPartition: -190, unknownTopicLocal: -188, allBrokersDown: -187, queueFull: -184, autoOffsetReset: -140, fatal: -150 } as const;

// A variable, so that neither the compiler nor a bundler insists on the package.
const packageName: string = "node-rdkafka";

export async function loadRdKafka(): Promise<RdKafka> {
  try {
    const loaded = (await import(packageName)) as { default: RdKafka };
    return loaded.default;
  } catch (cause) {
    throw clientMissing(cause);
  }
}

/** What hinders the client; that no built one was found needs no list of the places looked at. */
export function clientMissing(cause: unknown): UnavailableError {
  const notBuilt = cause instanceof Error && cause.message.startsWith("Could not locate the bindings file");
  return new UnavailableError("Kafka is in the settings, but its client node-rdkafka is not built on this machine", {
    zh: "已配置 Kafka,但本机未构建其客户端 node-rdkafka",
    code: "kafka.client-missing",
    nextStep: "Install a C++ compiler, make and python3 (Debian: build-essential python3; with librdkafka-dev it takes 20 s instead of 3 min), then run: npm run engines:kafka. 安装编译工具后执行 npm run engines:kafka。",
    ...(notBuilt ? {} : { cause }),
  });
}
