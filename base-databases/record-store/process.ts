import { createHash } from "node:crypto";
import { canonicalJson, eachAtOnce, quoteIdentifier, systemActor, type Kernel, type Transaction } from "#platform";
import type { BaseDefinition, BaseName } from "./definition.ts";
import { ingestChunk, ingestChunkRows, isGenerationChanged, passGate, touch } from "./ingest.ts";
import { matchChunk, matchChunkRows } from "./matching.ts";
import { mergeChunk, mergeChunkKeys } from "./merge.ts";
import { listSourcesToRead, lockSource, sourceDefinition } from "./sources.ts";

export interface ProcessProgress {
  base: BaseName;
  phase: "read" | "merge" | "match";
  /** The source being read. */
  role?: string;
  /** Rows read, records merged or rows compared so far in this phase. */
  done: number;
}

export interface ProcessResult {
  rowsRead: number;
  recordsMerged: number;
  created: number;
  changed: number;
  removed: number;
  contradictionsRaised: number;
  contradictionsClosed: number;
  rowsCompared: number;
}

export interface ProcessorOptions {
  kernel: Kernel;
  definitions: readonly BaseDefinition[];
  /** Sources that are read, and merges that run, beside each other. Default 2. */
  workers?: number;
  chunks?: { readRows?: number; mergeKeys?: number; matchRows?: number };
}

export interface Processor {
  /** Reads and merges until nothing is left to do. A second caller waits for the first, then finds little to do. */
  process(onProgress?: (progress: ProcessProgress) => void, signal?: AbortSignal): Promise<ProcessResult>;
}

const actor = systemActor("base-databases");

/**
 * Read, merge, compare, merge again. Each step is a chain of transactions of bounded size whose positions and queues
 * are in the database: whatever was committed is not done again after a crash.
 */
export function createProcessor({ kernel, definitions, workers = 2, chunks = {} }: ProcessorOptions): Processor {
  const { database, clock, log } = kernel;
  let synchronised: Promise<void> | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function read(definition: BaseDefinition, total: ProcessResult, onProgress: (progress: ProcessProgress) => void, signal: AbortSignal | undefined): Promise<void> {
    const sources = await database.read((reader) => listSourcesToRead(reader, definition.name));
    let done = 0;
    const readSource = async (id: number, role: string) => {
      const own = sourceDefinition(definition, role);
      if (!own) return;
      for (let more = true; more && !signal?.aborted; ) {
        try {
          const result = await database.withTransaction(async (tx) => {
            await passGate(tx, definition, "read");
            const source = await lockSource(tx, id);
            return source?.state === "attached" ? ingestChunk(tx, { definition, sourceDefinition: own, source, at: clock.now(), chunkRows: chunks.readRows ?? ingestChunkRows }) : { rows: 0, more: false };
          });
          more = result.more;
          total.rowsRead += result.rows;
          done += result.rows;
          if (result.rows > 0) onProgress({ base: definition.name, phase: "read", role, done });
        } catch (error) {
          if (!isGenerationChanged(error)) throw error;
          log.info({ base: definition.name, role }, "a full refresh came while its source was read; reading it again");
        }
      }
    };
    // The first alone: it shows nearly all keys, and readers that meet the same new keys wait for each other's commit.
    const [leading, ...queue] = sources;
    if (leading) await readSource(leading.id, leading.role);
    await eachAtOnce(queue, workers, ({ id, role }) => readSource(id, role));
    if (done >= 10_000) await database.withTransaction((tx) => analyze(tx, ["link", "key_check", "touched"].map((table) => `base.${table}`)));
  }

  async function merge(definition: BaseDefinition, total: ProcessResult, onProgress: (progress: ProcessProgress) => void, signal: AbortSignal | undefined): Promise<number> {
    let done = 0;
    let analysed = false;
    const worker = async () => {
      for (;;) {
        if (signal?.aborted) return;
        const result = await database.withTransaction((tx) => mergeChunk(tx, actor, definition, clock.now(), chunks.mergeKeys ?? mergeChunkKeys));
        if (result.keys === 0) return;
        done += result.keys;
        if (result.created >= 1_000 && !analysed) {
          // Statistics in which this base does not appear yet make the next chunks' joins quadratic.
          analysed = true;
          await database.withTransaction((tx) => analyzeRecords(tx, definition));
        }
        total.recordsMerged += result.keys;
        total.created += result.created;
        total.changed += result.changed;
        total.removed += result.removed;
        total.contradictionsRaised += result.contradictionsRaised;
        total.contradictionsClosed += result.contradictionsClosed;
        onProgress({ base: definition.name, phase: "merge", done });
      }
    };
    await Promise.all(Array.from({ length: workers }, worker));
    if (done >= 10_000) await database.withTransaction((tx) => analyzeRecords(tx, definition));
    return done;
  }

  async function match(definition: BaseDefinition, total: ProcessResult, onProgress: (progress: ProcessProgress) => void, signal: AbortSignal | undefined): Promise<number> {
    let done = 0;
    for (let more = true; more && !signal?.aborted; ) {
      const result = await database.withTransaction(async (tx) => {
        await passGate(tx, definition, "alone");
        return matchChunk(tx, definition, chunks.matchRows ?? matchChunkRows);
      });
      more = result.more;
      done += result.compared;
      total.rowsCompared += result.compared;
      if (result.compared > 0) onProgress({ base: definition.name, phase: "match", done });
    }
    return done;
  }

  async function run(onProgress: (progress: ProcessProgress) => void, signal: AbortSignal | undefined): Promise<ProcessResult> {
    const total: ProcessResult = { rowsRead: 0, recordsMerged: 0, created: 0, changed: 0, removed: 0, contradictionsRaised: 0, contradictionsClosed: 0, rowsCompared: 0 };
    synchronised ??= synchroniseDefinitions(kernel, definitions);
    await synchronised.catch((error: unknown) => {
      synchronised = undefined;
      throw error;
    });
    for (const definition of definitions) {
      await read(definition, total, onProgress, signal);
      // Comparing needs merged records, and what it links has to be merged; matched rows change no identity, so the
      // second turn finds nothing more to compare.
      for (let left = 1; left > 0 && !signal?.aborted; ) {
        await merge(definition, total, onProgress, signal);
        left = await match(definition, total, onProgress, signal);
      }
    }
    if (total.created + total.changed + total.removed + total.contradictionsRaised + total.contradictionsClosed > 0) {
      await database.withTransaction(async (tx) => {
        const counts = { ...total };
        await kernel.eventLog.append(tx, actor, [{ subjectType: "base", subjectId: "base-databases", kind: "golden.changed", payload: counts }]);
        await kernel.audit.record(tx, actor, { action: "base.process", objectType: "base", detail: counts });
      });
    }
    return total;
  }

  return {
    process(onProgress = () => undefined, signal) {
      const next = running.then(
        () => run(onProgress, signal),
        () => run(onProgress, signal),
      );
      running = next;
      return next;
    },
  };
}

