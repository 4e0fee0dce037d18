import { InputError, NotFoundError, quoteIdentifier, type Actor, type Kernel, type Reader } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle } from "./definition.ts";
import { readKey } from "./keys.ts";
import { permittedValue, toAuthoritySource, type LifecycleAuthority, type LifecyclePermit } from "./source-view.ts";
import { listSources, type AttachedSource } from "./sources.ts";

export interface ValueSource {
  /** 0: read from the key itself. */
  sourceId: number;
  role?: string;
  title: BilingualTitle;
  organisationId?: string;
  /** The source's row. */
  rowKey?: string;
  /** Of when the source says it is, `YYYY-MM-DD HH:MM:SS`; absent where it says nothing of time. */
  time?: string;
}

export interface RivalValue extends ValueSource {
  value: string;
  /** The correction that was asked for because of it. */
  contradiction?: { id: number; state: "open" | "closed"; correctionId?: string };
}

export interface GoldenField {
  name: string;
  title: BilingualTitle;
  basic: boolean;
  unit?: string;
  /** Text form; undefined when nobody says anything. */
  value?: string;
  /** The caller may not see what this source says. */
  withheld: boolean;
  masked: boolean;
  source?: ValueSource;
  rivals: RivalValue[];
}

export interface GoldenRecord {
  base: BaseName;
  key: string;
  /** Opaque: names the record where the key must not stand. */
  recordId: string;
  updatedAt: Date;
  changeSequence: number;
  fields: GoldenField[];
  sources: ValueSource[];
  faults: { field: string; source: ValueSource; value: string; rule: string; expected?: string }[];
}

interface ProvenanceRow extends Record<string, unknown> {
  source_ids: number[];
  source_rows: string[];
  source_times: string[];
  winners: (number | null)[];
  rivals: Record<string, { source: number; value: string; time: string | null; row: string }[]> | null;
  faults: { field: string; source: number; row: string; value: string; rule: string; expected: string | null }[] | null;
}

const fromKey: BilingualTitle = { zh: "号码(代码)本身", en: "the number itself" };

/** The key that a caller wrote, or a refusal that does not repeat it. */
export function keyOrRefuse(definition: BaseDefinition, written: string, at: Date): string {
  const verdict = readKey(definition.keyKind, written, at.toISOString().slice(0, 10));
  if (verdict.key !== undefined) return verdict.key;
  throw new InputError(`This is not a valid ${definition.keyTitle.en} (${verdict.reason!})`, { zh: `${definition.keyTitle.zh}无效(${verdict.reason!})`, code: verdict.reason!, issues: [{ path: "key", code: verdict.reason!, message: `not a valid ${definition.keyTitle.en}`, zh: `不是有效的${definition.keyTitle.zh}` }], nextStep: "Check the number against the document it stands on." });
}

export async function findRecordId(reader: Reader, definition: BaseDefinition, key: string): Promise<string | undefined> {
  const { rows } = await reader.query<{ record_number: number }>(`select record_number from base.${quoteIdentifier(definition.goldenTable)} where ${quoteIdentifier(definition.key)} = $1`, [key]);
  return rows[0] && `${definition.name}/${rows[0].record_number}`;
}

export function createGoldenReader({ kernel, definitions, authority }: { kernel: Kernel; definitions: readonly BaseDefinition[]; authority: LifecycleAuthority }) {
  const { database, access, audit, clock } = kernel;

  return {
    /**
     * A golden record with the source, time and rivals of every value. The city data office sees all of it; a
     * department's staff what their own department says and what the authority permits.
     */
    async getGolden(actor: Actor, base: BaseName, writtenKey: string): Promise<GoldenRecord> {
      access.assertAnyScope(actor, "golden-record", "see");
      const definition = definitionOf(definitions, base);
      const key = keyOrRefuse(definition, writtenKey, clock.now());
      const loaded = await database.read((reader) => load(reader, definition, key));
      if (!loaded) throw new NotFoundError("No golden-record  that you may see", { zh: "对象不存在或无权查看", code: "golden-record.not-found" });
      const contributing = loaded.sources.filter((source) => loaded.provenance.source_ids.includes(source.id));
      // Without its id: what may not be seen reads exactly as what does not exist.
      const subject = { id: "", organisationIds: contributing.map((source) => source.organisationId) };
      access.assert(actor, "golden-record", "see", subject);
      const seesAll = access.allows(actor, "golden-record", "see-all-fields", subject);
      const permits = seesAll ? undefined : await permitsFor(actor, base, contributing, authority);
      const record = toRecord(definition, key, loaded, permits);
      await database.withTransaction((tx) => audit.record(tx, actor, { action: "golden-record.see", objectType: "golden-record", objectId: loaded.recordId, detail: { withheld: record.fields.filter((field) => field.withheld).length } }));
      return record;
    },
  };
}

async function permitsFor(actor: Actor, base: BaseName, sources: readonly AttachedSource[], authority: LifecycleAuthority): Promise<Map<number, LifecyclePermit>> {
  const own = sources.filter((source) => source.organisationId === actor.organisationId);
  const others = sources.filter((source) => source.organisationId !== actor.organisationId);
  const granted = others.length === 0 ? [] : await authority.permits(actor, { base, purpose: "golden-record", sources: others.map(toAuthoritySource) });
  const asked = new Set(others.map((source) => source.id));
  // A condition on rows speaks of columns that are not all in the golden record: such a grant shows nothing here.
  return new Map([...own.map((source): [number, LifecyclePermit] => [source.id, { sourceId: source.id }]), ...granted.filter((permit) => asked.has(permit.sourceId) && permit.rowCondition === undefined).map((permit): [number, LifecyclePermit] => [permit.sourceId, permit])]);
}

