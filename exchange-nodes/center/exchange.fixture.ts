import fastify, { type FastifyInstance } from "fastify";
import { schemas, type DataItem, type Grant, type JsonSchema } from "#standards";
import { createAccess, createAuditLog, createDatabase, createEventLog, createMetrics, createNotifier, createSilentLog, createValidator, newId, platformMigrations, systemActor, systemClock, type Actor, type Kernel, type SigningKey, type SuiteName } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { exchangeMigrations, nodeMigrations } from "../migrations.ts";
import type { Assignments, GatewayClient, ProviderAssignment, SendOutcome } from "../protocol/assignments.ts";
import { copyTextLine } from "../protocol/copy-text.ts";
import { envelopeHash, signEnvelope, type EnvelopeDraft, type FeedHead, type SignedBatch } from "../protocol/envelope.ts";
import { encodePayload } from "../protocol/payload.ts";
import { connectToCenter, createGatewayClient } from "../node/agent/gateway-client.ts";
import { enrol, loadIdentity } from "../node/agent/identity.ts";
import { createNode, type ExchangeNodeProcess } from "../node/node.ts";
import { exchangeAccessRules } from "./access-rules.ts";
import { createExchangeCenter, type CreateExchangeCenterOptions, type ExchangeCenter } from "./center.ts";
import type { ExchangeEntry } from "./catalog-port.ts";
import { registerExchangeRoutes } from "./http/routes.ts";

/** A centre over HTTP with a catalog in memory, nodes enrolled through the protocol, and a provider driven by hand. */
export const items: DataItem[] = [
  { name: "身份证号", field: "citizen_number", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
  { name: "金额", field: "amount", type: "Y", length: 12, scale: 2 },
];

export const cityOffice: Actor = { id: "user_city", kind: "user", organisationId: "org_city", organisationKind: "city-data-office", roles: ["administrator"] };
export const providerOperator: Actor = { id: "user_provider", kind: "user", organisationId: "org_provider", organisationKind: "department", roles: ["node-operator", "administrator", "cataloguer"] };
export const consumerOperator: Actor = { id: "user_consumer", kind: "user", organisationId: "org_consumer", organisationKind: "department", roles: ["node-operator", "administrator"] };
export const stranger: Actor = { id: "user_stranger", kind: "user", organisationId: "org_other", organisationKind: "department", roles: ["node-operator", "administrator", "analyst"] };
export const application: Actor = { id: "app_1", kind: "application", organisationId: "org_consumer", applicationId: "app_1", roles: ["application"] };

export function newGrant(id: string, changes: Partial<Grant> = {}): Grant {
  return { id, version: 1, requestId: `request_${id}`, entryId: "entry_1", entryVersion: "1.0", providerOrganisationId: "org_provider", consumerOrganisationId: "org_consumer", legalBasis: "条例第十二条", purpose: "核对", action: "subscribe", deliveryMode: "feed", fields: ["citizen_number", "name", "amount"], keyFields: ["citizen_number"], validFrom: "2020-01-01", validUntil: "2099-12-31", state: "active", issuedAt: "2026-01-01T00:00:00.000Z", ...changes };
}

export interface TestExchange {
  center: ExchangeCenter;
  kernel: Kernel;
  url: string;
  fastify: FastifyInstance;
  grants: Map<string, Grant>;
  entries: Map<string, ExchangeEntry>;
  confirmed: string[];
  /** One more centre process on the same database, with an address of its own. */
  startCenter(): Promise<{ center: ExchangeCenter; url: string }>;
  /** Changes a grant and announces it, as the catalog does. */
  announce(kind: string, grant: Grant): Promise<void>;
  /** A node with keys of its own and a client, driven by hand. */
  enrolProvider(name: string, suite?: SuiteName): Promise<TestProvider>;
  /** A whole node with a target database. */
  startSubscriber(name: string, options?: { organisationId?: string; suite?: SuiteName }): Promise<{ node: ExchangeNodeProcess; database: TestDatabase; code: string }>;
  stop(): Promise<void>;
}

export interface TestProvider {
  nodeId: string;
  client: GatewayClient;
  key: SigningKey;
  /** The same node talking to another centre process. */
  via(url: string): GatewayClient;
  assignment(feedId: string): Promise<ProviderAssignment | undefined>;
  assignments(after?: number, waitMs?: number): Promise<Assignments>;
}

export async function startExchange(options: Partial<CreateExchangeCenterOptions> = {}): Promise<TestExchange> {
  const made = await createTestDatabase([platformMigrations, exchangeMigrations]);
  const log = createSilentLog();
  const clock = systemClock;
  const database = createDatabase({ url: made.url, log, maxConnections: 20 });
  const notifier = createNotifier({ database, log });
  await notifier.start();
  const kernel: Kernel = {
    database,
    clock,
    newId,
    log,
    access: await createAccess(exchangeAccessRules),
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId }),
    notifier,
    validator: createValidator({ schemas: Object.values(schemas) as JsonSchema[] }),
    metrics: createMetrics(),
  };
  const grants = new Map<string, Grant>();
  const entries = new Map<string, ExchangeEntry>([["entry_1", { id: "entry_1", code: "33A007/000012", title: "城乡居民养老保险", organisationId: "org_provider", state: "published", items }]]);
  const confirmed: string[] = [];
  const closers: (() => Promise<void>)[] = [];
  async function startCenter(): Promise<{ center: ExchangeCenter; url: string; app: FastifyInstance }> {
    const another = await createExchangeCenter({
      kernel,
      catalog: {
        findGrant: async (_reader, grantId) => grants.get(grantId),
        findEntry: async (_reader, entryId) => entries.get(entryId),
        confirmStopped: async (_actor, grantId, party) => void confirmed.push(`${grantId}:${party}`),
      },
      ...options,
    });
    const server = fastify({ logger: false });
    registerExchangeRoutes(server, another);
    await server.listen({ port: 0, host: "127.0.0.1" });
    await another.start();
    closers.push(async () => {
      await another.stop();
      await server.close();
    });
    return { center: another, app: server, url: `http://127.0.0.1:${(server.server.address() as { port: number }).port}` };
  }
  const { center, app, url } = await startCenter();
  const databases: TestDatabase[] = [made];
  const nodes: ExchangeNodeProcess[] = [];

  return {
    center,
    kernel,
    url,
    fastify: app,
    grants,
    entries,
    confirmed,
    startCenter,

    async announce(kind, grant) {
      grants.set(grant.id, grant);
      await database.withTransaction((tx) => kernel.eventLog.append(tx, systemActor("catalog"), [{ subjectType: "grant", subjectId: grant.id, kind, organisationId: grant.providerOrganisationId, payload: { grantId: grant.id } }]));
    },

    async enrolProvider(name, suite = "sha256-ed25519") {
      const own = await createTestDatabase([nodeMigrations]);
      databases.push(own);
      const { code } = await center.nodes.createEnrolmentCode(cityOffice, { organisationId: "org_provider", name });
      const connection = connectToCenter({ url });
      closers.push(() => connection.close());
      const identity = await loadIdentity({ database: own.database, clock, suite });
      const { nodeId, center: pinned } = await enrol({ connection, database: own.database, clock, identity, code, manifest: { name, softwareVersion: "0.1.0", protocolVersion: 1, signatureSuite: suite, publicKey: identity.key.publicKey, sealingPublicKey: identity.sealingKey.publicKey, capabilities: ["provide"], sources: [{ name: "main", kind: "postgres-direct" }] } });
      const client = createGatewayClient({ connection, nodeId, key: identity.key, center: pinned, clock });
      await client.reportSourceSchemas([{ sourceName: "main", kind: "postgres-direct", digest: "d1", relations: [{ relation: "public.people", kind: "table", primaryKey: ["id_no"], columns: [{ name: "id_no", type: "character varying(18)", nullable: false }, { name: "name", type: "text", nullable: true }, { name: "amount", type: "numeric(12,2)", nullable: true }] }] }]);
      return {
        nodeId,
        client,
        key: identity.key,
        via(other) {
          const line = connectToCenter({ url: other });
          closers.push(() => line.close());
          return createGatewayClient({ connection: line, nodeId, key: identity.key, center: pinned, clock });
        },
        assignments: (after = 0, waitMs = 0) => client.assignments({ after, waitMs }),
        async assignment(feedId) {
          return (await client.assignments({ after: 0, waitMs: 0 })).feeds.find((feed): feed is ProviderAssignment => feed.feedId === feedId && feed.role === "provider");
        },
      };
    },

    async startSubscriber(name, { organisationId = "org_consumer", suite } = {}) {
      const own = await createTestDatabase();
      databases.push(own);
      const { code } = await center.nodes.createEnrolmentCode(cityOffice, { organisationId, name });
      const node = createNode({ config: { name, softwareVersion: "0.1.0", center: { url }, databaseUrl: own.url, enrolmentCode: code, heartbeatMs: 200, ...(suite === undefined ? {} : { suite }) }, log });
      await node.start();
      nodes.push(node);
      return { node, database: own, code };
    },

    async stop() {
      for (const node of nodes) await node.stop();
      for (const close of closers.reverse()) await close();
      await notifier.stop();
      await database.close();
      for (const one of databases) await one.drop();
    },
  };
}

