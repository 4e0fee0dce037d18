import { quoteIdentifier, type Actor, type Kernel, type Reader } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle } from "./definition.ts";
import { findLandingFeed, listSources } from "./sources.ts";

export interface SourceStatistics {
  sourceId: number;
  role: string;
  title: BilingualTitle;
  organisationId: string;
  feedId: string;
  state: "attached" | "detached";
  generation?: number;
  /** Highest batch of the feed that has been read. */
  lastSequence: number;
  /** Batches applied to the landing table and not read yet. */
  lagBatches: number;
  rowsRead: number;
  /** Golden records to which it contributes. */
  records: number;
  unmatched: number;
  openContradictions: number;
  processedAt?: Date;
  problem?: BilingualTitle;
}

export interface BaseStatistics {
  base: BaseName;
  title: BilingualTitle;
  golden: number;
  /** Records that have all basic items. */
  completeBasics: number;
  /** Records made of more than one department's rows. */
  fromSeveralSources: number;
  contradictions: { open: number; closed: number; raisedEver: number };
  unmatched: { unmatched: number; review: number; matched: number };
  /** Keys that wait for merging. */
  waiting: number;
  sources: SourceStatistics[];
}

/** Counts without personal data, for whoever runs or answers for the bases. */
export function createStatistics({ kernel, definitions }: { kernel: Kernel; definitions: readonly BaseDefinition[] }) {
  const { database, access } = kernel;
  return {
    async statistics(actor: Actor): Promise<BaseStatistics[]> {
      access.assertAnyScope(actor, "base", "see");
      return database.read(async (reader) => {
        const result: BaseStatistics[] = [];
        for (const definition of definitions) result.push(await statisticsOf(reader, definition));
        return result;
      });
    },
  };
}

async function statisticsOf(reader: Reader, definition: BaseDefinition): Promise<BaseStatistics> {
  const basics = definition.attributes.filter((attribute) => attribute.basic).map((attribute) => `${quoteIdentifier(attribute.name)} is not null`);
  const { rows } = await reader.query<{ golden: number; complete: number; several: number; open: number; closed: number; raised: number; unmatched: number; review: number; matched: number; waiting: number }>(
    `select g.golden, g.complete, p.several, c.open, c.closed, c.raised, u.unmatched, u.review, u.matched, t.waiting
     from (select count(*) as golden, count(*) filter (where ${basics.join(" and ")}) as complete from base.${quoteIdentifier(definition.goldenTable)}) g,
       (select count(*) filter (where cardinality(source_ids) > 1) as several from base.provenance where base = $1) p,
       (select count(*) filter (where state = 'open') as open, count(*) filter (where state = 'closed') as closed, coalesce(sum(times_raised), 0)::bigint as raised from base.contradiction where base = $1) c,
       (select count(*) filter (where state = 'unmatched') as unmatched, count(*) filter (where state = 'review') as review, count(*) filter (where state = 'matched') as matched from base.unmatched_row where base = $1) u,
       (select count(*) as waiting from base.touched where base = $1) t`,
    [definition.name],
  );
  const row = rows[0]!;
  const perSource = await reader.query<{ id: number; records: number; unmatched: number; open: number }>(
    `select s.id, coalesce(p.records, 0)::bigint as records, coalesce(u.unmatched, 0)::bigint as unmatched, coalesce(c.open, 0)::bigint as open
     from base.source s
     left join (select x.id, count(*) as records from base.provenance v cross join lateral unnest(v.source_ids) x(id) where v.base = $1 group by x.id) p on p.id = s.id
     left join (select source_id, count(*) as unmatched from base.unmatched_row where base = $1 and state <> 'matched' group by source_id) u on u.source_id = s.id
     left join (select source_id, count(*) as open from base.contradiction where base = $1 and state = 'open' group by source_id) c on c.source_id = s.id
     where s.base = $1`,
    [definition.name],
  );
  const counts = new Map(perSource.rows.map((each) => [each.id, each]));
  const sources: SourceStatistics[] = [];
  for (const source of await listSources(reader, { base: definition.name })) {
    const feed = await findLandingFeed(reader, source.feedId);
    const count = counts.get(source.id);
    sources.push({
      sourceId: source.id,
      role: source.role,
      title: { zh: source.titleZh, en: source.titleEn },
      organisationId: source.organisationId,
      feedId: source.feedId,
      state: source.state,
      ...(source.generation === undefined ? {} : { generation: source.generation }),
      lastSequence: source.lastSequence,
      lagBatches: feed ? Math.max(0, feed.appliedSequence - source.lastSequence) : 0,
      rowsRead: source.rowsRead,
      records: count?.records ?? 0,
      unmatched: count?.unmatched ?? 0,
      openContradictions: count?.open ?? 0,
      ...(source.processedAt === undefined ? {} : { processedAt: source.processedAt }),
      ...(source.problem === undefined ? {} : { problem: source.problem }),
    });
  }
  return {
    base: definition.name,
    title: definition.title,
    golden: row.golden,
    completeBasics: row.complete,
    fromSeveralSources: row.several,
    contradictions: { open: row.open, closed: row.closed, raisedEver: row.raised },
    unmatched: { unmatched: row.unmatched, review: row.review, matched: row.matched },
    waiting: row.waiting,
    sources,
  };
}
