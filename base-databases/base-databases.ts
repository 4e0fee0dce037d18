import { checkDefinition, type BaseDefinition, type BaseName } from "./record-store/definition.ts";
import { ConflictError, createLoop, InputError, systemActor, type Actor, type Kernel } from "#platform";
import { createContradictionList } from "./record-store/contradiction-list.ts";
import { createCorrectionDelivery, type CorrectionDelivery, type CorrectionDesk } from "./record-store/correction-desk.ts";
import { createGoldenReader, definitionOf } from "./record-store/golden.ts";
import { forgetSource, passGate } from "./record-store/ingest.ts";
import { createProcessor, synchroniseDefinitions, type ProcessProgress, type ProcessResult } from "./record-store/process.ts";
import type { LifecycleAuthority } from "./record-store/source-view.ts";
import { listSources, sourceDefinition, upsertSource, type AttachedSource, type AttachSourceInput } from "./record-store/sources.ts";
import { createStatistics } from "./record-store/statistics.ts";
import { createUnmatchedService } from "./record-store/unmatched.ts";
import { createLifecycle } from "./lifecycle/lifecycle.ts";
import { legalEntityDefinition } from "./legal-entities/definition.ts";
import { populationDefinition } from "./population/definition.ts";

export const baseDefinitions: readonly BaseDefinition[] = [populationDefinition, legalEntityDefinition];

export interface CreateBaseDatabasesOptions {
  /** Of the city database. */
  kernel: Kernel;
  correctionDesk: CorrectionDesk;
  lifecycleAuthority: LifecycleAuthority;
  /** Sources that are read, and merges that run, beside each other. Default 2. */
  workers?: number;
}

export type BaseDatabases = ReturnType<typeof createBaseDatabases>;

/** 基础数据库: the population and legal-entity bases, kept from whatever the city's departments were granted to give. */
export function createBaseDatabases({ kernel, correctionDesk, lifecycleAuthority, workers }: CreateBaseDatabasesOptions) {
  const definitions = baseDefinitions;
  const problems = definitions.flatMap((definition) => checkDefinition(definition).map((problem) => `${definition.name}: ${problem}`));
  const ids = definitions.flatMap((definition) => definition.sources.map((source) => source.id));
  if (new Set(ids).size !== ids.length) problems.push("two bases use the same source id");
  if (problems.length > 0) throw new InputError(`The definitions of the bases are not sound: ${problems.join("; ")}`);

  const { database, access, audit, clock, notifier, log } = kernel;
  const processor = createProcessor({ kernel, definitions, ...(workers === undefined ? {} : { workers }) });
  const delivery = createCorrectionDelivery({ kernel, definitions, desk: correctionDesk });
  const silently = () => processor.process();

  async function attachSource(actor: Actor, input: AttachSourceInput): Promise<AttachedSource> {
    access.assert(actor, "base", "attach", { id: input.base });
    const definition = definitionOf(definitions, input.base);
    const source = sourceDefinition(definition, input.role);
    if (!source) throw new InputError(`${input.role} is no source of the ${definition.title.en}`, { zh: `${definition.title.zh}没有来源 ${input.role}`, code: "source.unknown-role", nextStep: `Use one of ${definition.sources.map((each) => each.role).join(", ")}.` });
    await synchroniseDefinitions(kernel, definitions);
    return database.withTransaction(async (tx) => {
      await passGate(tx, definition, "alone");
      const before = (await listSources(tx, { base: input.base })).find((each) => each.id === source.id);
      const masked = [...(input.maskedFields ?? [])];
      const same = before?.state === "attached" && before.feedId === input.feedId && before.schema === input.schema && before.table === input.table && before.grantId === input.grantId && before.entryId === input.entryId && before.organisationId === input.organisationId && JSON.stringify(before.maskedFields) === JSON.stringify(masked);
      // Attaching the same again must not read everything again.
      if (same) return before;
      await upsertSource(tx, source, input, clock.now());
      await audit.record(tx, actor, { action: "base.attach-source", objectType: "base", objectId: input.base, detail: { role: input.role, feedId: input.feedId, grantId: input.grantId, entryId: input.entryId } });
      return (await listSources(tx, { base: input.base })).find((each) => each.id === source.id)!;
    });
  }

  /** What the source said is withdrawn from the golden records with the next processing. */
  async function detachSource(actor: Actor, input: { base: BaseName; role: string; reason: string }): Promise<void> {
    access.assert(actor, "base", "attach", { id: input.base });
    const definition = definitionOf(definitions, input.base);
    await database.withTransaction(async (tx) => {
      await passGate(tx, definition, "alone");
      const source = (await listSources(tx, { base: input.base })).find((each) => each.role === input.role);
      if (source?.state !== "attached") throw new ConflictError(`${input.role} is not attached to the ${definition.title.en}`, { zh: `${input.role} 未接入${definition.title.zh}`, code: "source.not-attached" });
      await forgetSource(tx, definition, source.id);
      await tx.query("update base.source set state = 'detached', generation = -1, last_sequence = 0, scan_generation = null, scan_sequence = null, scan_cursor = null where id = $1", [source.id]);
      await audit.record(tx, actor, { action: "base.detach-source", objectType: "base", objectId: input.base, detail: { role: input.role, reason: input.reason } });
    });
    loop.wake();
  }

  async function process(actor: Actor, onProgress?: (progress: ProcessProgress) => void): Promise<ProcessResult & { corrections: CorrectionDelivery }> {
    access.assert(actor, "base", "attach", { id: "all" });
    const result = await processor.process(onProgress);
    return { ...result, corrections: await delivery.deliver() };
  }

  const loop = createLoop({
    name: "base-databases",
    intervalMs: 10_000,
    log,
    async run(signal) {
      await processor.process(undefined, signal);
      if (!signal.aborted) await delivery.deliver();
    },
  });
  let stopListening: (() => void) | undefined;

  return {
    definitions,
    attachSource,
    detachSource,
    async listSources(actor: Actor, base?: BaseName): Promise<AttachedSource[]> {
      access.assertAnyScope(actor, "base", "see");
      return database.read((reader) => listSources(reader, base === undefined ? {} : { base }));
    },
    /** Reads, merges, compares and tells the correction desk, until nothing is left to do. */
    process,
    ...createGoldenReader({ kernel, definitions, authority: lifecycleAuthority }),
    ...createContradictionList({ kernel, definitions }),
    ...createUnmatchedService({ kernel, definitions, process: silently }),
    ...createLifecycle({ kernel, definitions, authority: lifecycleAuthority }),
    ...createStatistics({ kernel, definitions }),
    /** Continuous operation: woken by every batch that a subscriber applies. Needs a started notifier. */
    loops: {
      start(): void {
        stopListening ??= notifier.listen("zt_landing", () => loop.wake());
        loop.start();
      },
      async stop(): Promise<void> {
        stopListening?.();
        stopListening = undefined;
        await loop.stop();
      },
    },
  };
}

/** The actor of the bases' own automatic work, for composition roots that attach and process by themselves. */
export const baseDatabasesActor: Actor = systemActor("base-databases");