/** Makes batches for an assignment, continuing from `head`. */
export async function makeBatch(provider: TestProvider, assignment: ProviderAssignment, head: FeedHead, kind: EnvelopeDraft["kind"], rows: (string | null)[][] = [], changes: Partial<EnvelopeDraft> = {}): Promise<SignedBatch> {
  const plain = Buffer.from(rows.map(copyTextLine).join(""));
  const context = { feedId: assignment.feedId, grantId: assignment.grant.id };
  const { payload, ...encoded } = await encodePayload(plain, { content: "copy-text", suite: provider.key.suite, context, ...(assignment.subscriberSealingKey === undefined ? {} : { sealTo: assignment.subscriberSealingKey }) });
  const deletes = kind === "changes" ? rows.filter(([op]) => op === "D").length : 0;
  const envelope = signEnvelope({ ...context, grantVersion: assignment.grant.version, providerNodeId: provider.nodeId, generation: assignment.generation, sequence: head.sequence + 1, kind, rows: rows.length - deletes, deletes, fromPosition: "100", toPosition: "100", previousHash: head.hash, createdAt: new Date(Date.parse("2026-11-22T03:00:00Z")).toISOString(), ...encoded, ...changes }, provider.key);
  return { envelope, payload };
}

/** Makes and sends a chain of batches. */
export async function send(provider: TestProvider, assignment: ProviderAssignment, head: FeedHead, list: [EnvelopeDraft["kind"], (string | null)[][]?, Partial<EnvelopeDraft>?][]): Promise<{ outcomes: SendOutcome[]; head: FeedHead; batches: SignedBatch[] }> {
  const batches: SignedBatch[] = [];
  let at = head;
  for (const [kind, rows, changes] of list) {
    const batch = await makeBatch(provider, assignment, at, kind, rows, changes);
    batches.push(batch);
    at = { sequence: batch.envelope.sequence, hash: envelopeHash(batch.envelope) };
  }
  return { outcomes: await provider.client.sendBatches(batches), head: at, batches };
}

/** Looks again after each of the database's notifications, and now and then, until it holds. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, 30));
  }
}
