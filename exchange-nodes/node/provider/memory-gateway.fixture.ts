import type { DataItem, Grant } from "#standards";
import { createMetrics, createSilentLog, getSuite, systemClock, newId, type Clock, type Database, type SigningKey } from "#platform";
import type { FeedProblem, GatewayClient, ProviderAssignment, SendOutcome } from "../../protocol/assignments.ts";
import { defaultFeedLimits } from "../../protocol/assignments.ts";
import { parseCopyTextLine, wireFields } from "../../protocol/copy-text.ts";
import { emptyHead, verifyEnvelope, type FeedHead, type SignedBatch } from "../../protocol/envelope.ts";
import { decodePayload } from "../../protocol/payload.ts";
import type { NodeProvider } from "../provider-port.ts";
import type { SourceConfig } from "./context.ts";
import { createProvider } from "./provider.ts";

/**
 * A centre and a subscriber in memory, strict about the protocol: every batch is verified and chained, a repeated one
 * is taken once, and rows are applied by position as a target table would.
 */
export interface MemoryFeed {
  head: FeedHead;
  generation: number;
  live: Map<string, { values: string; lsn: number; index: number }>;
  /** The table being built beside, during a refresh. */
  building: Map<string, { values: string; lsn: number; index: number }> | undefined;
  kinds: string[];
  /** Every line that ever came, as text. */
  lines: string[];
  checksums: { buckets: number; values: [number, number, string][] }[];
  ended: boolean;
}

export interface MemoryGateway extends GatewayClient {
  feeds: Map<string, MemoryFeed>;
  problems: { feedId: string; problem: FeedProblem }[];
  refreshes: { feedId: string; reason: string }[];
  stops: { feedId: string; sequence: number }[];
  /** Answers `wait` while true: the centre cannot be reached. */
  unreachable: boolean;
  received(): number;
}

export function createMemoryGateway(key: SigningKey): MemoryGateway {
  const feeds = new Map<string, MemoryFeed>();
  const tombstones = new Map<string, { lsn: number; index: number }>();

  function apply(feedId: string, feed: MemoryFeed, operation: string, lsn: number, index: number, fields: string[], keyCount: number): void {
    const key = fields.slice(0, keyCount).join("\u001f");
    const table = feed.building ?? feed.live;
    const known = table.get(key);
    const gone = tombstones.get(`${feedId} ${feed.generation} ${key}`);
    const newest = [known, gone].filter((at) => at !== undefined).sort((a, b) => b.lsn - a.lsn || b.index - a.index)[0];
    if (newest && (newest.lsn > lsn || (newest.lsn === lsn && newest.index > index))) return;
    if (operation === "D") {
      table.delete(key);
      tombstones.set(`${feedId} ${feed.generation} ${key}`, { lsn, index });
    } else table.set(key, { values: fields.join("\t"), lsn, index });
  }

  async function take({ envelope, payload }: SignedBatch): Promise<SendOutcome> {
    const { feedId } = envelope;
    const feed: MemoryFeed = feeds.get(feedId) ?? { head: emptyHead, generation: 0, live: new Map(), building: undefined, kinds: [], lines: [], checksums: [], ended: false };
    feeds.set(feedId, feed);
    if (envelope.sequence <= feed.head.sequence) return { feedId, outcome: "accepted", head: feed.head };
    const verdict = verifyEnvelope({ envelope, payload }, { feedId, grantId: envelope.grantId, providerNodeId: "node_1", publicKey: key.publicKey, suite: key.suite }, feed.head);
    if (!verdict.ok) return { feedId, outcome: "failed", check: verdict.check, sequence: envelope.sequence, reason: verdict.message, zh: verdict.zh, head: feed.head };
    const plain = (await decodePayload(payload, envelope)).toString("utf8");
    feed.head = { sequence: envelope.sequence, hash: verdict.hash };
    feed.kinds.push(envelope.kind);
    const keyCount = keyCounts.get(feedId) ?? 1;
    if (envelope.kind === "checksum") feed.checksums.push(JSON.parse(plain) as MemoryFeed["checksums"][number]);
    else if (envelope.kind === "refresh-begin") {
      feed.generation = envelope.generation;
      feed.building = new Map();
    } else if (envelope.kind === "refresh-end") {
      feed.live = feed.building!;
      feed.building = undefined;
    } else if (envelope.kind === "end") feed.ended = true;
    else {
      const lines = plain.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
      feed.lines.push(...lines);
      if (envelope.rows + envelope.deletes !== lines.length) throw new Error(`batch ${envelope.sequence} says ${envelope.rows} + ${envelope.deletes} rows and has ${lines.length}`);
      for (const line of lines) {
        const fields = parseCopyTextLine(line).map((value) => value ?? "\\N");
        if (envelope.kind === "chunk") apply(feedId, feed, "U", Number(envelope.fromPosition.split(":")[0]), 0, fields, keyCount);
        else apply(feedId, feed, fields[0]!, Number(fields[1]), Number(fields[2]), fields.slice(3), keyCount);
      }
    }
    return { feedId, outcome: "accepted", head: feed.head };
  }

  const keyCounts = new Map<string, number>();
  const gateway: MemoryGateway = {
    nodeId: "node_1",
    feeds,
    problems: [],
    refreshes: [],
    stops: [],
    unreachable: false,
    received: () => [...feeds.values()].reduce((sum, feed) => sum + feed.head.sequence, 0),
    async sendBatches(batches) {
      const outcomes = new Map<string, SendOutcome>();
      for (const batch of batches) {
        const { feedId } = batch.envelope;
        if (gateway.unreachable) outcomes.set(feedId, { feedId, outcome: "wait", retryAfterMs: 20, reason: "away", zh: "不可用" });
        else if (outcomes.get(feedId)?.outcome !== "failed") outcomes.set(feedId, await take(batch));
      }
      return [...outcomes.values()];
    },
    async requestRefresh(feedId, reason) {
      gateway.refreshes.push({ feedId, reason });
    },
    async reportProblem(feedId, problem) {
      gateway.problems.push({ feedId, problem });
    },
    async confirmStopped(feedId, { sequence }) {
      gateway.stops.push({ feedId, sequence });
    },
    readBatches: () => Promise.reject(new Error("not a subscriber")),
    assignments: () => Promise.reject(new Error("assignments are given by the test")),
    heartbeat: () => Promise.reject(new Error("no heartbeat")),
    reportSourceSchemas: async () => undefined,
    acknowledgeCommand: async () => undefined,
    reportChecksums: async () => undefined,
    clockOffsetMs: () => 0,
  };
  return gateway;
}

