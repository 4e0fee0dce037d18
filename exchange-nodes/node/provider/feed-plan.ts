import { compileRowCondition, fieldsOfRowCondition, maskedItem, maskSql, maskValue, rowConditionToSql, type CellValue, type DataItem, type MaskRule } from "#standards";
import { canonicalJson, InputError, quoteIdentifier, sha256 } from "#platform";
import { wireFields } from "../../protocol/copy-text.ts";
import type { ProviderAssignment } from "../../protocol/assignments.ts";
import { planColumn, type ColumnPlan, type Trim } from "../sources/column-plan.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import { createFieldCheck, type FieldCheck } from "./field-checks.ts";

/** One granted field on its way from a source column to the wire. */
export interface WireColumn {
  field: string;
  column: string;
  /** As it stands on the wire: after masking. */
  item: DataItem;
  plan: ColumnPlan;
  isKey: boolean;
  required: boolean;
  check: FieldCheck;
  mask?: MaskRule;
  /** Work that is left after SQL did what it could. */
  afterSql?: Transform;
  /** Work on the text that the replication log carries. */
  afterLog?: Transform;
  /** What COPY selects. */
  copySql: string;
  /** Canonical wire text in SQL; undefined where only the process can make it. */
  textSql?: string;
}

/** Text → wire text; undefined: cannot be read as the item's type. */
export type Transform = (text: string) => string | undefined;

/**
 * Everything that a grant lets out of a relation, compiled once: which columns, which rows, how masked, how checked.
 * There is no way from a source row to a batch that does not go through a plan.
 */
export interface FeedPlan {
  feedId: string;
  grantId: string;
  digest: string;
  wire: WireColumn[];
  keyCount: number;
  /** Source columns of the key, in key order, and their SQL types, for keyset chunks. */
  keyColumns: { column: string; type: string }[];
  /** Source columns that the process reads, one entry per use: wire columns, then the condition's, then the key's. */
  sourceColumns: string[];
  /** The row condition in SQL with `$n` values, when its columns allow it. */
  condition?: { text: string; values: readonly (string | readonly string[])[] };
  /** The same in process; always present when the grant has a condition. */
  passes?: (read: (field: string) => CellValue) => boolean;
  /** Fields that the condition reads, with what makes their canonical text. */
  conditionFields: { field: string; column: string; plan: ColumnPlan }[];
  /** COPY's select list: wire columns, then `extraColumns` as they are. */
  selectList: string;
  /** Source columns behind the wire columns in `selectList`. */
  extraColumns: string[];
  /** Whether SQL alone can make every wire value: then checksums need no row in the process. */
  wholeInSql: boolean;
}

export interface CompileFeedOptions {
  assignment: Pick<ProviderAssignment, "feedId" | "grant" | "entryItems" | "items" | "binding">;
  schema: RelationSchema;
  /** Key of `hash` masks, one per grant. */
  maskKey: Uint8Array;
}

/** Changes when anything changes that decides which bytes leave. */
export function planDigest({ grant, entryItems, items, binding }: CompileFeedOptions["assignment"]): string {
  const used = new Set([...wireFields(grant), ...(grant.rowCondition ? fieldsOfRowCondition(grant.rowCondition) : [])]);
  const known = [...items, ...entryItems].filter((item, index, all) => used.has(item.field) && all.findIndex((other) => other.field === item.field) === index);
  const columns = Object.fromEntries([...used].map((field) => [field, binding.columns[field]]));
  return sha256(canonicalJson({ wire: wireFields(grant), keys: grant.keyFields, condition: grant.rowCondition, masks: grant.masks, known, columns, source: binding.sourceName, relation: binding.relation, query: binding.options.query }));
}

