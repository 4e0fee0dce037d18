import { describeError, type Database } from "#platform";
import { findRelation } from "../sources/introspect.ts";
import type { ProviderContext, SourceConfig } from "./context.ts";
import type { FrontFeeder, FrontGroup } from "./front-engine.ts";
import { createFrontReader, isSchemaFailure } from "./front-reading.ts";
import { findFrontTable } from "./front-store.ts";
import { rest } from "./slot-engine.ts";

/** A comparison may take one part in twenty of the department's time. */
const comparisonShare = 20;

/** Brings a department's relations into the front-end database by reading them: by update time where there is one, else by comparison. */
export function createRelationFeeder({ context, config, source }: { context: ProviderContext; config: SourceConfig; source: Database }): FrontFeeder {
  const options = config.options ?? {};
  const { frontDatabase, log } = context;
  const pollMs = options.pollMs ?? 5_000;
  const sweepMs = options.sweepMs ?? 600_000;
  const mode = (group: FrontGroup) => (options.capture !== "compare" && group.updateTimeColumn !== undefined ? "poll" : "compare");
  // One heavy read of the department's database at a time, however many relations there are.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const mine = turn.then(run);
    turn = mine.catch(() => undefined);
    return mine;
  };

  return {
    mode,
    describe: (group) => source.read((reader) => findRelation(reader, group.relation)),
    async keep({ group, table, schema, signal, changed }) {
      const columns = schema.columns.filter((column) => group.columnNames.includes(column.name));
      const updateTimeColumn = mode(group) === "poll" ? columns.find((column) => column.name === group.updateTimeColumn) : undefined;
      const reader = createFrontReader({ context, source, table, relation: schema.relation, columns, options, ...(updateTimeColumn === undefined ? {} : { updateTimeColumn }) });
      const current = async () => (await frontDatabase.read((own) => findFrontTable(own, table.sourceName, table.id))) ?? table;
      try {
        let now = await current();
        while (now.phase === "snapshot" && !signal.aborted) {
          const more = await inTurn(() => reader.copyChunk(now));
          if (!more) break;
          now = await current();
        }
        let compareAt = now.phase === "snapshot" || now.sweptAt === undefined ? 0 : performance.now();
        while (!signal.aborted) {
          let result = { changed: 0, deleted: 0 };
          if (performance.now() >= compareAt) {
            const began = performance.now();
            result = await inTurn(() => reader.compare(now));
            const took = performance.now() - began;
            compareAt = performance.now() + Math.max(updateTimeColumn === undefined ? pollMs : sweepMs, took * comparisonShare);
            if (now.phase === "snapshot") changed();
          } else if (updateTimeColumn !== undefined) result = await inTurn(() => reader.poll(now));
          now = await current();
          if (result.changed + result.deleted > 0) changed();
          await rest(updateTimeColumn === undefined ? Math.max(1, compareAt - performance.now()) : pollMs, signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isSchemaFailure(error)) log.warn({ source: config.name, relation: group.relation, error: describeError(error) }, "the relation is not what it was");
        throw error;
      }
    },
  };
}
