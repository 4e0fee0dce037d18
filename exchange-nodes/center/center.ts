import { createLoop, createReleasers, drainEvents, eventChannel, systemActor, type DomainEvent, type Kernel, type Loop, type SigningKey, type SuiteName, type Transaction } from "#platform";
import { createAccounting, type Accounting, type Retention } from "./accounting.ts";
import type { ExchangeCatalog } from "./catalog-port.ts";
import { loadCenterKey } from "./center-key.ts";
import { assignmentsChannel, createEffects, writeEffects } from "./effects.ts";
import { createEvidenceService, type EvidenceService } from "./evidence.ts";
import { createExchangeGauges } from "./exchange-gauges.ts";
import type { FeedLog } from "./feed-log/feed-log.ts";
import { createPostgresFeedLog } from "./feed-log/postgres-feed-log.ts";
import { createLogGauges } from "./feed-log/log-gauges.ts";
import { createGateway, type Gateway, type GatewayLimits } from "./gateway.ts";
import { createGrantAuthority, type GrantAuthority } from "./grant-authority.ts";
import type { ExchangeNode } from "./model/node.ts";
import { createFeedRecords, type FeedRecords } from "./records.ts";
import { findNode } from "./repositories/nodes.ts";
import { createBindingService, type BindingService } from "./services/binding-service.ts";
import { createFeedLifecycle } from "./services/feed-lifecycle.ts";
import { createFeedService, type FeedService } from "./services/feed-service.ts";
import { createNodeService, type NodeService } from "./services/node-service.ts";
import { createStopping } from "./stopping.ts";
import { createWaiters } from "./waiters.ts";

