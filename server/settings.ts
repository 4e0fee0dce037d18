import { loadConfig, setting, type Config } from "#platform";

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
} as const;

export type NodeConfig = Config<typeof nodeSettings>;

export interface SettingsSource {
  environment: Record<string, string | undefined>;
  file?: string;
}

export const loadCenterConfig = (source: SettingsSource): CenterConfig => loadConfig(centerSettings, source);
export const loadNodeConfig = (source: SettingsSource): NodeConfig => loadConfig(nodeSettings, source);
