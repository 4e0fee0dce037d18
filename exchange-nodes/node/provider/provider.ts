import { createLoop, describeError, type Clock, type Database, type Log, type Loop, type Metrics, type NewId, type SigningKey } from "#platform";
import { canonicalJson, sha256 } from "#platform";
import type { FeedHealth, GatewayClient, ProviderAssignment, SourceHealth, SourceSchemaReport } from "../../protocol/assignments.ts";
import type { NodeProvider } from "../provider-port.ts";
import { listRelations } from "../sources/introspect.ts";
import { openFrontDatabase, openSourceDatabase } from "../sources/source-database.ts";
import { type FeedRuntime, type ProviderContext, raiseProblem, type SourceConfig } from "./context.ts";
import { measureOutbox, stopFeed, findFeed, parkedKeys } from "./feed-store.ts";
import { sendChecksums, sendRepair } from "./reconcile-commands.ts";
import { createFeedSender } from "./sender.ts";
import { runSlotEngine, type SlotHealth } from "./slot-engine.ts";

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
}

export function createProvider(options: CreateProviderOptions): NodeProvider {
  const { nodeDatabase, gateway, log, clock } = options;
  const frontDatabase = openFrontDatabase({ url: nodeDatabase.url, log });
  const context: ProviderContext = { nodeDatabase, frontDatabase, gateway, signingKey: options.signingKey, clock, log, newId: options.newId, metrics: options.metrics, fault: () => undefined };
  const runtimes = new Map<string, FeedRuntime>();
  const slotHealth = new Map<string, SlotHealth>();
  const engines = new Map<string, { loop: Loop; database: Database; restart: AbortController }>();
  let stopping = false;

  for (const source of options.sources) {
    if (source.kind === "file-drop") continue;
    const database = openSourceDatabase({ url: source.url!, log });
    const engine = {
      database,
      restart: new AbortController(),
      loop: createLoop({
        name: `capture ${source.name}`,
        intervalMs: 5_000,
        maxDelayMs: 5_000,
        log,
        run: async (signal) => {
          engine.restart = new AbortController();
          const onStop = () => engine.restart.abort();
          signal.addEventListener("abort", onStop, { once: true });
          const mine = [...runtimes.values()].filter((runtime) => runtime.assignment.binding.sourceName === source.name && runtime.assignment.state !== "stopping");
          const { signal: stop } = engine.restart;
          const outcome = await runSlotEngine({ context, config: source, source: database, runtimes: mine, signal: stop, rebuild: () => engine.restart.abort(), onHealth: (health) => void slotHealth.set(source.name, health), guardMs: 5_000, driftMs: 30_000 });
          signal.removeEventListener("abort", onStop);
          return outcome === "ended" && !signal.aborted;
        },
      }),
    };
    engines.set(source.name, engine);
  }

  return {
    // Capture begins with the first assignments: before that, a slot that nobody seems to use must not be given up.
    start() {},
    async stop() {
      stopping = true;
      for (const engine of engines.values()) {
        engine.restart.abort();
        await engine.loop.stop();
        await engine.database.close();
      }
      for (const runtime of runtimes.values()) await runtime.sender?.stop();
      await frontDatabase.close();
    },
    async update(assignments: readonly ProviderAssignment[]) {
      if (stopping) return;
      const changed = new Set<string>();
      for (const assignment of assignments) {
        const { feedId } = assignment;
        const known = runtimes.get(feedId);
        if (!known) {
          const record = await nodeDatabase.read((reader) => findFeed(reader, feedId));
          const runtime: FeedRuntime = { assignment, drift: [], ...(record ? { record } : {}) };
          runtime.sender = createFeedSender({ feedId, database: nodeDatabase, gateway, assignment, ackedSequence: record?.ackedSequence ?? assignment.head.sequence, clock, log, fault: context.fault, onReleased: (bytes) => runtime.active?.pipe.released?.(bytes), onProblem: (problem) => raiseProblem(context, runtime, problem) });
          runtimes.set(feedId, runtime);
          if (assignment.state !== "stopping") {
            runtime.sender.start();
            changed.add(assignment.binding.sourceName);
          }
        } else {
          const { head: _a, ...before } = known.assignment;
          const { head: _b, ...after } = assignment;
          if (canonicalJson(before) !== canonicalJson(after)) changed.add(assignment.binding.sourceName);
          known.assignment = assignment;
          known.sender?.assign(assignment);
        }
        const runtime = runtimes.get(feedId)!;
        if (assignment.state === "stopping") {
          await runtime.sender?.stop();
          await nodeDatabase.withTransaction((tx) => stopFeed(tx, feedId, clock.now()));
          await gateway.confirmStopped(feedId, { party: "provider", lastSequence: runtime.sender?.lastSequence() ?? 0 } as never).catch((error: unknown) => log.warn({ feedId, error: describeError(error) }, "stop could not be confirmed"));
        }
      }
      for (const engine of engines.values()) engine.loop.start();
      for (const name of changed) {
        engines.get(name)?.restart.abort();
        engines.get(name)?.loop.wake();
      }
    },
    async command(command) {
      const runtime = runtimes.get(command.feedId);
      if (command.kind === "checksum") return sendChecksums(runtime, command, options.newId);
      if (command.kind === "repair") return sendRepair(runtime, command, options.newId);
      return { commandId: command.id, ok: false, message: `${command.kind} is not done here` };
    },
    health() {
      const feeds: FeedHealth[] = [...runtimes.values()].map((runtime) => ({ feedId: runtime.assignment.feedId, role: "provider", state: runtime.active?.pipe.record.phase ?? runtime.record?.phase ?? "waiting", generation: runtime.record?.generation ?? 0, sequence: runtime.sender?.lastSequence() ?? 0, ...(runtime.problem ? { problem: runtime.problem } : {}) }));
      const sources: SourceHealth[] = options.sources.map((source) => ({ name: source.name, ok: true, retainedBytes: slotHealth.get(source.name)?.retainedBytes ?? 0 }));
      return { feeds, sources };
    },
    async sourceSchemas(): Promise<SourceSchemaReport[]> {
      const reports: SourceSchemaReport[] = [];
      for (const source of options.sources) {
        const engine = engines.get(source.name);
        if (!engine) continue;
        const relations = (await engine.database.read((reader) => listRelations(reader))).map((relation) => ({ relation: relation.relation, kind: relation.kind, columns: relation.columns.map((column) => ({ name: column.name, type: column.type, nullable: column.nullable })), primaryKey: relation.primaryKey }));
        reports.push({ sourceName: source.name, kind: source.kind, relations: relations as never, digest: sha256(canonicalJson(relations)) });
      }
      return reports;
    },
  };
}
void measureOutbox;
void parkedKeys;