const analyzeRecords = (tx: Transaction, definition: BaseDefinition): Promise<void> =>
  analyze(tx, [`base.${quoteIdentifier(definition.goldenTable)} (${[definition.key, definition.matching.name, definition.matching.date].map(quoteIdentifier).join(", ")})`, "base.provenance (base, key)"]);

async function analyze(tx: Transaction, tables: readonly string[]): Promise<void> {
  for (const table of tables) await tx.query(`analyze ${table}`);
}

/** Writes down what the positions in provenance mean; after a change of definition everything is merged anew. */
export async function synchroniseDefinitions({ database, clock }: Pick<Kernel, "database" | "clock">, definitions: readonly BaseDefinition[]): Promise<void> {
  for (const definition of definitions) {
    const digest = createHash("sha256").update(canonicalJson(definition)).digest("hex");
    await database.withTransaction(async (tx) => {
      await passGate(tx, definition, "alone");
      const { rows } = await tx.query<{ digest: string }>("select digest from base.definition where base = $1", [definition.name]);
      if (rows[0]?.digest === digest) return;
      await tx.query("insert into base.definition (base, digest, synchronised_at) values ($1, $2, $3) on conflict (base) do update set digest = excluded.digest, synchronised_at = excluded.synchronised_at", [definition.name, digest, clock.now()]);
      await tx.query("delete from base.attribute where base = $1", [definition.name]);
      await tx.query("insert into base.attribute (base, position, name, title_zh, title_en, basic, standard) select $1, * from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[])", [
        definition.name,
        definition.attributes.map((_, index) => index + 1),
        definition.attributes.map((attribute) => attribute.name),
        definition.attributes.map((attribute) => attribute.title.zh),
        definition.attributes.map((attribute) => attribute.title.en),
        definition.attributes.map((attribute) => attribute.basic === true),
        definition.attributes.map((attribute) => attribute.standard ?? null),
      ]);
      await touch(tx, definition, "select p.key from base.provenance p where p.base = $1", []);
    });
  }
}
