import { ConflictError, InputError, NotFoundError, quoteIdentifier, type Actor, type Kernel, type Reader } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle } from "./definition.ts";
import { definitionOf, keyOrRefuse } from "./golden.ts";
import { readPageRequest, toNumberedPage, type NumberedPage, type NumberedPageRequest } from "./paging.ts";

export interface MatchCandidate {
  key: string;
  /** Sum of the weights of all comparisons, in bits of evidence. */
  score: number;
  /** Comparison → its weight and how it came out. */
  explanation: Record<string, { weight: number; [detail: string]: unknown }>;
  name?: string;
  date?: string;
  address?: string;
  other?: string;
  decision?: { decision: "accepted" | "rejected"; reason: string; actorId: string; at: Date };
}

/** A source row without a usable key, and what is known of whose it may be. */
export interface UnmatchedRow {
  id: number;
  base: BaseName;
  sourceId: number;
  sourceRole: string;
  sourceTitle: BilingualTitle;
  organisationId: string;
  rowKey: string;
  rawKey?: string;
  /** Why its key cannot be used, e.g. `citizen-number.check-digit`, `missing`. */
  reason: string;
  state: "unmatched" | "review" | "matched";
  /** Whose it is taken to be. */
  linkedKey?: string;
  name?: string;
  date?: string;
  address?: string;
  other?: string;
  firstSeenAt: Date;
  candidates: MatchCandidate[];
}

export interface UnmatchedFilter {
  base?: BaseName;
  state?: UnmatchedRow["state"];
  sourceRole?: string;
  reason?: string;
}

export interface MatchDecisionInput {
  sourceId: number;
  rowKey: string;
  key: string;
  decision: "accepted" | "rejected";
  reason: string;
}

interface Row extends Record<string, unknown> {
  id: number;
  base: BaseName;
  source_id: number;
  row_key: string;
  raw_key: string | null;
  reason: string;
  match_name: string | null;
  match_date: string | null;
  match_address: string | null;
  match_other: string | null;
  state: UnmatchedRow["state"];
  first_seen_at: Date;
  role: string;
  title_zh: string;
  title_en: string;
  organisation_id: string;
  entity_key: string | null;
}

/** `process` brings a decision into the golden records before the call returns. */
export function createUnmatchedService({ kernel, definitions, process }: { kernel: Kernel; definitions: readonly BaseDefinition[]; process: () => Promise<unknown> }) {
  const { database, access, audit, clock } = kernel;

  async function decidable(reader: Reader, actor: Actor, input: Pick<MatchDecisionInput, "sourceId" | "rowKey">): Promise<{ base: BaseName }> {
    const { rows } = await reader.query<{ base: BaseName; organisation_id: string }>("select u.base, s.organisation_id from base.unmatched_row u join base.source s on s.id = u.source_id where u.source_id = $1 and u.row_key = $2", [input.sourceId, storedRowKey(input.rowKey)]);
    if (!rows[0]) throw new NotFoundError("No unmatched-row  that you may see", { zh: "对象不存在或无权查看", code: "unmatched-row.not-found" });
    access.assert(actor, "unmatched-row", "decide", { id: "", organisationId: rows[0].organisation_id } as { id: string });
    return { base: rows[0].base };
  }

  return {
    /** Oldest first, each with its best candidates. */
    async listUnmatched(actor: Actor, filter: UnmatchedFilter, page: NumberedPageRequest): Promise<NumberedPage<UnmatchedRow>> {
      access.assertAnyScope(actor, "unmatched-row", "see");
      const { limit, after } = readPageRequest(page);
      const condition = access.condition(actor, "unmatched-row", "see", { column: () => "s.organisation_id", firstPlaceholder: 7 });
      return database.read(async (reader) => {
        const { rows } = await reader.query<Row>(
          `select u.*, s.role, s.title_zh, s.title_en, s.organisation_id, l.entity_key
           from base.unmatched_row u join base.source s on s.id = u.source_id left join base.link l on l.source_id = u.source_id and l.row_key = u.row_key
           where ($1::text is null or u.base = $1) and ($2::text is null or u.state = $2) and ($3::text is null or s.role = $3) and ($4::text is null or u.reason = $4) and u.id > $5 and ${condition.text}
           order by u.id limit $6`,
          [filter.base ?? null, filter.state ?? null, filter.sourceRole ?? null, filter.reason ?? null, after, limit, ...condition.values],
        );
        // Who sees only their own department's row is told that it is wrong, not whose it may be.
        const candidates = rows.length > 0 && access.scopes(actor, "unmatched-row", "decide").length + (actor.kind === "system" ? 1 : 0) > 0 ? await candidatesOf(reader, definitions, rows) : new Map<number, MatchCandidate[]>();
        const full = candidates.size > 0 || actor.kind === "system" || access.scopes(actor, "unmatched-row", "decide").length > 0;
        return toNumberedPage(rows.map((row) => toUnmatched(row, candidates.get(row.id) ?? [], full)), page.first);
      });
    },

    /** A person says whose a row is, or that it is not this one's. Stands before every computed match; can be reverted. */
    async decideMatch(actor: Actor, input: MatchDecisionInput): Promise<void> {
      access.assertAnyScope(actor, "unmatched-row", "decide");
      const reason = input.reason.trim();
      if (reason.length === 0 || reason.length > 500) throw new InputError("A decision gives its reason in 1 to 500 characters", { zh: "须填写理由(1 至 500 字)", code: "match.reason" });
      await database.withTransaction(async (tx) => {
        const { base } = await decidable(tx, actor, input);
        const definition = definitionOf(definitions, base);
        const key = keyOrRefuse(definition, input.key, clock.now());
        const known = await tx.query(`select 1 from base.${quoteIdentifier(definition.goldenTable)} where ${quoteIdentifier(definition.key)} = $1`, [key]);
        if (known.rowCount === 0) throw new ConflictError("There is no golden record of that number", { zh: "该号码没有主记录", code: "match.no-golden-record", nextStep: "Choose one of the row's candidates." });
        const values = [input.sourceId, storedRowKey(input.rowKey), key];
        if (input.decision === "accepted") await tx.query("delete from base.match_decision where source_id = $1 and row_key = $2 and decision = 'accepted' and key <> $3", values);
        await tx.query("insert into base.match_decision (source_id, row_key, key, decision, reason, actor_id, decided_at) values ($1, $2, $3, $4, $5, $6, $7) on conflict (source_id, row_key, key) do update set decision = excluded.decision, reason = excluded.reason, actor_id = excluded.actor_id, decided_at = excluded.decided_at", [...values, input.decision, reason, actor.id, clock.now()]);
        const { rows } = await tx.query<{ id: number }>("update base.unmatched_row set compared = false where source_id = $1 and row_key = $2 returning id", values.slice(0, 2));
        await audit.record(tx, actor, { action: `match.${input.decision}`, objectType: "unmatched-row", objectId: `${base}/${rows[0]!.id}`, detail: { reason } });
      });
      await process();
    },

    /** Takes a person's decision back: the computed match counts again. */
    async revertMatch(actor: Actor, input: Pick<MatchDecisionInput, "sourceId" | "rowKey" | "key">): Promise<void> {
      access.assertAnyScope(actor, "unmatched-row", "decide");
      await database.withTransaction(async (tx) => {
        const { base } = await decidable(tx, actor, input);
        const key = keyOrRefuse(definitionOf(definitions, base), input.key, clock.now());
        const values = [input.sourceId, storedRowKey(input.rowKey)];
        const gone = await tx.query("delete from base.match_decision where source_id = $1 and row_key = $2 and key = $3", [...values, key]);
        if (gone.rowCount === 0) throw new ConflictError("Nobody has decided about this match", { zh: "该匹配没有人工决定", code: "match.no-decision" });
        const { rows } = await tx.query<{ id: number }>("update base.unmatched_row set compared = false where source_id = $1 and row_key = $2 returning id", values);
        await audit.record(tx, actor, { action: "match.reverted", objectType: "unmatched-row", objectId: `${base}/${rows[0]!.id}` });
      });
      await process();
    },
  };
}