export function compileFeed({ assignment, schema, maskKey }: CompileFeedOptions): FeedPlan {
  const { grant, binding } = assignment;
  const columnOf = new Map(schema.columns.map((column) => [column.name, column]));
  // The clear item decides how a source column is read; a masked field's assigned item is what it looks like afterwards.
  const itemOf = new Map([...assignment.items, ...assignment.entryItems].map((item) => [item.field, item]));

  const resolve = (field: string) => {
    const item = itemOf.get(field);
    const name = binding.columns[field];
    const column = name === undefined ? undefined : columnOf.get(name);
    if (item === undefined || name === undefined || column === undefined) throw new InputError(`Field ${field} is not bound to a column of ${binding.relation}`, { zh: `信息项 ${field} 未绑定到 ${binding.relation} 的列`, code: "binding.field", nextStep: "Correct the binding of the entry." });
    return { item, column, plan: planColumn(item, column.baseType) };
  };

  const wire = wireFields(grant).map((field): WireColumn => {
    const { item, column, plan } = resolve(field);
    const rule = grant.masks?.[field];
    const quoted = quoteIdentifier(column.name);
    const wireItem = rule === undefined ? item : maskedItem(item, rule);
    const mask: Transform | undefined = rule === undefined ? undefined : (text) => maskValue(rule, text, { hashKey: maskKey }) ?? "";
    const { convert } = plan;
    const afterLog: Transform | undefined = convert === undefined ? mask : mask === undefined ? convert : (text) => {
      const clear = convert(text);
      return clear === undefined ? undefined : mask(clear);
    };
    const inSql = plan.natural ? (rule === undefined ? plan.copySql(quoted) : maskSql(rule, plan.textSql(quoted))) : undefined;
    const textSql = plan.natural ? (rule === undefined ? plan.textSql(quoted) : inSql) : undefined;
    return {
      field,
      column: column.name,
      item: wireItem,
      plan,
      isKey: grant.keyFields.includes(field),
      required: wireItem.required === true || grant.keyFields.includes(field),
      check: createFieldCheck(wireItem),
      ...(rule === undefined ? {} : { mask: rule }),
      ...(inSql === undefined ? { afterSql: plan.natural ? mask! : afterLog! } : {}),
      ...(afterLog === undefined ? {} : { afterLog }),
      copySql: inSql ?? plan.copySql(quoted),
      ...(textSql === undefined ? {} : { textSql }),
    };
  });

  const conditionFields = (grant.rowCondition ? fieldsOfRowCondition(grant.rowCondition) : []).map((field) => {
    const { column, plan } = resolve(field);
    return { field, column: column.name, plan };
  });
  const typeOf = (field: string) => itemOf.get(field)?.type;
  let condition: FeedPlan["condition"];
  let passes: FeedPlan["passes"];
  if (grant.rowCondition) {
    const test = compileRowCondition<(field: string) => CellValue>(grant.rowCondition, typeOf, (field) => (read) => read(field));
    passes = (read) => test(read);
    if (conditionFields.every(({ plan }) => plan.natural)) {
      condition = rowConditionToSql(grant.rowCondition, (field) => {
        const found = conditionFields.find((candidate) => candidate.field === field);
        const type = typeOf(field);
        return found === undefined || type === undefined ? undefined : { sql: found.plan.typedSql(quoteIdentifier(found.column)), type, withTimeZone: found.plan.withTimeZone };
      });
    }
  }

  const keyColumns = grant.keyFields.map((field) => {
    const { column } = resolve(field);
    return { column: column.name, type: column.type };
  });
  const extraColumns: string[] = [];
  const want = (column: string) => void (extraColumns.includes(column) || extraColumns.push(column));
  // Chunks go on after the source's own key, which a masked or converted wire key no longer is.
  for (const key of keyColumns) {
    const column = wire.find((candidate) => candidate.isKey && candidate.column === key.column)!;
    if (column.mask !== undefined || !column.plan.natural || column.plan.trim !== "none") want(key.column);
  }
  if (grant.rowCondition && condition === undefined) for (const field of conditionFields) want(field.column);
  const sourceColumns = [...wire.map((column) => column.column), ...conditionFields.map((field) => field.column), ...keyColumns.map((key) => key.column)];

  return {
    feedId: assignment.feedId,
    grantId: grant.id,
    digest: planDigest(assignment),
    wire,
    keyCount: grant.keyFields.length,
    keyColumns,
    sourceColumns,
    ...(condition === undefined ? {} : { condition }),
    ...(passes === undefined ? {} : { passes }),
    conditionFields,
    selectList: [...wire.map((column) => column.copySql), ...extraColumns.map(quoteIdentifier)].join(", "),
    extraColumns,
    wholeInSql: wire.every((column) => column.textSql !== undefined) && (grant.rowCondition === undefined || condition !== undefined),
  };
}

/** Where each of `sourceColumns` stands in a relation's columns; undefined when one is not there. */
export function mapColumns(plan: FeedPlan, columns: readonly string[]): Int32Array | undefined {
  const map = Int32Array.from(plan.sourceColumns, (column) => columns.indexOf(column));
  return map.includes(-1) ? undefined : map;
}

/** Where each of `sourceColumns` stands in what `selectList` selects; -1 for what SQL has dealt with. */
export function mapSelectList(plan: FeedPlan): Int32Array {
  const width = plan.wire.length;
  const extraAt = (column: string) => {
    const index = plan.extraColumns.indexOf(column);
    return index < 0 ? -1 : width + index;
  };
  return Int32Array.from(plan.sourceColumns, (column, index) => {
    if (index < width) return index;
    const extra = extraAt(column);
    if (extra >= 0 || index < width + plan.conditionFields.length) return extra;
    return plan.wire.findIndex((wire) => wire.isKey && wire.column === column);
  });
}

/** Text as the log prints it → canonical text of a natural column, by its end only. */
export function trimmedEnd(buffer: Buffer, start: number, end: number, trim: Trim): number {
  let to = end;
  switch (trim) {
    case "blanks":
      while (to > start && buffer[to - 1] === 32) to -= 1;
      return to;
    case "offset":
      // `+08`, from the session's fixed zone.
      return to - 3 > start && buffer[to - 3] === 43 ? to - 3 : to;
    case "zeros": {
      const point = buffer.subarray(start, end).indexOf(46);
      if (point < 0) return to;
      while (buffer[to - 1] === 48) to -= 1;
      return buffer[to - 1] === 46 ? to - 1 : to;
    }
    default:
      return to;
  }
}
