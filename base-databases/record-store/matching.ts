import type { Transaction } from "#platform";
import { quoteIdentifier } from "#platform";
import type { BaseDefinition } from "./definition.ts";
import { touch } from "./ingest.ts";

/**
 * Rows without a usable key, compared with golden records by what they do say (Fellegi and Sunter): each comparison adds
 * log2(m/u), m and u being how often it comes out so among true pairs and among all others. From the match threshold
 * and with enough lead over the second best the row is linked, from the review threshold a person is asked.
 *
 * Candidates are a function of the row and of golden values alone, and matched rows say nothing about identity (see
 * merge-sql.ts): so the outcome does not depend on the order in which rows came.
 */
export const matchWeights = {
  name: { equal: 10.5, close: 7, similar: 3.5, different: -6.5 },
  date: { equal: 14, near: 6, different: -5 },
  address: { equal: 8, close: 6, similar: 3, different: -2 },
  other: { equal: 9, different: -1 },
  /** The written number against the candidate's, in how many places they differ; two swapped digits are two. */
  number: { one: 11, two: 7, few: 2, different: -6 },
} as const;

/** Rows compared in one transaction: 11,000 against 1,000,000 take about as long as 35 exact hash joins. */
export const matchChunkRows = 20_000;

export interface MatchResult {
  compared: number;
  matched: number;
  review: number;
  more: boolean;
}

/** The caller holds the reading lock. */
export async function matchChunk(tx: Transaction, definition: BaseDefinition, chunkRows: number): Promise<MatchResult> {
  await tx.query("drop table if exists pg_temp.zt_compare, pg_temp.zt_rematch, pg_temp.zt_affected, pg_temp.zt_decided");
  await tx.query("select set_config('jit', 'off', true), set_config('work_mem', '64MB', true)");
  const rows = await tx.query("create temp table zt_compare on commit drop as select * from base.unmatched_row where base = $1 and not compared order by id limit $2", [definition.name, chunkRows]);
  await tx.query("create temp table zt_rematch (key text primary key) on commit drop");
  const again = await tx.query("with taken as (delete from base.rematch r using (select base, key from base.rematch where base = $1 order by key limit $2) c where r.base = c.base and r.key = c.key returning r.key) insert into zt_rematch select key from taken", [definition.name, chunkRows]);
  if (rows.rowCount + again.rowCount === 0) return { compared: 0, matched: 0, review: 0, more: false };
  await tx.query("analyze pg_temp.zt_compare");
  await tx.query("analyze pg_temp.zt_rematch");

  // Every row whose candidates may change now.
  await tx.query("create temp table zt_affected on commit drop as select source_id, row_key from zt_compare union select c.source_id, c.row_key from base.match_candidate c join zt_rematch r on c.base = $1 and c.key = r.key", [definition.name]);
  await tx.query("delete from base.match_candidate c using zt_compare u where c.source_id = u.source_id and c.row_key = u.row_key");
  await tx.query("delete from base.match_candidate c using zt_rematch r where c.base = $1 and c.key = r.key", [definition.name]);

  const golden = `base.${quoteIdentifier(definition.goldenTable)}`;
  const key = quoteIdentifier(definition.key);
  if (rows.rowCount > 0) await tx.query(candidateSql(definition, "zt_compare", golden), [definition.name, definition.matching.thresholds.review]);
  if (again.rowCount > 0) {
    const settled = "(select * from base.unmatched_row x where x.base = $1 and x.compared)";
    const changed = `(select y.* from ${golden} y join zt_rematch k on k.key = y.${key})`;
    await tx.query(`with added as (${candidateSql(definition, settled, changed)} returning source_id, row_key) insert into zt_affected select distinct source_id, row_key from added`, [definition.name, definition.matching.thresholds.review]);
  }
  await tx.query("analyze pg_temp.zt_affected");
  // The candidates just written have no statistics: the planner would take them for few and compare each with each.
  if (rows.rowCount + again.rowCount > 500) await tx.query("select set_config('enable_nestloop', 'off', true)");
  const decided = await decide(tx, definition);
  return { compared: rows.rowCount + again.rowCount, ...decided, more: rows.rowCount === chunkRows || again.rowCount === chunkRows };
}

