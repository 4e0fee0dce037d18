import type { Actor, Transaction } from "#platform";
import { quoteIdentifier } from "#platform";
import type { BaseDefinition } from "./definition.ts";
import { reconcileContradictions } from "./contradictions.ts";
import { passGate } from "./ingest.ts";
import { mergeSql, type MergeSource } from "./merge-sql.ts";
import { findLandingTable, isDirect, listSources, sourceDefinition } from "./sources.ts";

/** Keys of one transaction: about two seconds of work, and 10 MB of temporary rows. */
export const mergeChunkKeys = 20_000;

export interface MergeResult {
  keys: number;
  created: number;
  changed: number;
  removed: number;
  contradictionsRaised: number;
  contradictionsClosed: number;
}

/** Computes up to `chunkKeys` touched golden records, in one transaction; several may run beside each other. */
export async function mergeChunk(tx: Transaction, actor: Actor, definition: BaseDefinition, at: Date, chunkKeys: number): Promise<MergeResult> {
  const nothing: MergeResult = { keys: 0, created: 0, changed: 0, removed: 0, contradictionsRaised: 0, contradictionsClosed: 0 };
  await passGate(tx, definition, "merge");
  await tx.query("drop table if exists pg_temp.zt_merge_key, pg_temp.zt_merged");
  await tx.query("create temp table zt_merge_key (key text primary key) on commit drop");
  const claimed = await tx.query(
    `with claimed as (
       delete from base.touched t using (select base, key from base.touched where base = $1 order by key limit $2 for update skip locked) c
       where t.base = c.base and t.key = c.key returning t.key)
     insert into zt_merge_key select key from claimed`,
    [definition.name, chunkKeys],
  );
  if (claimed.rowCount === 0) return nothing;
  await tx.query("analyze pg_temp.zt_merge_key");
  // The statement is generated in a good order; searching for a better one among 17 joins costs more than it runs.
  await tx.query("select set_config('join_collapse_limit', '1', true), set_config('from_collapse_limit', '1', true), set_config('jit', 'off', true), set_config('work_mem', '64MB', true)");
  const sources = await mergeSources(tx, definition);
  await tx.query(`create temp table zt_merged on commit drop as ${mergeSql(definition, sources)}`);
  await tx.query("analyze pg_temp.zt_merged (key, source_ids)");

  const golden = `base.${quoteIdentifier(definition.goldenTable)}`;
  const key = quoteIdentifier(definition.key);
  const columns = definition.attributes.map((attribute) => quoteIdentifier(attribute.name));
  const of = (alias: string, names: readonly string[] = columns) => `(${names.map((name) => `${alias}.${name}`).join(", ")})`;
  const matching = [definition.matching.name, definition.matching.date, definition.matching.address, definition.matching.other].map(quoteIdentifier);

  await tx.query(
    `insert into base.rematch (base, key)
     select $1, m.key from zt_merged m left join ${golden} g on g.${key} = m.key
     where exists (select 1 from base.unmatched_row u where u.base = $1) and ((cardinality(m.source_ids) = 0) <> (g.${key} is null) or ${of("g", matching)} is distinct from ${of("m", matching)})
     on conflict do nothing`,
    [definition.name],
  );
  const changed = await tx.query(
    `update ${golden} g set ${columns.map((column) => `${column} = m.${column}`).join(", ")}, updated_at = $1, change_sequence = nextval('base.change_sequence')
     from zt_merged m where g.${key} = m.key and cardinality(m.source_ids) > 0 and ${of("g")} is distinct from ${of("m")}`,
    [at],
  );
  const created = await tx.query(
    `insert into ${golden} (${key}, ${columns.join(", ")}, updated_at, change_sequence)
     select m.key, ${columns.map((column) => `m.${column}`).join(", ")}, $1, nextval('base.change_sequence') from zt_merged m
     where cardinality(m.source_ids) > 0 and not exists (select 1 from ${golden} g where g.${key} = m.key)`,
    [at],
  );
  const removed = await tx.query(`delete from ${golden} g using zt_merged m where g.${key} = m.key and cardinality(m.source_ids) = 0`);
  await tx.query("delete from base.golden_removed r using zt_merged m where r.base = $1 and r.key = m.key and cardinality(m.source_ids) > 0", [definition.name]);
  if (removed.rowCount > 0) {
    await tx.query(
      `insert into base.golden_removed (base, key, change_sequence, removed_at)
       select $1, m.key, nextval('base.change_sequence'), $2 from zt_merged m where cardinality(m.source_ids) = 0 and exists (select 1 from base.provenance p where p.base = $1 and p.key = m.key)
       on conflict (base, key) do update set change_sequence = excluded.change_sequence, removed_at = excluded.removed_at`,
      [definition.name, at],
    );
  }
  const parts = ["source_ids", "source_rows", "source_times", "winners", "rivals", "faults"];
  await tx.query(`update base.provenance p set ${parts.map((part) => `${part} = m.${part}`).join(", ")} from zt_merged m where p.base = $1 and p.key = m.key and cardinality(m.source_ids) > 0 and ${of("p", parts)} is distinct from ${of("m", parts)}`, [definition.name]);
  await tx.query(`insert into base.provenance (base, key, ${parts.join(", ")}) select $1, m.key, ${parts.map((part) => `m.${part}`).join(", ")} from zt_merged m where cardinality(m.source_ids) > 0 and not exists (select 1 from base.provenance p where p.base = $1 and p.key = m.key)`, [definition.name]);
  if (removed.rowCount > 0) await tx.query("delete from base.provenance p using zt_merged m where p.base = $1 and p.key = m.key and cardinality(m.source_ids) = 0", [definition.name]);

  const contradictions = await reconcileContradictions(tx, actor, definition, at);
  if (created.rowCount + changed.rowCount + removed.rowCount > 0) await tx.query("select pg_notify('zt_golden', $1)", [definition.name]);
  return { keys: claimed.rowCount, created: created.rowCount, changed: changed.rowCount, removed: removed.rowCount, contradictionsRaised: contradictions.raised, contradictionsClosed: contradictions.closed };
}

/** The attached sources whose landing tables can be read now. */
export async function mergeSources(tx: Transaction, definition: BaseDefinition): Promise<MergeSource[]> {
  const attached = await listSources(tx, { base: definition.name, state: "attached" });
  const withLinks = await tx.query<{ id: number }>("select id from unnest($1::smallint[]) id where exists (select 1 from base.link l where l.source_id = id)", [attached.map((source) => source.id)]);
  const linked = new Set(withLinks.rows.map((row) => row.id));
  const sources: MergeSource[] = [];
  for (const source of attached) {
    const own = sourceDefinition(definition, source.role);
    if (!own || Object.keys(own.attributes).length === 0) continue;
    const table = await findLandingTable(tx, source);
    // Before the subscriber made it, or without its key column, a source says nothing; its state tells why.
    if (!table || !table.columns.has(own.keyColumn) || source.maskedFields.includes(own.keyColumn)) continue;
    sources.push({ definition: own, attached: source, table, linked: linked.has(source.id) || !isDirect(own, table) });
  }
  return sources;
}
