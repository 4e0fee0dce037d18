import type { Actor, Kernel } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle } from "./definition.ts";
import type { ContradictionRule, ContradictionState, DeskState } from "./contradictions.ts";
import { readPageRequest, toNumberedPage, type NumberedPage, type NumberedPageRequest } from "./paging.ts";

export interface Contradiction {
  id: number;
  base: BaseName;
  key: string;
  field: string;
  fieldTitle: BilingualTitle;
  sourceRole: string;
  sourceTitle: BilingualTitle;
  /** The department that is asked. */
  organisationId: string;
  rowKey: string;
  value: string;
  rule: ContradictionRule;
  referenceValue?: string;
  /** Whose value the golden record has; absent where the number itself says it. */
  referenceRole?: string;
  referenceTitle?: BilingualTitle;
  state: ContradictionState;
  raisedAt: Date;
  timesRaised: number;
  closedAt?: Date;
  closedReason?: BilingualTitle;
  deskState: DeskState;
  deskProblem?: string;
  correctionId?: string;
}

const closedReasons = {
  "no-longer-contradicts": { zh: "来源已不再矛盾", en: "the source no longer contradicts" },
  "row-withdrawn": { zh: "来源已无该记录", en: "the source no longer has the row" },
} as const satisfies Record<string, BilingualTitle>;

export interface ContradictionFilter {
  base?: BaseName;
  state?: ContradictionState;
  sourceRole?: string;
  field?: string;
  key?: string;
  deskState?: DeskState;
}

interface ContradictionRow extends Record<string, unknown> {
  id: number;
  base: BaseName;
  key: string;
  field: string;
  row_key: string;
  value: string;
  rule: ContradictionRule;
  reference_value: string | null;
  state: ContradictionState;
  raised_at: Date;
  times_raised: number;
  closed_at: Date | null;
  closed_reason: keyof typeof closedReasons | null;
  desk_state: DeskState;
  desk_problem: string | null;
  correction_id: string | null;
  role: string;
  title_zh: string;
  title_en: string;
  organisation_id: string;
  reference_role: string | null;
  reference_zh: string | null;
  reference_en: string | null;
}

export function createContradictionList({ kernel, definitions }: { kernel: Kernel; definitions: readonly BaseDefinition[] }) {
  const { database, access } = kernel;
  const titleOf = (base: BaseName, field: string): BilingualTitle => {
    const definition = definitions.find((candidate) => candidate.name === base);
    return (field === definition?.key ? definition.keyTitle : definition?.attributes.find((attribute) => attribute.name === field)?.title) ?? { zh: field, en: field };
  };

  return {
    /** Newest first; a department's staff see those that their own department is asked to correct. */
    async listContradictions(actor: Actor, filter: ContradictionFilter, page: NumberedPageRequest): Promise<NumberedPage<Contradiction>> {
      access.assertAnyScope(actor, "contradiction", "see");
      const { limit, after } = readPageRequest(page);
      const condition = access.condition(actor, "contradiction", "see", { column: () => "s.organisation_id", firstPlaceholder: 9 });
      const rows = await database.read((reader) =>
        reader.query<ContradictionRow>(
          `select c.*, s.role, s.title_zh, s.title_en, s.organisation_id, r.role as reference_role, r.title_zh as reference_zh, r.title_en as reference_en
           from base.contradiction c join base.source s on s.id = c.source_id left join base.source r on r.id = c.reference_source_id
           where ($1::text is null or c.base = $1) and ($2::text is null or c.state = $2) and ($3::text is null or s.role = $3) and ($4::text is null or c.field = $4) and ($5::text is null or c.key = $5) and ($6::text is null or c.desk_state = $6)
             and ($7 = 0 or c.id < $7) and ${condition.text}
           order by c.id desc limit $8`,
          [filter.base ?? null, filter.state ?? null, filter.sourceRole ?? null, filter.field ?? null, filter.key ?? null, filter.deskState ?? null, after, limit, ...condition.values],
        ),
      );
      return toNumberedPage(
        rows.rows.map(
          (row): Contradiction => ({
            id: row.id,
            base: row.base,
            key: row.key,
            field: row.field,
            fieldTitle: titleOf(row.base, row.field),
            sourceRole: row.role,
            sourceTitle: { zh: row.title_zh, en: row.title_en },
            organisationId: row.organisation_id,
            rowKey: row.row_key.replaceAll("\u001f", "|"),
            value: row.value,
            rule: row.rule,
            ...(row.reference_value === null ? {} : { referenceValue: row.reference_value }),
            ...(row.reference_role === null ? {} : { referenceRole: row.reference_role, referenceTitle: { zh: row.reference_zh!, en: row.reference_en! } }),
            state: row.state,
            raisedAt: row.raised_at,
            timesRaised: row.times_raised,
            ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
            ...(row.closed_reason === null ? {} : { closedReason: closedReasons[row.closed_reason] }),
            deskState: row.desk_state,
            ...(row.desk_problem === null ? {} : { deskProblem: row.desk_problem }),
            ...(row.correction_id === null ? {} : { correctionId: row.correction_id }),
          }),
        ),
        page.first,
      );
    },
  };
}