/** Inserts candidates: $1 base, $2 review threshold. `rowsSql` and `goldenSql` name what is compared with what. */
export function candidateSql(definition: BaseDefinition, rowsSql: string, goldenSql: string): string {
  const { matching } = definition;
  const [name, date, address, other, key] = [matching.name, matching.date, matching.address, matching.other, definition.key].map((column) => `g.${quoteIdentifier(column)}`) as [string, string, string, string, string];
  // date_part gives a double: extract gives a numeric, at four times the cost.
  const year = (value: string) => `date_part('year', ${value})`;
  const sameYear = `${year(date)} = ${year("u.match_date")}`;
  const outsideDates = `(u.match_date is null or ${date} is null or ${year(date)} <> ${year("u.match_date")})`;
  const select = `select u.source_id, u.row_key, u.raw_key, u.match_name, u.match_date, u.match_address, u.match_other, ${key} as key, ${name} as name, ${date} as date, ${address} as address, ${other} as other from ${rowsSql} u join ${goldenSql} g on`;
  const dayOfYear = (value: string) => `(date_part('month', ${value}) * 100 + date_part('day', ${value}))`;
  const sameDay = `${dayOfYear(date)} = ${dayOfYear("u.match_date")}`;
  const nameWithDate = `coalesce(${name} = u.match_name and (${sameYear} or ${sameDay}), false)`;
  // Disjoint blocks, each one hash join: the pairs outside them have too little in common to reach a review.
  const blocks = [
    `${select} ${date} = u.match_date`,
    `${select} ${name} = u.match_name and ${sameYear} where ${date} <> u.match_date`,
    `${select} ${name} = u.match_name and ${sameDay} where ${year(date)} <> ${year("u.match_date")}`,
    `${select} ${address} = u.match_address where ${date} is distinct from u.match_date and not ${nameWithDate}`,
    `${select} ${name} = u.match_name and ${other} = u.match_other where ${outsideDates} and ${address} is distinct from u.match_address and not ${nameWithDate}`,
  ];
  const w = matchWeights;
  const nameWeight = `case when match_name is null or name is null then 0 when alike = 1 then ${w.name.equal} when alike >= 0.75 then ${w.name.close} when alike >= 0.55 then ${w.name.similar} when alike >= 0.4 then 0 else ${w.name.different} end`;
  const dateWeight = `case when match_date is null or date is null then 0 when match_date = date then ${w.date.equal} when ${nearDate} then ${w.date.near} else ${w.date.different} end`;
  const otherWeight = `case when match_other is null or other is null then 0 when match_other = other then ${w.other.equal} else ${w.other.different} end`;
  // Counted only where the ends agree: counting places costs more than all the rest, and strangers agree in neither.
  const distance = `case when raw_key is not null and char_length(raw_key) = char_length(key) and (left(raw_key, 6) = left(key, 6) or right(raw_key, 4) = right(key, 4)) then base.number_distance(upper(raw_key), key) end`;
  const numberWeight = `case when coalesce(char_length(raw_key) <> char_length(key), true) then 0 when distance is null then ${w.number.different} when distance <= 1 then ${w.number.one} when distance = 2 then ${w.number.two} when distance <= 4 then ${w.number.few} else ${w.number.different} end`;
  const addressWeight = `case when near is null then 0 when near = 1 then ${w.address.equal} when near >= 0.6 then ${w.address.close} when near >= 0.35 then ${w.address.similar} else ${w.address.different} end`;
  const most = w.address.equal + w.number.one;
  return `insert into base.match_candidate (source_id, row_key, base, key, score, explanation)
    select source_id, row_key, $1, key, (by_name + by_date + by_other + by_number + by_address)::real,
      jsonb_build_object('name', jsonb_build_object('weight', by_name, 'similarity', round(alike::numeric, 2)), 'date', jsonb_build_object('weight', by_date, 'equal', match_date = date), 'other', jsonb_build_object('weight', by_other, 'equal', match_other = other),
        'number', jsonb_build_object('weight', by_number, 'differentPlaces', distance), 'address', jsonb_build_object('weight', by_address, 'similarity', round(near::numeric, 2)))
    from (
      select *, ${numberWeight} as by_number, ${addressWeight} as by_address from (
        select *, ${distance} as distance, case when match_address is null or address is null then null when match_address = address then 1 else public.similarity(base.address_key(match_address), base.address_key(address)) end as near from (
          select *, ${nameWeight} as by_name, ${dateWeight} as by_date, ${otherWeight} as by_other from (
            select *, coalesce(base.name_similarity(match_name, name), 0) as alike from (${blocks.join("\nunion all\n")}) pair offset 0
          ) named offset 0
        ) partly where by_name + by_date + by_other + ${most} >= $2 and (by_name >= 0 or right(raw_key, 4) = right(key, 4) or right(match_address, 5) = right(address, 5)) offset 0
      ) compared offset 0
    ) weighed where by_name + by_date + by_other + by_number + by_address >= $2`;
}

