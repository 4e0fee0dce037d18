import type { Admin } from "kafkajs";
import { describeError, UnavailableError, type Log } from "#platform";
import { defaultTopicPrefix, feedIdOf, kafkaJsSettings, maxRecordBytes, readerGroupOf, topicOf, type KafkaConnection, type KafkaTopicSettings } from "./connection.ts";
import { kafkaUnavailable } from "./unavailable.ts";

export interface TopicState {
  topic: string;
  feedId: string;
  replicas: number;
  inSync: number;
}

export interface ClusterState {
  brokers: number;
  /** How many feed topics there are, and those with fewer copies in sync than they should have. */
  topics: TopicState[];
  /** Settings of feed topics that would lose batches or refuse them, in words. */
  misconfigured: { topic: string; setting: string; value: string; wanted: string }[];
}

/**
 * Topics and access rules, through Kafka's administration calls. (node-rdkafka can make topics and no more; kafkajs,
 * which is plain JavaScript, carries the rest.)
 */
export interface TopicAdmin {
  /** Makes the feed's topic if it is not there. Asked once per feed and process. */
  ensureTopic(feedId: string): Promise<void>;
  /** The topic was found missing: the next `ensureTopic` looks again. */
  forgetTopic(feedId: string): void;
  deleteTopic(feedId: string): Promise<void>;
  /** First offset that a topic holds, and the one that its next record gets; undefined when there is no such topic. */
  rangeOf(topic: string): Promise<{ low: number; high: number } | undefined>;
  /** Frees what lies before `offset`. */
  deleteRecordsBefore(feedId: string, offset: number): Promise<void>;
  describe(): Promise<ClusterState>;
  /** What a centre needs, given to `principal` (`User:center`) on this installation's names only. */
  allow(principal: string): Promise<void>;
  revoke(principal: string): Promise<void>;
  /** Who may do what on this installation's names, by rules that the cluster keeps. */
  listRules(): Promise<{ resource: string; principal: string; operation: string; permission: string }[]>;
  stop(): Promise<void>;
}

export interface CreateTopicAdminOptions {
  connection: KafkaConnection;
  topics?: KafkaTopicSettings;
  log: Log;
}

const dayMs = 86_400_000;

/** What a feed's topic is made with. Its log is only ever cut at its old end: compaction would take batches out of the middle. */
export function feedTopicConfig(settings: KafkaTopicSettings): Record<string, string> {
  return {
    "cleanup.policy": "delete",
    "retention.ms": String(settings.retentionMs ?? 14 * dayMs),
    "retention.bytes": String(settings.retentionBytes ?? -1),
    "segment.bytes": String(settings.segmentBytes ?? 256 * 1024 * 1024),
    "max.message.bytes": String(maxRecordBytes),
    "unclean.leader.election.enable": "false",
    "compression.type": "producer",
    ...(settings.minInSyncReplicas === undefined ? {} : { "min.insync.replicas": String(settings.minInSyncReplicas) }),
  };
}

async function loadKafkaJs(): Promise<typeof import("kafkajs")> {
  try {
    const loaded = (await import("kafkajs")) as unknown as { default: typeof import("kafkajs") };
    return loaded.default;
  } catch (cause) {
    throw new UnavailableError("Kafka is configured as the feed log, but the package kafkajs is not installed", { zh: "已配置 Kafka,但未安装 kafkajs", code: "kafka.client-missing", nextStep: "Install with optional dependencies: npm ci --include=optional", cause });
  }
}

/** An error about several topics says nothing itself; what it carries does. */
function reasonsOf(error: unknown): string {
  const each = error instanceof Error && "errors" in error && Array.isArray(error.errors) ? error.errors.map((one: unknown) => describeError(one)) : [];
  return each.length > 0 ? [...new Set(each)].join("; ") : describeError(error);
}

function isUnknownTopic(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if ("type" in at && at.type === "UNKNOWN_TOPIC_OR_PARTITION") return true;
  return false;
}