const suite = getSuite("sha256-ed25519");
export const testKey = suite.load(suite.generate().privateKey);

export interface AssignmentInput {
  feedId: string;
  items: DataItem[];
  relation: string;
  fields?: string[];
  rowCondition?: Grant["rowCondition"];
  masks?: Grant["masks"];
  columns?: Record<string, string>;
  state?: ProviderAssignment["state"];
  generation?: number;
  limits?: Partial<ProviderAssignment["limits"]>;
  updateTimeColumn?: string;
  deliveryMode?: Grant["deliveryMode"];
  grantVersion?: number;
  head?: FeedHead;
}

/** A grant of every item of an entry, or of those named, over a relation of source `main`. */
export function newAssignment(input: AssignmentInput): ProviderAssignment {
  const keyFields = input.items.filter((item) => item.key).map((item) => item.field) as [string, ...string[]];
  const fields = input.fields ?? input.items.map((item) => item.field);
  const grant: Grant = {
    id: `grant_${input.feedId}`,
    version: input.grantVersion ?? 1,
    requestId: "request_1",
    entryId: "entry_1",
    entryVersion: "1.0",
    providerOrganisationId: "org_provider",
    consumerOrganisationId: "org_consumer",
    legalBasis: "条例",
    purpose: "核验",
    action: "subscribe",
    deliveryMode: input.deliveryMode ?? "feed",
    fields: fields as [string, ...string[]],
    keyFields,
    ...(input.rowCondition ? { rowCondition: input.rowCondition } : {}),
    ...(input.masks ? { masks: input.masks } : {}),
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
    state: "active",
    issuedAt: "2026-01-01T00:00:00Z",
  };
  return {
    role: "provider",
    feedId: input.feedId,
    grant,
    items: wireFields(grant).map((field) => input.items.find((item) => item.field === field)!),
    entryItems: input.items,
    state: input.state ?? "flowing",
    generation: input.generation ?? 1,
    scopeVersion: input.grantVersion ?? 1,
    suite: "sha256-ed25519",
    limits: { ...defaultFeedLimits, ...input.limits },
    binding: { sourceName: "main", kind: "postgres-direct", relation: input.relation, columns: input.columns ?? Object.fromEntries(input.items.map((item) => [item.field, item.field])), options: {}, ...(input.updateTimeColumn ? { updateTimeColumn: input.updateTimeColumn } : {}) },
    head: input.head ?? emptyHead,
  };
}

export function startProvider(options: { nodeDatabase: Database; gateway: GatewayClient; source: SourceConfig; clock?: Clock; fault?: (point: string) => void | Promise<void> }): NodeProvider {
  return createProvider({ nodeDatabase: options.nodeDatabase, gateway: options.gateway, nodeId: "node_1", signingKey: testKey, sources: [options.source], clock: options.clock ?? systemClock, log: createSilentLog(), newId, metrics: createMetrics(), ...(options.fault ? { fault: options.fault } : {}) });
}

/** Waits for a state that background work brings about; looks every few milliseconds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 15_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; ; ) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`still waiting: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
