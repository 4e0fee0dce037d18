import { createLoop, describeError, InputError, type Database, type Loop } from "#platform";
import type { SourceHealth, SourceRelation } from "../../protocol/assignments.ts";
import { listRelations } from "../sources/introspect.ts";
import { SlotRefused } from "../sources/slot.ts";
import { openSourceDatabase } from "../sources/source-database.ts";
import type { FeedRuntime, ProviderContext, SourceConfig } from "./context.ts";
import { openDropFolder } from "./drop-folder.ts";
import { createFileFeeder, createFileIntrospection } from "./file-feeder.ts";
import { runFrontEngine, type FrontFeeder } from "./front-engine.ts";
import { dropFrontTable, listFrontTables } from "./front-store.ts";
import { createRelationFeeder } from "./relation-feeder.ts";
import { giveUpSlot, rest, runSlotEngine, slotNames, type SlotHealth } from "./slot-engine.ts";

/** The capture of one source: the engine that its kind and its configuration ask for, begun again whenever assignments change. */
export interface SourceEngine {
  readonly name: string;
  /** From the first assignments on: before those, a slot that nobody seems to use must not be given up. */
  start(): void;
  /** Assignments changed. */
  restart(): void;
  stop(): Promise<void>;
  /** Asks the source whether it answers. */
  probe(): Promise<void>;
  health(): SourceHealth;
  relations(): Promise<SourceRelation[]>;
}

export interface CreateSourceEngineOptions {
  context: ProviderContext;
  config: SourceConfig;
  /** Feeds of this source that are to be captured now. */
  runtimes(): readonly FeedRuntime[];
}

const guardMs = 5_000;
const driftMs = 30_000;
/** Without feeds there is nothing to do but to look whether something is left over. */
const idleMs = 30_000;

interface Capture {
  run(signal: AbortSignal, rebuild: (reason: string) => void): Promise<"idle" | "ended">;
  probe(): Promise<void>;
  relations(): Promise<SourceRelation[]>;
  retainedBytes(): number;
  close(): Promise<void>;
}

function fileCapture({ context, config, runtimes }: CreateSourceEngineOptions): Capture {
  if (config.folder === undefined) throw new InputError(`Source ${config.name} is a file drop and names no folder`, { zh: `文件来源 ${config.name} 未指定目录`, code: "source.folder", nextStep: "Give the folder in the node's configuration." });
  const folder = openDropFolder(config.folder);
  const introspect = createFileIntrospection(folder, (file, error) => context.log.warn({ source: config.name, file: file.name, error: describeError(error) }, "the header of a dropped file cannot be read"));
  return {
    run: (signal, rebuild) => runFrontEngine({ context, config, feeder: createFileFeeder({ context, config, folder }), runtimes: runtimes(), signal, rebuild, driftMs }),
    probe: async () => void (await folder.known()),
    relations: async () => (await introspect()).map(({ relation, header }) => ({ relation, kind: "file", columns: header.map((name) => ({ name, type: "text", nullable: true })), primaryKey: [] })),
    retainedBytes: () => 0,
    close: () => Promise.resolve(),
  };
}

