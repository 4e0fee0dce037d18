import { loadConfig, setting, type Config } from "#platform";

const kafkaSettings = {
  feedLog: setting.choice(["postgres", "kafka"])("ZHENGTONG_FEED_LOG", "where the payloads of feeds wait for their subscribers", "postgres"),
  kafkaBrokers: setting.optional(setting.text("ZHENGTONG_KAFKA_BROKERS", "Kafka brokers, host:port with commas")),
  kafkaTopicPrefix: setting.text("ZHENGTONG_KAFKA_TOPIC_PREFIX", "first part of every topic's name", "zhengtong"),
  kafkaTls: setting.flag("ZHENGTONG_KAFKA_TLS", "whether Kafka is spoken to over TLS", false),
  kafkaCaFile: setting.optional(setting.text("ZHENGTONG_KAFKA_CA_FILE", "certificate authority of the brokers, PEM")),
  kafkaCertificateFile: setting.optional(setting.text("ZHENGTONG_KAFKA_CERTIFICATE_FILE", "certificate of this centre for Kafka, PEM")),
  kafkaKeyFile: setting.optional(setting.text("ZHENGTONG_KAFKA_KEY_FILE", "its key, PEM")),
  kafkaMechanism: setting.choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])("ZHENGTONG_KAFKA_MECHANISM", "SASL mechanism, when a user is given", "SCRAM-SHA-512"),
  kafkaUsername: setting.optional(setting.text("ZHENGTONG_KAFKA_USERNAME", "user of this centre at the brokers")),
  kafkaPassword: setting.optional({ ...setting.text("ZHENGTONG_KAFKA_PASSWORD", "its password"), secret: true }),
  kafkaReplicas: setting.optional(setting.count("ZHENGTONG_KAFKA_REPLICAS", "copies of each record; default: the brokers'")),
  kafkaMinInSync: setting.optional(setting.count("ZHENGTONG_KAFKA_MIN_IN_SYNC", "copies that must have a record before it counts; default: the brokers'")),
  kafkaRetentionMs: setting.durationMs("ZHENGTONG_KAFKA_RETENTION", "how long a record stays at most; longer than 7d, which an unread batch stays", 14 * 86_400_000),
  kafkaRetentionBytes: setting.optional(setting.count("ZHENGTONG_KAFKA_RETENTION_BYTES", "how many bytes of one feed stay at most; default: no limit")),
  kafkaMaxWaitingBytes: setting.count("ZHENGTONG_KAFKA_MAX_WAITING_BYTES", "payload bytes of one centre process that may wait for Kafka before senders are told to slow down", 64 * 1024 * 1024),
} as const;

/** Where the catalog is searched and where feeds wait. */
export const engineSettings = {
  catalogIndex: setting.choice(["postgres", "neo4j"])("ZHENGTONG_CATALOG_INDEX", "where the catalog is searched and walked", "postgres"),
  neo4jUrl: setting.optional(setting.url("ZHENGTONG_NEO4J_URL", "Neo4j: neo4j+s://host:7687 with routing, bolt://host:7687 to one server")),
  neo4jUser: setting.text("ZHENGTONG_NEO4J_USER", "user of this centre in Neo4j", "neo4j"),
  neo4jPassword: setting.optional({ ...setting.text("ZHENGTONG_NEO4J_PASSWORD", "its password"), secret: true }),
  neo4jDatabase: setting.text("ZHENGTONG_NEO4J_DATABASE", "database in Neo4j", "neo4j"),
  neo4jPrefix: setting.text("ZHENGTONG_NEO4J_PREFIX", "with what the names of labels begin, for several installations on one Neo4j", "Catalog"),
  ...kafkaSettings,
} as const;

export type EngineConfig = Config<typeof engineSettings>;

