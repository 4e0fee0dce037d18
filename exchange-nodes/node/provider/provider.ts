import { setTimeout as pause } from "node:timers/promises";
import { canonicalJson, createLoop, describeError, sha256, type Clock, type Database, type Log, type Metrics, type NewId, type SigningKey } from "#platform";
import type { FeedHealth, GatewayClient, ProviderAssignment, SourceSchemaReport } from "../../protocol/assignments.ts";
import type { NodeProvider } from "../provider-port.ts";
import { openFrontDatabase } from "../sources/source-database.ts";
import { raiseProblem, type FeedRuntime, type ProviderContext, type SourceConfig } from "./context.ts";
import { findFeed, measureOutbox, parkedKeys, stopFeed, type FeedRecord, type OutboxSize } from "./feed-store.ts";
import { discardParked, replayParked } from "./parked-rows.ts";
import { sendChecksums, sendRepair } from "./reconcile-commands.ts";
import { createFeedSender } from "./sender.ts";
import { createSourceEngine, type SourceEngine } from "./source-engine.ts";

export interface CreateProviderOptions {
  nodeDatabase: Database;
  gateway: GatewayClient;
  nodeId: string;
  signingKey: SigningKey;
  sources: readonly SourceConfig[];
  clock: Clock;
  log: Log;
  newId: NewId;
  metrics: Metrics;
  /** For fault injection. */
  fault?: ProviderContext["fault"];
}

/** What waits and what is parked, as last measured. */
interface Measure {
  record: FeedRecord | undefined;
  outbox: OutboxSize;
  parked: number;
}

const measureMs = 2_000;
const probeMs = 10_000;
/** How long a question about a feed waits for a capture that is begun again because assignments changed. */
const captureMs = 10_000;