interface Loaded {
  recordId: string;
  updatedAt: Date;
  changeSequence: number;
  values: (string | null)[];
  provenance: ProvenanceRow;
  sources: AttachedSource[];
  contradictions: { id: number; field: string; source_id: number; value: string; state: "open" | "closed"; correction_id: string | null }[];
}

async function load(reader: Reader, definition: BaseDefinition, key: string): Promise<Loaded | undefined> {
  const columns = definition.attributes.map((attribute) => `g.${quoteIdentifier(attribute.name)}::text`).join(", ");
  const { rows } = await reader.query<ProvenanceRow & { record_number: number; updated_at: Date; change_sequence: number; values: (string | null)[] }>(
    `select g.record_number, g.updated_at, g.change_sequence, array[${columns}] as values, p.source_ids, p.source_rows, p.source_times::text[] as source_times, p.winners, p.rivals, p.faults
     from base.${quoteIdentifier(definition.goldenTable)} g join base.provenance p on p.base = $1 and p.key = g.${quoteIdentifier(definition.key)} where g.${quoteIdentifier(definition.key)} = $2`,
    [definition.name, key],
  );
  const row = rows[0];
  if (!row) return undefined;
  const contradictions = await reader.query<Loaded["contradictions"][number] & Record<string, unknown>>("select id, field, source_id, value, state, correction_id from base.contradiction where base = $1 and key = $2", [definition.name, key]);
  return { recordId: `${definition.name}/${row.record_number}`, updatedAt: row.updated_at, changeSequence: row.change_sequence, values: row.values, provenance: row, sources: await listSources(reader, { base: definition.name }), contradictions: contradictions.rows };
}

function toRecord(definition: BaseDefinition, key: string, loaded: Loaded, permits: Map<number, LifecyclePermit> | undefined): GoldenRecord {
  const { provenance } = loaded;
  const sources = new Map(loaded.sources.map((source) => [source.id, source]));
  const sourceOf = (id: number): ValueSource => {
    if (id === 0) return { sourceId: 0, title: fromKey };
    const source = sources.get(id);
    const place = provenance.source_ids.indexOf(id);
    const time = place < 0 ? undefined : provenance.source_times[place];
    return {
      sourceId: id,
      title: { zh: source?.titleZh ?? "", en: source?.titleEn ?? "" },
      ...(source ? { role: source.role, organisationId: source.organisationId } : {}),
      ...(place < 0 ? {} : { rowKey: provenance.source_rows[place]!.replaceAll("\u001f", "|") }),
      ...(time === undefined || time === "-infinity" ? {} : { time }),
    };
  };
  const columnOf = (sourceId: number, field: string) => definition.sources.find((source) => source.id === sourceId)?.attributes[field]?.column;
  const seen = (sourceId: number, field: string, value: string | null) => {
    if (!permits || sourceId === 0) return { value, masked: false };
    const column = columnOf(sourceId, field);
    return column === undefined ? undefined : permittedValue(permits.get(sourceId), column, value);
  };

  const fields = definition.attributes.map((attribute, index): GoldenField => {
    const winner = provenance.winners[index] ?? undefined;
    const shown = winner === undefined ? { value: null, masked: false } : seen(winner, attribute.name, loaded.values[index]!);
    const rivals = (provenance.rivals?.[attribute.name] ?? []).flatMap((rival): RivalValue[] => {
      const visible = seen(rival.source, attribute.name, rival.value);
      if (!visible || visible.value === null) return [];
      const contradiction = loaded.contradictions.find((each) => each.field === attribute.name && each.source_id === rival.source && each.value === rival.value);
      return [{ ...sourceOf(rival.source), value: visible.value, ...(contradiction ? { contradiction: { id: contradiction.id, state: contradiction.state, ...(contradiction.correction_id === null ? {} : { correctionId: contradiction.correction_id }) } } : {}) }];
    });
    return {
      name: attribute.name,
      title: attribute.title,
      basic: attribute.basic === true,
      ...(attribute.unit === undefined ? {} : { unit: attribute.unit }),
      ...(shown?.value == null ? {} : { value: shown.value }),
      withheld: shown === undefined,
      masked: shown?.masked ?? false,
      ...(winner === undefined || shown === undefined ? {} : { source: sourceOf(winner) }),
      rivals,
    };
  });
  return {
    base: definition.name,
    key,
    recordId: loaded.recordId,
    updatedAt: loaded.updatedAt,
    changeSequence: loaded.changeSequence,
    fields,
    sources: provenance.source_ids.filter((id) => !permits || permits.has(id)).map(sourceOf),
    faults: (provenance.faults ?? []).flatMap((fault) => (seen(fault.source, fault.field, fault.value) === undefined || (permits && permits.get(fault.source)?.grantId !== undefined) ? [] : [{ field: fault.field, source: sourceOf(fault.source), value: fault.value, rule: fault.rule, ...(fault.expected === null ? {} : { expected: fault.expected }) }])),
  };
}

export function definitionOf(definitions: readonly BaseDefinition[], base: BaseName): BaseDefinition {
  const definition = definitions.find((candidate) => candidate.name === base);
  if (!definition) throw new InputError(`There is no base called ${base}`, { zh: `没有名为 ${base} 的基础库`, code: "base.unknown", nextStep: `Use one of ${definitions.map((each) => each.name).join(", ")}.` });
  return definition;
}