/** Every setting of the centre, in one place: `zhengtong center`, `import`, `export`, `reindex`, `doctor` … */
export const centerSettings = {
  databaseUrl: setting.url("DATABASE_URL", "PostgreSQL database of the centre"),
  cityDatabaseUrl: setting.url("ZHENGTONG_CITY_DATABASE_URL", "PostgreSQL database of the base databases and apps"),
  host: setting.text("ZHENGTONG_HOST", "address to listen on", "127.0.0.1"),
  port: setting.port("ZHENGTONG_PORT", "port to listen on", 8700),
  publicUrl: setting.optional(setting.url("ZHENGTONG_PUBLIC_URL", "the address under which nodes and people reach the centre")),
  trustedProxies: setting.optional(setting.text("ZHENGTONG_TRUSTED_PROXIES", "balancers whose X-Forwarded-For is believed, with commas")),
  signatureSuite: setting.choice(["sha256-ed25519", "sm3-sm2"])("ZHENGTONG_SIGNATURE_SUITE", "signature suite of the centre", "sha256-ed25519"),
  logLevel: setting.choice(["trace", "debug", "info", "warn", "error", "silent"])("ZHENGTONG_LOG_LEVEL", "least level that is logged", "info"),
  maxConnections: setting.count("ZHENGTONG_DATABASE_CONNECTIONS", "most connections to each database", 20),
  requestsPerMinute: setting.count("ZHENGTONG_REQUESTS_PER_MINUTE", "requests a minute from one address", 1_200),
  bodyLimitBytes: setting.count("ZHENGTONG_BODY_LIMIT_BYTES", "largest ordinary request body in bytes", 1_048_576),
  explorer: setting.flag("ZHENGTONG_GRAPHQL_EXPLORER", "whether the GraphQL explorer page is served", false),
  identifierLetter: setting.text("ZHENGTONG_IDENTIFIER_LETTER", "letter of the city in resource identifiers (GB/T 21063.5)", "A"),
  userDictionary: setting.optional(setting.text("ZHENGTONG_USER_DICTIONARY", "file with words for Chinese segmentation, one a line")),
  ...engineSettings,
} as const;

export type CenterConfig = Config<typeof centerSettings>;

export const nodeSettings = {
  name: setting.text("ZHENGTONG_NODE_NAME", "name of this node"),
  centerUrl: setting.url("ZHENGTONG_CENTER_URL", "address of the centre, https:// (http:// on loopback only)"),
  databaseUrl: setting.url("DATABASE_URL", "PostgreSQL database of the node (front-end database)"),
  enrolmentCode: setting.optional(setting.text("ZHENGTONG_ENROLMENT_CODE", "one-time code, for the first start")),
  sourcesFile: setting.optional(setting.text("ZHENGTONG_NODE_SOURCES", "YAML file with the sources that this node offers")),
  targetsFile: setting.optional(setting.text("ZHENGTONG_NODE_TARGETS", "YAML file with the databases that this node applies feeds to")),
  signatureSuite: setting.choice(["sha256-ed25519", "sm3-sm2"])("ZHENGTONG_SIGNATURE_SUITE", "signature suite of the node", "sha256-ed25519"),
  logLevel: setting.choice(["trace", "debug", "info", "warn", "error", "silent"])("ZHENGTONG_LOG_LEVEL", "least level that is logged", "info"),
  caFile: setting.optional(setting.text("ZHENGTONG_CA_FILE", "certificate authority of the centre, PEM")),
  healthFile: setting.optional(setting.text("ZHENGTONG_NODE_HEALTH_FILE", "file that is written every few seconds while the node has contact with the centre, for monitoring")),
} as const;

export type NodeConfig = Config<typeof nodeSettings>;

export interface SettingsSource {
  environment: Record<string, string | undefined>;
  file?: string;
}

export const loadCenterConfig = (source: SettingsSource): CenterConfig => loadConfig(centerSettings, source);
export const loadEngineConfig = (source: SettingsSource): EngineConfig => loadConfig(engineSettings, source);
export const loadNodeConfig = (source: SettingsSource): NodeConfig => loadConfig(nodeSettings, source);