function databaseCapture({ context, config, runtimes }: CreateSourceEngineOptions): Capture {
  const { url } = config;
  if (url === undefined) throw new InputError(`Source ${config.name} is a database and names no URL`, { zh: `数据库来源 ${config.name} 未指定连接地址`, code: "source.url", nextStep: "Give the URL in the node's configuration." });
  const wanted = config.options?.capture ?? "auto";
  if (config.kind === "postgres-bridge" && wanted === "slot") throw new InputError(`Source ${config.name} is a bridge and cannot be captured from a replication slot`, { zh: `桥接来源 ${config.name} 不支持复制槽方式`, code: "source.capture", nextStep: "Name it postgres-direct to use the slot, or leave options.capture out to read it." });
  const database: Database = openSourceDatabase({ url, log: context.log });
  const names = slotNames(context.gateway.nodeId, config);
  let reads = config.kind === "postgres-bridge" || wanted === "poll" || wanted === "compare";
  let slot: SlotHealth | undefined;

  async function byReading(signal: AbortSignal, rebuild: (reason: string) => void): Promise<"idle" | "ended"> {
    await giveUpSlot(context, url!, config.name, names);
    const feeder: FrontFeeder = createRelationFeeder({ context, config, source: database });
    return runFrontEngine({ context, config, feeder, source: database, runtimes: runtimes(), signal, rebuild, driftMs });
  }

  async function bySlot(signal: AbortSignal, rebuild: (reason: string) => void): Promise<"idle" | "ended"> {
    const outcome = await runSlotEngine({ context, config, source: database, runtimes: runtimes(), signal, rebuild, onHealth: (health) => void (slot = health), guardMs, driftMs });
    return outcome;
  }

  /** What an earlier capture by reading kept. */
  async function dropFront(): Promise<void> {
    await context.frontDatabase.withTransaction(async (tx) => {
      for (const table of await listFrontTables(tx, config.name)) await dropFrontTable(tx, table);
    });
  }

  return {
    async run(signal, rebuild) {
      if (reads) return byReading(signal, rebuild);
      try {
        const outcome = await bySlot(signal, rebuild);
        await dropFront();
        return outcome;
      } catch (error) {
        if (!(error instanceof SlotRefused) || wanted === "slot") throw error;
        context.log.warn({ source: config.name, reason: error.message }, "no replication slot can be had: the source is read instead");
        reads = true;
        return byReading(signal, rebuild);
      }
    },
    probe: async () => void (await database.read((reader) => reader.query("select 1"))),
    relations: async () =>
      (await database.read((reader) => listRelations(reader))).flatMap((relation) => {
        const { kind } = relation;
        if (kind === "query") return [];
        return [{ relation: relation.relation, kind, columns: relation.columns.map(({ name, type, nullable, comment }) => ({ name, type, nullable, ...(comment === undefined ? {} : { comment }) })), primaryKey: relation.primaryKey, ...(relation.comment === undefined ? {} : { comment: relation.comment }) }];
      }),
    retainedBytes: () => (reads ? 0 : (slot?.retainedBytes ?? 0)),
    close: () => database.close(),
  };
}

export function createSourceEngine(options: CreateSourceEngineOptions): SourceEngine {
  const { context, config } = options;
  const { log } = context;
  const capture = config.kind === "file-drop" ? fileCapture(options) : databaseCapture(options);
  let rebuild = new AbortController();
  let failure: string | undefined;
  let unreachable: string | undefined;
  let settled: NodeJS.Timeout | undefined;

  const loop: Loop = createLoop({
    name: `capture ${config.name}`,
    intervalMs: 500,
    maxDelayMs: 10_000,
    log,
    run: async (signal) => {
      rebuild = new AbortController();
      const { signal: again } = rebuild;
      // A run that lasts has overcome what ended the one before.
      settled = setTimeout(() => (failure = undefined), 3_000);
      settled.unref();
      try {
        const outcome = await capture.run(AbortSignal.any([signal, again]), (reason) => {
          log.debug({ source: config.name, reason }, "capture begins again");
          rebuild.abort();
        });
        if (outcome === "idle") await rest(idleMs, AbortSignal.any([signal, again]));
        return !signal.aborted;
      } catch (error) {
        failure = describeError(error);
        throw error;
      } finally {
        clearTimeout(settled);
      }
    },
  });

  return {
    name: config.name,
    start: () => loop.start(),
    restart() {
      rebuild.abort();
      loop.wake();
    },
    async stop() {
      rebuild.abort();
      await loop.stop();
      await capture.close();
    },
    async probe() {
      try {
        await capture.probe();
        unreachable = undefined;
      } catch (error) {
        unreachable = describeError(error);
      }
    },
    health() {
      const message = unreachable ?? failure;
      return { name: config.name, ok: message === undefined, ...(message === undefined ? {} : { message }), retainedBytes: capture.retainedBytes() };
    },
    relations: () => capture.relations(),
  };
}