/** One part of the date written wrong, or month and day exchanged. */
const nearDate =
  "(date_part('year', match_date) = date_part('year', date) and (date_part('month', match_date) = date_part('month', date) or date_part('day', match_date) = date_part('day', date) or (date_part('month', match_date) = date_part('day', date) and date_part('day', match_date) = date_part('month', date)))) or (date_part('month', match_date) = date_part('month', date) and date_part('day', match_date) = date_part('day', date) and abs(date_part('year', match_date) - date_part('year', date)) in (1, 10, 100))";

/** For every affected row: linked to one record, waiting for a person, or neither. What a person decided goes before. */
async function decide(tx: Transaction, definition: BaseDefinition): Promise<{ matched: number; review: number }> {
  const { match, lead } = definition.matching.thresholds;
  await tx.query(
    `create temp table zt_decided on commit drop as
     with ranked as (
       select c.source_id, c.row_key, c.key, c.score, row_number() over w as place, lead(c.score) over w as next
       from base.match_candidate c join (select distinct source_id, row_key from zt_affected) a using (source_id, row_key)
       where not exists (select 1 from base.match_decision d where d.source_id = c.source_id and d.row_key = c.row_key and d.key = c.key and d.decision = 'rejected')
       window w as (partition by c.source_id, c.row_key order by c.score desc, c.key))
     select a.source_id, a.row_key, coalesce(d.key, case when r.score >= $1 and r.score - coalesce(r.next, 0) >= $2 then r.key end) as key, r.key is not null as any_candidate
     from (select distinct source_id, row_key from zt_affected) a
     left join ranked r on r.source_id = a.source_id and r.row_key = a.row_key and r.place = 1
     left join base.match_decision d on d.source_id = a.source_id and d.row_key = a.row_key and d.decision = 'accepted'`,
    [match, lead],
  );
  const merging = definition.sources.filter((source) => Object.keys(source.attributes).length > 0).map((source) => source.id);
  await touch(tx, definition, "select x.key from zt_decided z left join base.link l on l.source_id = z.source_id and l.row_key = z.row_key cross join lateral (values (z.key), (l.entity_key)) x(key) where z.key is distinct from l.entity_key and x.key is not null and z.source_id = any($2)", [merging]);
  await tx.query("delete from base.link l using zt_decided z where l.source_id = z.source_id and l.row_key = z.row_key and not l.by_key and z.key is distinct from l.entity_key");
  await tx.query("insert into base.link (source_id, row_key, entity_key, by_key) select source_id, row_key, key, false from zt_decided where key is not null on conflict do nothing");
  const { rows } = await tx.query<{ matched: number; review: number }>(
    `with done as (
       update base.unmatched_row u set compared = true, state = case when z.key is not null then 'matched' when z.any_candidate then 'review' else 'unmatched' end
       from zt_decided z where u.source_id = z.source_id and u.row_key = z.row_key returning u.state)
     select count(*) filter (where state = 'matched') as matched, count(*) filter (where state = 'review') as review from done`,
  );
  return rows[0]!;
}
