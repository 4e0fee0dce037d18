import { compileRowCondition, type ItemType, type NamedRow } from "#standards";
import { InputError, quoteIdentifier, type Actor, type Kernel, type Reader } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle, EventDefinition, SourceDefinition } from "../record-store/definition.ts";
import { definitionOf, findRecordId, keyOrRefuse } from "../record-store/golden.ts";
import { permittedValue, toAuthoritySource, type LifecycleAuthority, type LifecyclePermit } from "../record-store/source-view.ts";
import { findLandingTable, isDirect, listSources, rowKeyMatchSql, rowKeySql, sourceDefinition, type AttachedSource, type LandingTable } from "../record-store/sources.ts";

/**
 * 生命周期查询: everything that any department granted about one person or firm, on one timeline. Each source is decided
 * for itself, refusal is the default, masked columns stay masked, and every query is audited, answered or not.
 */
export interface LifecycleQuery {
  base: BaseName;
  key: string;
  /** What the answer is needed for; kept in the audit log. */
  purpose: string;
}

export interface LifecycleEvent {
  /** `YYYY-MM-DD`; only `YYYY` where the grant masks the day; `YYYY-MM` for spans of months. */
  date: string;
  /** Absent: a moment, or not ended. */
  until?: string;
  kind: string;
  title: BilingualTitle;
  role: string;
  sourceTitle: BilingualTitle;
  organisationId: string;
  /** Absent: the actor's own department. */
  grantId?: string;
  /** The source's row (the first, of a span); absent where the grant does not give its key fields. */
  rowKey?: string;
  /** Rows that make the event. */
  rows: number;
  /** `likeness`: the row names no valid key and was assigned by name and date. */
  assignedBy: "key" | "likeness";
  details: { column: string; value: string; masked: boolean }[];
}

export interface LifecycleSourceOutcome {
  role: string;
  title: BilingualTitle;
  outcome: "shown" | "nothing" | "refused" | "not-available";
  /** More rows than are read for one timeline. */
  truncated: boolean;
}

export interface Lifecycle {
  base: BaseName;
  key: string;
  events: LifecycleEvent[];
  sources: LifecycleSourceOutcome[];
}

/** Rows of one source about one key: a monthly payer has 480 in forty years. */
const rowLimit = 1_000;

export function createLifecycle({ kernel, definitions, authority }: { kernel: Kernel; definitions: readonly BaseDefinition[]; authority: LifecycleAuthority }) {
  const { database, access, audit, clock } = kernel;

  return {
    async lifecycle(actor: Actor, query: LifecycleQuery): Promise<Lifecycle> {
      access.assertAnyScope(actor, "lifecycle", "query");
      const definition = definitionOf(definitions, query.base);
      const purpose = query.purpose.trim();
      if (purpose.length === 0 || purpose.length > 500) throw new InputError("A life-cycle query states its purpose in 1 to 500 characters", { zh: "生命周期查询须说明用途(1 至 500 字)", code: "lifecycle.purpose", nextStep: "Say for which case or procedure the timeline is needed." });
      const key = keyOrRefuse(definition, query.key, clock.now());
      const sources = (await database.read((reader) => listSources(reader, { base: query.base, state: "attached" }))).filter((source) => (sourceDefinition(definition, source.role)?.events.length ?? 0) > 0);
      const permits = new Map((await authority.permits(actor, { base: query.base, purpose, sources: sources.map(toAuthoritySource) })).map((permit) => [permit.sourceId, permit]));

      const answer = await database.read(async (reader) => {
        const events: LifecycleEvent[] = [];
        const outcomes: LifecycleSourceOutcome[] = [];
        for (const source of sources) {
          const own = sourceDefinition(definition, source.role)!;
          const permit = permits.get(source.id);
          const found = permit ? await eventsOf(reader, own, source, permit, key) : { events: [], outcome: "refused" as const, truncated: false };
          events.push(...found.events);
          outcomes.push({ role: source.role, title: own.title, outcome: found.outcome, truncated: found.truncated });
        }
        return { events: events.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : a.role.localeCompare(b.role))), sources: outcomes, recordId: await findRecordId(reader, definition, key) };
      });
      await database.withTransaction((tx) =>
        audit.record(tx, actor, {
          action: "lifecycle.query",
          objectType: "golden-record",
          objectId: answer.recordId ?? `${query.base}/unknown`,
          detail: { purpose, events: answer.events.length, shown: answer.sources.filter((each) => each.outcome === "shown").map((each) => each.role), refused: answer.sources.filter((each) => each.outcome === "refused").map((each) => each.role), grants: [...new Set([...permits.values()].flatMap((permit) => permit.grantId ?? []))] },
        }),
      );
      return { base: query.base, key, events: answer.events, sources: answer.sources };
    },
  };
}

interface SourceRow {
  rowKey: string;
  byKey: boolean;
  values: Record<string, string | null>;
}

async function eventsOf(reader: Reader, own: SourceDefinition, source: AttachedSource, permit: LifecyclePermit, key: string): Promise<{ events: LifecycleEvent[]; outcome: LifecycleSourceOutcome["outcome"]; truncated: boolean }> {
  const table = await findLandingTable(reader, source);
  if (!table || !table.columns.has(own.keyColumn)) return { events: [], outcome: "not-available", truncated: false };
  const rows = await rowsOf(reader, own, source, table, key);
  const truncated = rows.length > rowLimit;
  const passes = permit.rowCondition === undefined ? () => true : rowFilter(permit, table);
  const visible = rows.slice(0, rowLimit).filter(passes);
  const events = own.events.flatMap((event) => eventsOfKind(event, own, source, permit, table, visible));
  return { events, outcome: events.length > 0 ? "shown" : "nothing", truncated };
}