/** The exchange's part of a centre process. Any number of them may run on one database. */
export interface ExchangeCenter {
  kernel: Kernel;
  nodes: NodeService;
  bindings: BindingService;
  feeds: FeedService;
  gateway: Gateway;
  records: FeedRecords;
  evidence: EvidenceService;
  authority: GrantAuthority;
  feedLog: FeedLog;
  accounting: Accounting;
  centerKey: SigningKey;
  /** What is needed to check a node's signature, from memory. */
  findNodeKey(nodeId: string): Promise<NodeKey | undefined>;
  /** Handles waiting events now; for tests and commands that need the result at once. */
  settle(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface NodeKey {
  id: string;
  name: string;
  organisationId: string;
  state: ExchangeNode["state"];
  publicKey: string;
  suite: SuiteName;
}

export interface CreateExchangeCenterOptions {
  kernel: Kernel;
  catalog: ExchangeCatalog;
  /** Default: in the kernel's PostgreSQL. */
  feedLog?: FeedLog;
  authority?: GrantAuthority;
  /** Suite of the centre's own signatures. Default sha256-ed25519. */
  suite?: SuiteName;
  gatewayLimits?: Partial<GatewayLimits>;
  retention?: Retention;
}

const consumerName = "exchange-feeds";
const consumedKinds = ["grant.issued", "grant.changed", "grant.suspended", "grant.resumed", "grant.revoking", "grant.revoked", "grant.expired", "entry.published", "node.enrolled"];
const nodeKeyMs = 2_000;

export async function createExchangeCenter(options: CreateExchangeCenterOptions): Promise<ExchangeCenter> {
  const { kernel, catalog } = options;
  const { database, clock, notifier, log, eventLog } = kernel;
  const actor = systemActor("exchange");
  const centerKey = await loadCenterKey({ database, clock, suite: options.suite ?? "sha256-ed25519" });
  const feedLog = options.feedLog ?? createPostgresFeedLog({ database, notifier, clock });
  const authority = options.authority ?? createGrantAuthority({ kernel, catalog });
  const assignmentWaiters = createWaiters();
  const lifecycle = createFeedLifecycle({ kernel, catalog, feedLog });
  const stopping = createStopping({ kernel, catalog, feedLog, lifecycle });
  const feeds = createFeedService({ kernel, catalog, feedLog, lifecycle, assignmentWaiters, onStopProgress: () => stopping.wake() });
  const bindings = createBindingService({ kernel, catalog, lifecycle });
  const nodes = createNodeService({ kernel, centerKey, onRetired: () => stopping.wake() });
  const accounting = createAccounting({ kernel, feedLog, ...(options.retention === undefined ? {} : { retention: options.retention }) });
  const evidence = createEvidenceService({ kernel });
  const gateway = createGateway({ kernel, feedLog, authority, feeds, onAppended: accounting.note, ...(options.gatewayLimits === undefined ? {} : { limits: options.gatewayLimits }) });
  const records = createFeedRecords({ kernel, feedLog, authority });

  /** Events move feeds; which one happened matters less than how things stand now. */
  async function handle(tx: Transaction, events: DomainEvent[]): Promise<void> {
    const effects = createEffects();
    for (const event of events) {
      if (event.subjectType === "grant") await lifecycle.reconcile(tx, actor, event.subjectId, event.at, effects);
      else if (event.subjectType === "entry") await bindings.recheck(tx, event.subjectId, effects);
      else if (event.subjectType === "node") {
        const { rows } = await tx.query<{ grant_id: string }>("select f.grant_id from exchange.feed f where f.state = 'provisioning' order by f.id");
        for (const row of rows) await lifecycle.reconcile(tx, actor, row.grant_id, event.at, effects);
      }
    }
    await writeEffects(kernel, tx, actor, effects);
  }

  const drain = () => drainEvents({ database, eventLog, name: consumerName, kinds: consumedKinds, handle });
  const consumer: Loop = createLoop({
    name: consumerName,
    intervalMs: 5_000,
    // A revocation may wait in these events: after a failure they are looked at again at once.
    maxDelayMs: 250,
    log,
    run: async () => {
      if ((await drain()) > 0) stopping.wake();
    },
  });
  const sweeper = createLoop({ name: "exchange-node-sweep", intervalMs: 5_000, log, run: async () => void (await nodes.sweep(actor)) });

  const gauges = createLogGauges({ database, metrics: kernel.metrics, log });
  const exchangeGauges = createExchangeGauges({ database, metrics: kernel.metrics, log });

  let nodeKeys = new Map<string, { key: NodeKey; until: number }>();
  async function findNodeKey(nodeId: string): Promise<NodeKey | undefined> {
    const now = clock.now().getTime();
    const found = nodeKeys.get(nodeId);
    if (found && now < found.until && now >= found.until - nodeKeyMs) return found.key;
    const mine = nodeKeys;
    const node = await database.read((reader) => findNode(reader, nodeId));
    if (node?.publicKey === undefined || node.suite === undefined) return undefined;
    const key: NodeKey = { id: node.id, name: node.name, organisationId: node.organisationId, state: node.state, publicKey: node.publicKey, suite: node.suite };
    mine.set(nodeId, { key, until: now + nodeKeyMs });
    return key;
  }

  const releasers = createReleasers(log);
  let started = false;

  return {
    kernel,
    nodes,
    bindings,
    feeds,
    gateway,
    records,
    evidence,
    authority,
    feedLog,
    accounting,
    centerKey,
    findNodeKey,

    async settle() {
      await drain();
      await stopping.runOnce();
    },

    async start() {
      if (started) return;
      started = true;
      const listen = (channel: string, wake: (payload: string) => void) => releasers.add(`listen ${channel}`, notifier.listen(channel, wake));
      listen(assignmentsChannel, (nodeId) => {
        if (nodeId === "") {
          nodeKeys = new Map();
          assignmentWaiters.wakeAll();
        } else {
          nodeKeys.delete(nodeId);
          assignmentWaiters.wake(nodeId);
        }
      });
      listen(eventChannel, () => consumer.wake());
      authority.start();
      releasers.add("authority", () => authority.stop());
      gateway.start();
      releasers.add("gateway", () => gateway.stop());
      await feedLog.start();
      releasers.add("feed log", () => feedLog.stop());
      for (const [name, loop] of [["consumer", consumer], ["stopping", stopping], ["accounting", accounting], ["evidence", evidence], ["sweeper", sweeper], ["gauges", gauges], ["exchange gauges", exchangeGauges]] as const) {
        loop.start();
        releasers.add(name, () => loop.stop());
      }
    },

    async stop() {
      if (!started) return;
      started = false;
      assignmentWaiters.wakeAll();
      await releasers.releaseAll();
    },
  };
}
