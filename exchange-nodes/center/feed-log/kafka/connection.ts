import { readFileSync } from "node:fs";
import { InputError, type Log } from "#platform";

/** How to reach the brokers, and under which name. */
export interface KafkaConnection {
  /** host:port, with commas. */
  brokers: string;
  tls?: {
    /** PEM files. */
    caFile?: string;
    certificateFile?: string;
    keyFile?: string;
  };
  sasl?: { mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; username: string; password: string };
}

/** What the topics of feeds are like. */
export interface KafkaTopicSettings {
  /** Before every topic's name; access rules are given on it. Default "zhengtong". */
  prefix?: string;
  /** Copies of each record; default: the brokers' default.replication.factor. */
  replicas?: number;
  /** Copies that must have a record before it counts as written; default: the brokers'. */
  minInSyncReplicas?: number;
  /** How long a record stays at most. Default 14 days: above the 7 that an unapplied batch stays, so that the log's own trimming rules. */
  retentionMs?: number;
  /** How much of one feed stays at most; default: no limit. */
  retentionBytes?: number;
  /** A feed's log is cut into files of this size, and retention drops whole files. Default 256 MiB. */
  segmentBytes?: number;
}

export const defaultTopicPrefix = "zhengtong";
/** A batch has at most 16 MiB (protocol/frames.ts), its envelope 16 KiB. */
export const maxRecordBytes = 17 * 1024 * 1024;

/**
 * The naming rule: `<prefix>.feed.<feed id>`, one topic with one partition for each feed, since a feed has one order.
 * A dot never comes into an id, so prefixes of one installation never match topics of another.
 */
export function topicOf(prefix: string, feedId: string): string {
  const name = `${prefix}.feed.${feedId}`;
  if (!/^[A-Za-z0-9_-]+$/.test(feedId) || !/^[A-Za-z0-9_-]+$/.test(prefix) || name.length > 249) throw new InputError(`"${name}" cannot be the name of a topic`, { zh: "主题名称不合规", code: "kafka.topic-name", nextStep: "Letters, digits, _ and - only." });
  return name;
}

export function feedIdOf(prefix: string, topic: string): string | undefined {
  return topic.startsWith(`${prefix}.feed.`) ? topic.slice(prefix.length + 6) : undefined;
}

/** The group under which reading is known to brokers; nothing is ever committed to it. */
export const readerGroupOf = (prefix: string) => `${prefix}.readers`;

export function rdKafkaSettings({ brokers, tls, sasl }: KafkaConnection): Record<string, unknown> {
  const protocol = sasl ? (tls ? "sasl_ssl" : "sasl_plaintext") : tls ? "ssl" : "plaintext";
  return {
    "metadata.broker.list": brokers,
    "client.id": "zhengtong",
    "security.protocol": protocol,
    "socket.keepalive.enable": true,
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 2_000,
    ...(tls?.caFile === undefined ? {} : { "ssl.ca.location": tls.caFile }),
    ...(tls?.certificateFile === undefined ? {} : { "ssl.certificate.location": tls.certificateFile }),
    ...(tls?.keyFile === undefined ? {} : { "ssl.key.location": tls.keyFile }),
    ...(sasl ? { "sasl.mechanisms": sasl.mechanism, "sasl.username": sasl.username, "sasl.password": sasl.password } : {}),
  };
}

/**
 * Before 2.6.1 librdkafka repeated its own nonce in SCRAM (confluentinc/librdkafka#4895), which Kafka 4 takes for wrong
 * credentials. What to do about it; undefined where it does not matter.
 */
export function scramRemedy(librdkafkaVersion: string, { sasl }: KafkaConnection): string | undefined {
  if (sasl === undefined || sasl.mechanism === "PLAIN") return undefined;
  const [major = 0, minor = 0, patch = 0] = librdkafkaVersion.split(".").map((part) => Number.parseInt(part, 10));
  if (major * 10_000 + minor * 100 + patch >= 20_601) return undefined;
  return `librdkafka ${librdkafkaVersion} cannot log in by ${sasl.mechanism} at Kafka 4; from 2.6.1 on it can. Build its own instead of the system's: ZHENGTONG_OWN_LIBRDKAFKA=1 npm run engines:kafka. Or set ZHENGTONG_KAFKA_MECHANISM=PLAIN, over TLS.`;
}

const kafkaJsMechanisms = { "PLAIN": "plain", "SCRAM-SHA-256": "scram-sha-256", "SCRAM-SHA-512": "scram-sha-512" } as const;

export function kafkaJsSettings({ brokers, tls, sasl }: KafkaConnection, log: Log) {
  const file = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, "utf8"));
  const ca = file(tls?.caFile);
  const cert = file(tls?.certificateFile);
  const key = file(tls?.keyFile);
  return {
    clientId: "zhengtong-admin",
    brokers: brokers.split(",").map((broker) => broker.trim()),
    connectionTimeout: 5_000,
    requestTimeout: 15_000,
    retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 2_000 },
    ...(tls ? { ssl: { ...(ca === undefined ? {} : { ca: [ca] }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) } } : {}),
    ...(sasl ? { sasl: { mechanism: kafkaJsMechanisms[sasl.mechanism], username: sasl.username, password: sasl.password } as never } : {}),
    // What it would print is in the errors that it throws.
    logCreator: () => ({ log: { message } }: { log: { message: string } }) => log.debug({ kafka: message }, "kafka administration"),
  };
}