/** The sending side of a node: one capture per source, one sender per feed. */
export function createProvider(options: CreateProviderOptions): NodeProvider {
  const { nodeDatabase, gateway, log, clock } = options;
  const frontDatabase = openFrontDatabase({ url: nodeDatabase.url, log });
  const context: ProviderContext = { nodeDatabase, frontDatabase, gateway, signingKey: options.signingKey, clock, log, newId: options.newId, metrics: options.metrics, fault: options.fault ?? (() => undefined) };
  const runtimes = new Map<string, FeedRuntime>();
  const measures = new Map<string, Measure>();
  const confirmed = new Set<string>();
  let stopping = false;
  /** Captures begin with the first assignments. */
  let engaged = false;

  const engines = new Map<string, SourceEngine>(
    options.sources.map((config) => [
      config.name,
      createSourceEngine({ context, config, runtimes: () => [...runtimes.values()].filter(({ assignment }) => assignment.binding.sourceName === config.name && assignment.state !== "stopping") }),
    ]),
  );

  const measuring = createLoop({
    name: "provider-measure",
    intervalMs: measureMs,
    log,
    run: async () => {
      for (const feedId of runtimes.keys()) {
        const measure = await nodeDatabase.read(async (reader) => ({ record: await findFeed(reader, feedId), outbox: await measureOutbox(reader, feedId), parked: (await parkedKeys(reader, feedId)).count }));
        if (runtimes.has(feedId)) measures.set(feedId, measure);
      }
    },
  });
  const probing = createLoop({ name: "provider-probe", intervalMs: probeMs, maxDelayMs: probeMs, log, run: async () => void (await Promise.all([...engines.values()].map((engine) => engine.probe()))) });

  async function addRuntime(assignment: ProviderAssignment): Promise<FeedRuntime> {
    const { feedId } = assignment;
    const record = await nodeDatabase.read((reader) => findFeed(reader, feedId));
    const runtime: FeedRuntime = { assignment, drift: [], ...(record ? { record } : {}) };
    runtime.sender = createFeedSender({
      feedId,
      database: nodeDatabase,
      gateway,
      assignment,
      ackedSequence: record?.ackedSequence ?? assignment.head.sequence,
      clock,
      log,
      fault: context.fault,
      onReleased: (bytes) => runtime.active?.pipe.released(bytes),
      onProblem: (problem) => raiseProblem(context, runtime, problem),
    });
    runtimes.set(feedId, runtime);
    if (assignment.state !== "stopping") runtime.sender.start();
    return runtime;
  }

  async function removeRuntime(feedId: string): Promise<void> {
    await runtimes.get(feedId)?.sender?.stop();
    runtimes.delete(feedId);
    measures.delete(feedId);
    confirmed.delete(feedId);
  }

  /** Nothing leaves any more: what waits is dropped, and the centre is told when the last row went. */
  async function endFeed(runtime: FeedRuntime): Promise<void> {
    const { feedId } = runtime.assignment;
    if (confirmed.has(feedId)) return;
    await runtime.sender?.stop();
    const record = await nodeDatabase.withTransaction(async (tx) => {
      await stopFeed(tx, feedId, clock.now());
      return findFeed(tx, feedId);
    });
    const stoppedAt = record?.stoppedAt ?? clock.now();
    try {
      await gateway.confirmStopped(feedId, { party: "provider", ...(record?.lastSentAt ? { lastRowAt: record.lastSentAt.toISOString() } : {}), stoppedAt: stoppedAt.toISOString(), sequence: record?.ackedSequence ?? runtime.assignment.head.sequence });
      confirmed.add(feedId);
    } catch (error) {
      log.warn({ feedId, error: describeError(error) }, "the stop could not be confirmed; it is tried again with the next assignments");
    }
  }

  /** The feed with its running capture; without one where it stands still for a reason, or does not begin in time. */
  async function running(feedId: string): Promise<FeedRuntime | undefined> {
    for (const deadline = performance.now() + captureMs; ; await pause(20)) {
      const runtime = runtimes.get(feedId);
      if (!runtime || runtime.active || runtime.problem || runtime.waitsFor !== undefined || runtime.assignment.state !== "flowing" || stopping || performance.now() > deadline) return runtime;
    }
  }

  function healthOf(runtime: FeedRuntime): FeedHealth {
    const { feedId, state: wanted } = runtime.assignment;
    const measure = measures.get(feedId);
    const record = runtime.active?.pipe.record ?? measure?.record ?? runtime.record;
    const { sender } = runtime;
    const { problem } = runtime;
    const age = measure?.outbox.oldestAt === undefined ? 0 : Math.max(0, (clock.now().getTime() - measure.outbox.oldestAt.getTime()) / 1_000);
    const state = wanted !== "flowing" ? wanted : problem !== undefined ? "halted" : (record?.phase ?? "waiting");
    return {
      feedId,
      role: "provider",
      state,
      generation: record?.generation ?? 0,
      sequence: sender?.lastSequence() ?? 0,
      lagRows: measure?.outbox.rows ?? 0,
      lagSeconds: Math.round(age),
      queuedRows: measure?.outbox.rows ?? 0,
      queuedBytes: runtime.active?.pipe.queuedBytes ?? measure?.outbox.bytes ?? 0,
      parkedRows: runtime.active?.pipe.parkedCount ?? measure?.parked ?? 0,
      throttled: sender?.throttled() ?? false,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  return {
    start() {
      measuring.start();
      probing.start();
    },
    async stop() {
      stopping = true;
      await Promise.all([measuring.stop(), probing.stop(), ...[...engines.values()].map((engine) => engine.stop())]);
      await Promise.all([...runtimes.values()].map((runtime) => runtime.sender?.stop()));
      await frontDatabase.close();
    },
    async update(assignments: readonly ProviderAssignment[]) {
      if (stopping) return;
      const changed = new Set<string>();
      for (const assignment of assignments) {
        const { feedId, binding } = assignment;
        if (!engines.has(binding.sourceName)) log.error({ feedId, source: binding.sourceName }, "a feed is bound to a source that this node's configuration does not name");
        const known = runtimes.get(feedId);
        if (known === undefined) {
          const runtime = await addRuntime(assignment);
          changed.add(binding.sourceName);
          if (assignment.state === "stopping") await endFeed(runtime);
          continue;
        }
        // The head moves with every batch and is no reason to begin again.
        const { head: _before, ...before } = known.assignment;
        const { head: _after, ...after } = assignment;
        if (canonicalJson(before) !== canonicalJson(after)) {
          changed.add(binding.sourceName).add(known.assignment.binding.sourceName);
          if (before.state === "stopping" && after.state !== "stopping") {
            confirmed.delete(feedId);
            known.sender?.start();
          }
        }
        known.assignment = assignment;
        known.sender?.assign(assignment);
        if (assignment.state === "stopping") await endFeed(known);
      }
      for (const [feedId, { assignment }] of runtimes) {
        if (assignments.some((other) => other.feedId === feedId)) continue;
        changed.add(assignment.binding.sourceName);
        await removeRuntime(feedId);
      }
      if (engaged) for (const name of changed) engines.get(name)?.restart();
      else for (const engine of engines.values()) engine.start();
      engaged = true;
    },
    async command(command) {
      const runtime = runtimes.get(command.feedId);
      switch (command.kind) {
        case "checksum":
          return sendChecksums(await running(command.feedId), command, options.newId);
        case "repair":
          return sendRepair(await running(command.feedId), command, options.newId);
        case "replay-parked":
          return replayParked({ database: nodeDatabase, runtime, command });
        case "discard-parked": {
          const outcome = await discardParked({ database: nodeDatabase, clock, runtime, command });
          // A feed that stood still because of them may go on.
          if (runtime !== undefined && runtime.active === undefined) engines.get(runtime.assignment.binding.sourceName)?.restart();
          return outcome;
        }
      }
    },
    health: () => ({ feeds: [...runtimes.values()].map(healthOf), sources: [...engines.values()].map((engine) => engine.health()) }),
    async sourceSchemas(): Promise<SourceSchemaReport[]> {
      const reports: SourceSchemaReport[] = [];
      for (const { name, kind } of options.sources) {
        try {
          const relations = await engines.get(name)!.relations();
          reports.push({ sourceName: name, kind, relations, digest: sha256(canonicalJson(relations)) });
        } catch (error) {
          log.warn({ source: name, error: describeError(error) }, "the source could not be looked at");
        }
      }
      return reports;
    },
  };
}
