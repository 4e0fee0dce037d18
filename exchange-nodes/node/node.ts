import type { NodeManifest, SourceKind } from "#standards";
import { createDatabase, createReleasers, InputError, migrate, systemClock, type Clock, type Database, type Log, type SigningKey, type SuiteName } from "#platform";
import { nodeMigrations } from "../migrations.ts";
import type { FeedHealth, GatewayClient, SourceHealth } from "../protocol/assignments.ts";
import { protocolVersion } from "../protocol/envelope.ts";
import { createNodeAgent } from "./agent/agent.ts";
import { connectToCenter, createGatewayClient, type CenterAddress } from "./agent/gateway-client.ts";
import { enrol, loadIdentity } from "./agent/identity.ts";
import type { NodeProvider } from "./provider-port.ts";
import type { CreateFeedApplierOptions } from "./subscriber/feed-applier.ts";
import { createSubscriber } from "./subscriber/subscriber.ts";

export interface NodeConfig {
  name: string;
  softwareVersion: string;
  center: CenterAddress;
  /** The node's own PostgreSQL: keys, positions, outbox, park; the front-end database. */
  databaseUrl: string;
  /** Only for the first start. */
  enrolmentCode?: string;
  /** Suite of the key made at the first start. */
  suite?: SuiteName;
  sources?: { name: string; kind: SourceKind; description?: string }[];
  /** Databases that feeds may be applied to, by the name that routes use. `default` is the node's own when not given. */
  targets?: Record<string, string>;
  /** Connections that apply one feed at once. */
  appliers?: number;
  heartbeatMs?: number;
}

export interface ProviderContext {
  client: GatewayClient;
  database: Database;
  nodeId: string;
  key: SigningKey;
  clock: Clock;
  log: Log;
}

export interface CreateNodeOptions {
  config: NodeConfig;
  log: Log;
  clock?: Clock;
  /** Makes the sending side; a node without sources has none. */
  createProvider?: (context: ProviderContext) => NodeProvider | Promise<NodeProvider>;
  /** For fault injection. */
  beforeCommit?: CreateFeedApplierOptions["beforeCommit"];
}

export interface NodeStatus {
  nodeId?: string;
  connected: boolean;
  error?: string;
  feeds: FeedHealth[];
  sources: SourceHealth[];
}

export interface ExchangeNodeProcess {
  /** Migrates its database, enrols if it has not, and starts to work. */
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): NodeStatus;
}

/**
 * A department's exchange node. It opens connections outwards only, to one address; it is the same in a process of
 * its own and inside the all-in-one process, where it speaks to the centre over loopback.
 */
export function createNode({ config, log, clock = systemClock, createProvider, beforeCommit }: CreateNodeOptions): ExchangeNodeProcess {
  const releasers = createReleasers(log);
  let status: () => NodeStatus = () => ({ connected: false, feeds: [], sources: [] });
  let started = false;

  async function startAll(): Promise<void> {
    const database = createDatabase({ url: config.databaseUrl, log, applicationName: `zhengtong-node ${config.name}`, maxConnections: 12 });
    releasers.add("database", () => database.close());
    await migrate(database, [nodeMigrations]);
    const connection = connectToCenter(config.center);
    releasers.add("connection", () => connection.close());
    const identity = await loadIdentity({ database, clock, suite: config.suite ?? "sha256-ed25519" });
    const manifest: NodeManifest = {
      name: config.name,
      softwareVersion: config.softwareVersion,
      protocolVersion,
      signatureSuite: identity.key.suite,
      publicKey: identity.key.publicKey,
      sealingPublicKey: identity.sealingKey.publicKey,
      capabilities: createProvider ? ["provide", "subscribe"] : ["subscribe"],
      sources: config.sources ?? [],
    };
    let { enrolled } = identity;
    if (!enrolled) {
      if (config.enrolmentCode === undefined) throw new InputError(`Node ${config.name} is not enrolled and has no enrolment code`, { zh: `节点“${config.name}”尚未注册,且没有注册码`, code: "node.not-enrolled", nextStep: "Ask the city data office for a code and give it in the node's configuration." });
      enrolled = await enrol({ connection, database, clock, identity, manifest, code: config.enrolmentCode });
      log.info({ nodeId: enrolled.nodeId }, "node enrolled");
    }
    const client = createGatewayClient({ connection, nodeId: enrolled.nodeId, key: identity.key, center: enrolled.center, clock });
    const subscriber = createSubscriber({ client, targets: { default: config.databaseUrl, ...config.targets }, sealingKey: identity.sealingKey, clock, log, ...(config.appliers === undefined ? {} : { appliers: config.appliers }), ...(beforeCommit === undefined ? {} : { beforeCommit }) });
    releasers.add("subscriber", () => subscriber.stop());
    const provider = await createProvider?.({ client, database, nodeId: enrolled.nodeId, key: identity.key, clock, log });
    if (provider) {
      releasers.add("provider", () => provider.stop());
      await provider.start();
    }
    const agent = createNodeAgent({ client, database, subscriber, manifest, clock, log, ...(provider === undefined ? {} : { provider }), ...(config.heartbeatMs === undefined ? {} : { heartbeatMs: config.heartbeatMs }) });
    releasers.add("agent", () => agent.stop());
    agent.start();
    const { nodeId } = enrolled;
    status = () => {
      const { connected, error } = agent.status();
      const provided = provider?.health() ?? { feeds: [], sources: [] };
      return { nodeId, connected, feeds: [...provided.feeds, ...subscriber.health()], sources: provided.sources, ...(error === undefined ? {} : { error }) };
    };
  }

  return {
    async start() {
      if (started) return;
      started = true;
      try {
        await startAll();
      } catch (error) {
        started = false;
        await releasers.releaseAll();
        throw error;
      }
    },
    async stop() {
      if (!started) return;
      started = false;
      await releasers.releaseAll();
    },
    status: () => status(),
  };
}
