import { InputError } from "#platform";
import type { KafkaFeedLogSettings } from "#exchange-nodes";
import type { EngineConfig } from "../settings.ts";

/** How the settings say to reach Kafka, whichever log they choose; undefined when they name no brokers. */
export function kafkaSettingsOf(config: EngineConfig): KafkaFeedLogSettings | undefined {
  if (config.kafkaBrokers === undefined) return undefined;
  const { kafkaUsername: username, kafkaPassword: password } = config;
  if ((username === undefined) !== (password === undefined)) throw new InputError("ZHENGTONG_KAFKA_USERNAME and ZHENGTONG_KAFKA_PASSWORD belong together", { zh: "Kafka 用户名和密码必须同时设置", code: "config.invalid" });
  const present = <Key extends string, Value>(key: Key, value: Value | undefined) => (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
  return {
    connection: {
      brokers: config.kafkaBrokers,
      ...(config.kafkaTls ? { tls: { ...present("caFile", config.kafkaCaFile), ...present("certificateFile", config.kafkaCertificateFile), ...present("keyFile", config.kafkaKeyFile) } } : {}),
      ...(username === undefined || password === undefined ? {} : { sasl: { mechanism: config.kafkaMechanism, username, password } }),
    },
    topics: {
      prefix: config.kafkaTopicPrefix,
      retentionMs: config.kafkaRetentionMs,
      ...present("replicas", config.kafkaReplicas),
      ...present("minInSyncReplicas", config.kafkaMinInSync),
      ...present("retentionBytes", config.kafkaRetentionBytes),
    },
    maxWaitingBytes: config.kafkaMaxWaitingBytes,
  };
}

/** For `createCenterServices`: Kafka when it is the feed log. */
export function feedLogOptions(config: EngineConfig): { kafka?: KafkaFeedLogSettings } {
  if (config.feedLog === "postgres") return {};
  const kafka = kafkaSettingsOf(config);
  if (!kafka) throw new InputError("ZHENGTONG_FEED_LOG is kafka, but no brokers are named", { zh: "已选择 Kafka 作为数据流日志,但未设置 Broker 地址", code: "config.invalid", nextStep: "Set ZHENGTONG_KAFKA_BROKERS to host:port, with commas." });
  return { kafka };
}