const storedRowKey = (shown: string) => shown.replaceAll("|", "\u001f");

async function candidatesOf(reader: Reader, definitions: readonly BaseDefinition[], rows: readonly Row[]): Promise<Map<number, MatchCandidate[]>> {
  const found = new Map<number, MatchCandidate[]>();
  for (const base of new Set(rows.map((row) => row.base))) {
    const definition = definitionOf(definitions, base);
    const { matching } = definition;
    const [name, date, address, other] = [matching.name, matching.date, matching.address, matching.other].map((column) => `g.${quoteIdentifier(column)}`);
    const { rows: candidates } = await reader.query<{ id: number; key: string; score: number; explanation: MatchCandidate["explanation"]; name: string | null; date: string | null; address: string | null; other: string | null; decision: "accepted" | "rejected" | null; reason: string | null; actor_id: string | null; decided_at: Date | null }>(
      `select u.id, c.key, c.score, c.explanation, ${name} as name, ${date}::text as date, ${address} as address, ${other} as other, d.decision, d.reason, d.actor_id, d.decided_at
       from base.unmatched_row u join base.match_candidate c on c.source_id = u.source_id and c.row_key = u.row_key
       left join base.${quoteIdentifier(definition.goldenTable)} g on g.${quoteIdentifier(definition.key)} = c.key
       left join base.match_decision d on d.source_id = c.source_id and d.row_key = c.row_key and d.key = c.key
       where u.id = any($1) order by c.score desc, c.key`,
      [rows.filter((row) => row.base === base).map((row) => row.id)],
    );
    for (const each of candidates) {
      const list = found.get(each.id) ?? [];
      if (list.length < 10) list.push({ key: each.key, score: each.score, explanation: each.explanation, ...optional(each), ...(each.decision === null ? {} : { decision: { decision: each.decision, reason: each.reason!, actorId: each.actor_id!, at: each.decided_at! } }) });
      found.set(each.id, list);
    }
  }
  return found;
}

const optional = (row: { name: string | null; date: string | null; address: string | null; other: string | null }) => ({ ...(row.name === null ? {} : { name: row.name }), ...(row.date === null ? {} : { date: row.date }), ...(row.address === null ? {} : { address: row.address }), ...(row.other === null ? {} : { other: row.other }) });

function toUnmatched(row: Row, candidates: MatchCandidate[], full: boolean): UnmatchedRow {
  return {
    id: row.id,
    base: row.base,
    sourceId: row.source_id,
    sourceRole: row.role,
    sourceTitle: { zh: row.title_zh, en: row.title_en },
    organisationId: row.organisation_id,
    rowKey: row.row_key.replaceAll("\u001f", "|"),
    ...(row.raw_key === null ? {} : { rawKey: row.raw_key }),
    reason: row.reason,
    state: row.state,
    ...(row.entity_key === null || !full ? {} : { linkedKey: row.entity_key }),
    ...optional({ name: row.match_name, date: row.match_date, address: row.match_address, other: row.match_other }),
    firstSeenAt: row.first_seen_at,
    candidates,
  };
}
