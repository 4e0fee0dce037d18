import type { Actor, Kernel } from "#platform";
import { systemActor } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle } from "./definition.ts";
import type { ContradictionRule } from "./contradictions.ts";

/** A request to correct, as the department's own people need it to find the row. Holds personal values. */
export interface CorrectionToRaise {
  /** Ours; the same one again must not raise a second correction. */
  reference: string;
  base: BaseName;
  /** Catalog entry, grant and provider of the contradicting row. */
  entryId: string;
  grantId: string;
  providerOrganisationId: string;
  sourceRole: string;
  /** The entry's item. */
  field: string;
  /** Values of the entry's key fields; several are joined by `|`. */
  rowKey: string;
  givenValue: string;
  expectedValue?: string;
  rule: ContradictionRule;
  /** Why it is thought wrong, without personal values. */
  evidence: BilingualTitle;
}

export interface CorrectionClosure {
  reference: string;
  correctionId: string;
  entryId: string;
  field: string;
  rowKey: string;
}

/**
 * Where correction requests go (the catalog's 校核, wired by the composition root). Both calls come in batches of up to
 * 500 and may be repeated after a crash: an open correction for the same entry, field and row is answered with its id.
 */
export interface CorrectionDesk {
  raise(actor: Actor, corrections: readonly CorrectionToRaise[]): Promise<readonly ({ reference: string; correctionId: string } | { reference: string; problem: string })[]>;
  closeAsCorrected(actor: Actor, closures: readonly CorrectionClosure[]): Promise<void>;
}

export interface CorrectionDelivery {
  raised: number;
  closed: number;
  refused: number;
}

const actor = systemActor("base-databases");
const batchSize = 500;

interface DeskRow extends Record<string, unknown> {
  id: number;
  base: BaseName;
  field: string;
  source_id: number;
  row_key: string;
  value: string;
  rule: ContradictionRule;
  reference_value: string | null;
  reference_title: string | null;
  times_raised: number;
  correction_id: string | null;
  entry_id: string;
  grant_id: string;
  organisation_id: string;
  role: string;
}

/**
 * Tells the desk what `desk_state` says is still to be told. The desk is in another database: its answer is written
 * down after the call, so a crash between them only repeats a call that the desk knows.
 */
export function createCorrectionDelivery({ kernel, definitions, desk }: { kernel: Pick<Kernel, "database" | "log">; definitions: readonly BaseDefinition[]; desk: CorrectionDesk }) {
  const { database, log } = kernel;

  const waiting = (state: "to-raise" | "to-close", after: number) =>
    database.read(async (reader) => {
      const { rows } = await reader.query<DeskRow>(
        `select c.id, c.base, c.field, c.source_id, c.row_key, c.value, c.rule, c.reference_value, r.title_zh as reference_title, c.times_raised, c.correction_id, s.entry_id, s.grant_id, s.organisation_id, s.role
         from base.contradiction c join base.source s on s.id = c.source_id left join base.source r on r.id = c.reference_source_id
         where c.desk_state = $1 and c.id > $2 order by c.id limit $3`,
        [state, after, batchSize],
      );
      return rows;
    });

  const fieldOf = (row: DeskRow): string => {
    const definition = definitions.find((candidate) => candidate.name === row.base);
    const source = definition?.sources.find((candidate) => candidate.id === row.source_id);
    return (row.field === definition?.key ? source?.keyColumn : source?.attributes[row.field]?.column) ?? row.field;
  };
  // Ours are joined by a character that no screen shows.
  const rowKeyOf = (row: DeskRow) => row.row_key.replaceAll("\u001f", "|");

  async function close(delivery: CorrectionDelivery): Promise<void> {
    for (let rows = await waiting("to-close", 0); rows.length > 0; rows = await waiting("to-close", rows.at(-1)!.id)) {
      await desk.closeAsCorrected(actor, rows.map((row) => ({ reference: referenceOf(row), correctionId: row.correction_id ?? "", entryId: row.entry_id, field: fieldOf(row), rowKey: rowKeyOf(row) })));
      await database.withTransaction((tx) => tx.query("update base.contradiction set desk_state = 'settled' where id = any($1) and desk_state = 'to-close'", [rows.map((row) => row.id)]));
      delivery.closed += rows.length;
    }
  }

  async function raise(delivery: CorrectionDelivery): Promise<void> {
    for (let rows = await waiting("to-raise", 0); rows.length > 0; rows = await waiting("to-raise", rows.at(-1)!.id)) {
      const answers = await desk.raise(
        actor,
        rows.map((row) => ({
          reference: referenceOf(row),
          base: row.base,
          entryId: row.entry_id,
          grantId: row.grant_id,
          providerOrganisationId: row.organisation_id,
          sourceRole: row.role,
          field: fieldOf(row),
          rowKey: rowKeyOf(row),
          givenValue: row.value,
          ...(row.reference_value === null ? {} : { expectedValue: row.reference_value }),
          rule: row.rule,
          evidence: evidenceOf(row),
        })),
      );
      const byReference = new Map(answers.map((answer) => [answer.reference, answer]));
      const told: { id: number; correction: string | null; problem: string | null; times: number }[] = rows.flatMap((row) => {
        const answer = byReference.get(referenceOf(row));
        if (!answer) return [];
        return [{ id: row.id, times: row.times_raised, correction: "correctionId" in answer ? answer.correctionId : null, problem: "problem" in answer ? answer.problem : null }];
      });
      // One that was closed while the desk was told must be closed there too; one raised again meanwhile waits for its turn.
      await database.withTransaction((tx) =>
        tx.query(
          `update base.contradiction c set correction_id = coalesce(t.correction, c.correction_id), desk_problem = t.problem,
             desk_state = case when t.correction is null then 'refused' when c.state = 'open' then 'raised' else 'to-close' end
           from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[]) as t(id, correction, problem, times)
           where c.id = t.id and c.times_raised = t.times and c.desk_state in ('to-raise', 'settled')`,
          [told.map((each) => each.id), told.map((each) => each.correction), told.map((each) => each.problem), told.map((each) => each.times)],
        ),
      );
      const refused = told.filter((each) => each.correction === null).length;
      delivery.refused += refused;
      delivery.raised += told.length - refused;
      if (told.length < rows.length) log.warn({ unanswered: rows.length - told.length }, "the correction desk left requests unanswered; they will be raised again");
    }
  }

  return {
    /** Closes first: the desk keeps one open correction a row and field, and a new one must not find the old. */
    async deliver(): Promise<CorrectionDelivery> {
      const delivery: CorrectionDelivery = { raised: 0, closed: 0, refused: 0 };
      await close(delivery);
      await raise(delivery);
      // What was closed while it was being raised.
      await close(delivery);
      return delivery;
    },
  };
}

const referenceOf = (row: DeskRow) => `base-contradiction-${row.id}-${row.times_raised}`;

function evidenceOf(row: DeskRow): BilingualTitle {
  switch (row.rule) {
    case "sources-differ":
      return { zh: `与${row.reference_title ?? "更高权威来源"}登记的内容不一致`, en: `differs from what ${row.reference_title ?? "the source of higher authority"} has` };
    case "differs-from-key":
      return { zh: "与号码(代码)本身所含信息不一致", en: "differs from what the number itself says" };
    case "unreadable":
      return { zh: "内容无法按该信息项的格式识别", en: "cannot be read in the item's format" };
    case "key-mismatch":
      return { zh: "号码(代码)有误:其余信息与另一号码的主记录相符", en: "the number is wrong: all else fits the record of another number" };
  }
}