async function rowsOf(reader: Reader, own: SourceDefinition, source: AttachedSource, table: LandingTable, key: string): Promise<SourceRow[]> {
  const columns = [...table.columns.keys()].filter((column) => !column.startsWith("zt_"));
  const shown = columns.map((column) => `l.${quoteIdentifier(column)}::text as ${quoteIdentifier(column)}`).join(", ");
  const direct = isDirect(own, table) ? `select ${rowKeySql("l", table)} as zt_row_key, true as zt_by_key, ${shown} from ${table.sql} l where l.${quoteIdentifier(own.keyColumn)} = $2 union all ` : "";
  const { rows } = await reader.query<Record<string, string | null> & { zt_row_key: string; zt_by_key: boolean }>(`${direct}select i.row_key as zt_row_key, i.by_key as zt_by_key, ${shown} from base.link i join ${table.sql} l on ${rowKeyMatchSql("l", table, "i.row_key")} where i.source_id = $1 and i.entity_key = $2 order by 1 limit ${rowLimit + 1}`, [source.id, key]);
  return rows.map(({ zt_row_key: rowKey, zt_by_key: byKey, ...values }) => ({ rowKey, byKey, values }));
}

function rowFilter(permit: LifecyclePermit, table: LandingTable): (row: SourceRow) => boolean {
  const passes = compileRowCondition(permit.rowCondition!, (field) => itemTypeOf(table.columns.get(field)));
  return (row) => passes(row.values as NamedRow);
}

function itemTypeOf(columnType: string | undefined): ItemType | undefined {
  if (columnType === undefined) return undefined;
  if (columnType.startsWith("timestamp")) return "T";
  if (columnType.startsWith("numeric")) return "N";
  return ({ date: "D", boolean: "L", bigint: "I", integer: "I", "double precision": "B" } as Record<string, ItemType>)[columnType] ?? "C";
}

function eventsOfKind(event: EventDefinition, own: SourceDefinition, source: AttachedSource, permit: LifecyclePermit, table: LandingTable, rows: readonly SourceRow[]): LifecycleEvent[] {
  // Without its date an event has no place on a timeline; masked, only a year has.
  const dateMask = permit.masks?.[event.on];
  if (permittedValue(permit, event.on, "") === undefined || (dateMask !== undefined && dateMask !== "birth-year")) return [];
  const keyShown = table.keyColumns.every((column) => permittedValue(permit, column, "")?.masked === false);
  const single = (row: SourceRow): LifecycleEvent[] => {
    const date = dayOf(permittedValue(permit, event.on, row.values[event.on] ?? null)?.value);
    if (date === undefined) return [];
    const until = event.until === undefined ? undefined : dayOf(permittedValue(permit, event.until, row.values[event.until] ?? null)?.value);
    return [
      {
        date,
        ...(until === undefined ? {} : { until }),
        kind: event.kind,
        title: event.title,
        role: source.role,
        sourceTitle: own.title,
        organisationId: source.organisationId,
        ...(permit.grantId === undefined ? {} : { grantId: permit.grantId }),
        ...(keyShown ? { rowKey: row.rowKey.replaceAll("\u001f", "|") } : {}),
        rows: 1,
        assignedBy: row.byKey ? "key" : "likeness",
        details: event.show.flatMap((column) => {
          const shown = permittedValue(permit, column, row.values[column] ?? null);
          return shown?.value == null || shown.value === "" ? [] : [{ column, value: shown.value, masked: shown.masked }];
        }),
      },
    ];
  };
  if (!event.months) return rows.flatMap(single);

  const groups = new Map<string, LifecycleEvent[]>();
  for (const row of rows) {
    const group = JSON.stringify([row.byKey, ...event.months.groupBy.map((column) => permittedValue(permit, column, row.values[column] ?? null)?.value ?? null)]);
    groups.set(group, [...(groups.get(group) ?? []), ...single(row)]);
  }
  return [...groups.values()].flatMap((list) => joinMonths(list.sort((a, b) => (a.date < b.date ? -1 : 1))));
}

/** `YYYYMM` as `YYYY-MM`, a time as its day, a year as it is. */
function dayOf(text: string | null | undefined): string | undefined {
  if (text == null || text === "") return undefined;
  if (/^\d{6}$/.test(text)) return `${text.slice(0, 4)}-${text.slice(4)}`;
  if (/^\d{8}$/.test(text)) return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
  return /^\d{4}/.test(text) ? text.slice(0, 10) : undefined;
}

const monthNumber = (month: string) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7));

/** Months without a gap become one event from the first to the last; two rows in one month count as two. */
function joinMonths(events: readonly LifecycleEvent[]): LifecycleEvent[] {
  const spans: LifecycleEvent[] = [];
  for (const event of events) {
    const last = spans.at(-1);
    if (last && monthNumber(event.date) - monthNumber(last.until ?? last.date) <= 1) {
      last.until = event.date;
      last.rows += event.rows;
    } else spans.push({ ...event, until: event.date });
  }
  return spans;
}