export async function createTopicAdmin({ connection, topics = {}, log }: CreateTopicAdminOptions): Promise<TopicAdmin> {
  const kafkajs = await loadKafkaJs();
  const prefix = topics.prefix ?? defaultTopicPrefix;
  const client = new kafkajs.Kafka(kafkaJsSettings(connection, log));
  let opened: Promise<Admin> | undefined;
  const ensured = new Map<string, Promise<void>>();
  const operations = kafkajs.AclOperationTypes;
  const nameOf = (table: Record<string, string | number>, value: number) => Object.entries(table).find(([, number]) => number === value)?.[0] ?? String(value);

  async function withAdmin<T>(what: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    opened ??= (async () => {
      const admin = client.admin();
      await admin.connect();
      return admin;
    })();
    const mine = opened;
    try {
      return await work(await mine);
    } catch (error) {
      if (opened === mine) opened = undefined;
      await mine.then((admin) => admin.disconnect(), () => undefined);
      throw kafkaUnavailable(`${what}: ${reasonsOf(error)}`, error);
    }
  }

  async function makeTopic(feedId: string): Promise<void> {
    const topic = topicOf(prefix, feedId);
    const configEntries = Object.entries(feedTopicConfig(topics)).map(([name, value]) => ({ name, value }));
    // False when it is there already, by whichever process.
    const made = await withAdmin(`making ${topic}`, (admin) => admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 1, replicationFactor: topics.replicas ?? -1, configEntries }] }));
    if (made) log.info({ topic }, "topic of a feed made");
  }

  function rulesFor(principal: string) {
    const common = { resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED, principal, host: "*", permissionType: kafkajs.AclPermissionTypes.ALLOW };
    const onTopics = [operations.CREATE, operations.DELETE, operations.READ, operations.WRITE, operations.DESCRIBE, operations.DESCRIBE_CONFIGS, operations.ALTER_CONFIGS].map((operation) => ({ ...common, resourceType: kafkajs.AclResourceTypes.TOPIC, resourceName: `${prefix}.feed.`, operation }));
    const onGroup = [operations.DESCRIBE, operations.READ].map((operation) => ({ ...common, resourceType: kafkajs.AclResourceTypes.GROUP, resourceName: readerGroupOf(prefix), operation }));
    return [...onTopics, ...onGroup];
  }

  return {
    ensureTopic(feedId) {
      let made = ensured.get(feedId);
      if (!made) {
        made = makeTopic(feedId);
        if (ensured.size > 100_000) ensured.clear();
        ensured.set(feedId, made);
        made.catch(() => ensured.delete(feedId));
      }
      return made;
    },

    forgetTopic: (feedId) => void ensured.delete(feedId),

    async deleteTopic(feedId) {
      ensured.delete(feedId);
      await withAdmin("deleting a topic", (admin) => admin.deleteTopics({ topics: [topicOf(prefix, feedId)] }));
    },

    async rangeOf(topic) {
      return withAdmin("asking where a topic begins and ends", async (admin) => {
        try {
          const [partition] = await admin.fetchTopicOffsets(topic);
          return partition && { low: Number(partition.low), high: Number(partition.high) };
        } catch (error) {
          if (isUnknownTopic(error)) return undefined;
          throw error;
        }
      });
    },

    async deleteRecordsBefore(feedId, offset) {
      const topic = topicOf(prefix, feedId);
      await withAdmin("freeing records", async (admin) => {
        // kafkajs 2.2.4 looks for the partition's leader before it has asked about the topic; this asks.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
      });
    },

    async describe() {
      return withAdmin("describing the cluster", async (admin) => {
        const { brokers } = await admin.describeCluster();
        const names = (await admin.listTopics()).filter((topic) => feedIdOf(prefix, topic) !== undefined);
        const described: TopicState[] = [];
        const misconfigured: ClusterState["misconfigured"] = [];
        for (let at = 0; at < names.length; at += 200) {
          const page = names.slice(at, at + 200);
          for (const { name, partitions } of (await admin.fetchTopicMetadata({ topics: page })).topics) {
            described.push({ topic: name, feedId: feedIdOf(prefix, name)!, replicas: partitions[0]?.replicas.length ?? 0, inSync: partitions[0]?.isr.length ?? 0 });
            if (partitions.length !== 1) misconfigured.push({ topic: name, setting: "partitions", value: String(partitions.length), wanted: "1" });
          }
          const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: page.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ["cleanup.policy", "max.message.bytes"] })) });
          for (const { resourceName, configEntries } of resources) {
            for (const { configName, configValue } of configEntries) {
              if (configName === "cleanup.policy" && configValue !== "delete") misconfigured.push({ topic: resourceName, setting: configName, value: configValue, wanted: "delete" });
              if (configName === "max.message.bytes" && Number(configValue) < maxRecordBytes) misconfigured.push({ topic: resourceName, setting: configName, value: configValue, wanted: `at least ${maxRecordBytes}` });
            }
          }
        }
        return { brokers: brokers.length, topics: described, misconfigured };
      });
    },

    async allow(principal) {
      await withAdmin("giving access", (admin) => admin.createAcls({ acl: rulesFor(principal) }));
    },

    async revoke(principal) {
      const filters = [...new Map(rulesFor(principal).map((rule) => [rule.resourceName, { ...rule, operation: kafkajs.AclOperationTypes.ANY, permissionType: kafkajs.AclPermissionTypes.ANY }])).values()];
      await withAdmin("taking access", (admin) => admin.deleteAcls({ filters }));
    },

    async listRules() {
      return withAdmin("listing access rules", async (admin) => {
        const found: { resource: string; principal: string; operation: string; permission: string }[] = [];
        for (const [resourceType, resourceName] of [[kafkajs.AclResourceTypes.TOPIC, `${prefix}.feed.`], [kafkajs.AclResourceTypes.GROUP, readerGroupOf(prefix)]] as const) {
          const { resources } = await admin.describeAcls({ resourceType, resourceName, resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED, operation: kafkajs.AclOperationTypes.ANY, permissionType: kafkajs.AclPermissionTypes.ANY });
          for (const resource of resources) for (const rule of resource.acls) found.push({ resource: `${nameOf(kafkajs.AclResourceTypes as never, resource.resourceType)} ${resource.resourceName}`, principal: rule.principal, operation: nameOf(kafkajs.AclOperationTypes as never, rule.operation), permission: nameOf(kafkajs.AclPermissionTypes as never, rule.permissionType) });
        }
        return found;
      });
    },

    async stop() {
      const mine = opened;
      opened = undefined;
      await mine?.then((admin) => admin.disconnect(), () => undefined);
    },
  };
}
