import type { Actor, Transaction } from "#platform";
import type { BaseDefinition } from "./definition.ts";

/**
 * 矛盾: a source says of a key what cannot stand beside the golden value, the key itself, or any reading. Raised once
 * per (key, field, source, value); closed when the source no longer says so; open again if it says so again.
 */
export const contradictionStates = ["open", "closed"] as const;
export type ContradictionState = (typeof contradictionStates)[number];

export const contradictionRules = ["sources-differ", "differs-from-key", "unreadable", "key-mismatch"] as const;
export type ContradictionRule = (typeof contradictionRules)[number];

/** What the correction desk has to be told: see correction-desk.ts. */
export const deskStates = ["to-raise", "raised", "to-close", "settled", "refused"] as const;
export type DeskState = (typeof deskStates)[number];

/** The one transition table. */
export const contradictionTransitions = {
  raise: { from: [] as readonly ContradictionState[], to: "open" },
  close: { from: ["open"], to: "closed" },
  reopen: { from: ["closed"], to: "open" },
} as const satisfies Record<string, { from: readonly ContradictionState[]; to: ContradictionState }>;

export interface ContradictionCounts {
  raised: number;
  closed: number;
}

/**
 * Brings the contradictions of the merged keys into line with what was found: reads `pg_temp.zt_merged` (of the
 * merge statement) and `pg_temp.zt_merge_key`. Set-based: ten thousand cost as many statements as one.
 */
export async function reconcileContradictions(tx: Transaction, actor: Actor, definition: BaseDefinition, at: Date): Promise<ContradictionCounts> {
  const correctable = definition.attributes.filter((attribute) => attribute.onDifference === "correct").map((attribute) => attribute.name);
  await tx.query("drop table if exists pg_temp.zt_found");
  await tx.query(
    `create temp table zt_found on commit drop as
     select distinct on (key, field, source_id, value) * from (
       select m.key, r.field, (e ->> 'source')::smallint as source_id, e ->> 'row' as row_key, e ->> 'value' as value, 'sources-differ' as rule, to_jsonb(m) ->> r.field as reference_value, m.winners[a.position] as reference_source_id, 4 as precedence
       from pg_temp.zt_merged m cross join lateral jsonb_each(m.rivals) r(field, list) cross join lateral jsonb_array_elements(r.list) e join base.attribute a on a.base = $1 and a.name = r.field
       where m.rivals is not null and r.field = any($2)
       union all
       select m.key, f ->> 'field', (f ->> 'source')::smallint, f ->> 'row', f ->> 'value', f ->> 'rule', f ->> 'expected', case when f ->> 'rule' = 'differs-from-key' then 0::smallint end, case f ->> 'rule' when 'differs-from-key' then 1 else 2 end
       from pg_temp.zt_merged m cross join lateral jsonb_array_elements(m.faults) f
       where m.faults is not null
       union all
       select k.key, $3::text, i.source_id, i.row_key, coalesce(u.raw_key, ''), 'key-mismatch', k.key, null, 3
       from pg_temp.zt_merge_key k join base.link i on i.entity_key = k.key and not i.by_key join base.unmatched_row u on u.source_id = i.source_id and u.row_key = i.row_key and u.base = $1
     ) every order by key, field, source_id, value, precedence`,
    [definition.name, correctable, definition.key],
  );
  const { rows: any } = await tx.query<{ found: boolean; known: boolean }>("select exists (select 1 from pg_temp.zt_found) as found, exists (select 1 from base.contradiction where base = $1) as known", [definition.name]);
  if (!any[0]!.found && !any[0]!.known) return { raised: 0, closed: 0 };

  const raised = await transition(tx, actor, "raise", at, {
    sql: `insert into base.contradiction (base, key, field, source_id, row_key, value, rule, reference_value, reference_source_id, state, raised_at, times_raised, desk_state)
          select $1, f.key, f.field, f.source_id, f.row_key, f.value, f.rule, f.reference_value, f.reference_source_id, 'open', $2, 1, 'to-raise' from pg_temp.zt_found f
          where not exists (select 1 from base.contradiction c where c.base = $1 and c.key = f.key and c.field = f.field and c.source_id = f.source_id and c.value = f.value)
          returning id`,
    base: definition.name,
  });
  const same = "c.base = $1 and c.key = f.key and c.field = f.field and c.source_id = f.source_id and c.value = f.value";
  const reopened = await transition(tx, actor, "reopen", at, {
    sql: `update base.contradiction c set state = 'open', raised_at = $2, times_raised = times_raised + 1, closed_at = null, closed_reason = null, row_key = f.row_key, rule = f.rule, reference_value = f.reference_value, reference_source_id = f.reference_source_id,
            desk_state = case c.desk_state when 'to-close' then 'raised' else 'to-raise' end, desk_problem = null
          from pg_temp.zt_found f where ${same} and c.state = 'closed' returning c.id`,
    base: definition.name,
  });
  await tx.query(`update base.contradiction c set reference_value = f.reference_value, reference_source_id = f.reference_source_id, rule = f.rule, row_key = f.row_key from pg_temp.zt_found f where ${same} and (c.reference_value, c.reference_source_id, c.rule, c.row_key) is distinct from (f.reference_value, f.reference_source_id, f.rule, f.row_key)`, [definition.name]);
  const closed = await transition(tx, actor, "close", at, {
    sql: `update base.contradiction c set state = 'closed', closed_at = $2, closed_reason = case when c.source_id = any(m.source_ids) then 'no-longer-contradicts' else 'row-withdrawn' end,
            desk_state = case c.desk_state when 'raised' then 'to-close' else 'settled' end
          from pg_temp.zt_merged m where c.base = $1 and c.key = m.key and c.state = 'open'
            and not exists (select 1 from pg_temp.zt_found f where f.key = c.key and f.field = c.field and f.source_id = c.source_id and f.value = c.value)
          returning c.id`,
    base: definition.name,
  });
  return { raised: raised + reopened, closed };
}

/** The only writer of states: `sql` changes the rows ($1 base, $2 time) and returns their ids. */
async function transition(tx: Transaction, actor: Actor, action: keyof typeof contradictionTransitions, at: Date, change: { sql: string; base: string }): Promise<number> {
  const { from, to } = contradictionTransitions[action];
  const { rowCount } = await tx.query(
    `with changed as (${change.sql})
     insert into base.contradiction_transition (contradiction_id, action, from_state, to_state, at, actor_id) select id, $3, $4, $5, $2, $6 from changed`,
    [change.base, at, action, from[0] ?? "", to, actor.id],
  );
  return rowCount;
}
