import { findCodeSet, type DataItem } from "#standards";
import { isConvertible, planColumn } from "./column-plan.ts";
import type { RelationColumn, RelationSchema } from "./introspect.ts";

/** One difference between a source relation and what an entry says of it. `breaking` ones stop the feed. */
export interface DriftFinding {
  severity: "compatible" | "breaking";
  code: "relation-missing" | "column-missing" | "column-added" | "type" | "narrowed" | "widened" | "key-not-unique" | "key-not-in-log" | "code-set-unknown";
  field?: string;
  column?: string;
  message: string;
  zh: string;
}

export interface CompareSchemaOptions {
  /** What the source has now; undefined: nothing of that name. */
  schema: RelationSchema | undefined;
  relation: string;
  /** Item field → column. */
  columns: Record<string, string>;
  /** Items that are used: granted ones and those that the row condition reads. */
  items: readonly DataItem[];
  keyFields: readonly string[];
  /** Columns when the feed's generation began. */
  baseline?: readonly RelationColumn[];
  /** Deletions are to be read from the replication log. */
  needsLog: boolean;
}

/** How a column became smaller than it was; undefined when everything that fitted still fits. */
function narrowing(before: RelationColumn, now: RelationColumn): boolean {
  if (before.baseType !== now.baseType) return false;
  if (now.length !== undefined && (before.length === undefined || now.length < before.length)) return true;
  return now.baseType === "numeric" && now.length !== undefined && before.length !== undefined && (now.scale ?? 0) < (before.scale ?? 0);
}

/** Compares a relation with the items bound to it. An empty list: nothing to say. */
export function compareSchema(options: CompareSchemaOptions): DriftFinding[] {
  const { schema, relation, columns, items, keyFields, baseline } = options;
  if (schema === undefined) {
    return [{ severity: "breaking", code: "relation-missing", message: `${relation} does not exist at the source, or the account may not read it`, zh: `来源中没有 ${relation},或账号无权读取` }];
  }
  const findings: DriftFinding[] = [];
  const now = new Map(schema.columns.map((column) => [column.name, column]));
  const before = new Map((baseline ?? []).map((column) => [column.name, column]));
  for (const item of items) {
    const name = columns[item.field];
    const column = name === undefined ? undefined : now.get(name);
    const where = { field: item.field, ...(name === undefined ? {} : { column: name }) };
    if (column === undefined) {
      findings.push({ severity: "breaking", code: "column-missing", ...where, message: name === undefined ? `item ${item.field} is bound to no column` : `column ${name} of ${relation} (item ${item.field}) is gone`, zh: name === undefined ? `信息项 ${item.name} 未绑定列` : `${relation} 的列 ${name}(信息项 ${item.name})已不存在` });
      continue;
    }
    if (!isConvertible(item.type, column.baseType)) {
      findings.push({ severity: "breaking", code: "type", ...where, message: `column ${column.name} is ${column.type}, which cannot be read as type ${item.type} of item ${item.field}`, zh: `列 ${column.name} 的类型为 ${column.type},不能作为信息项 ${item.name} 的类型 ${item.type}` });
      continue;
    }
    const was = before.get(column.name);
    if (was !== undefined && was.baseType !== column.baseType) {
      const natural = planColumn(item, column.baseType).natural && planColumn(item, was.baseType).natural;
      findings.push({ severity: natural ? "compatible" : "breaking", code: "type", ...where, message: `column ${column.name} was ${was.type} and is ${column.type} now`, zh: `列 ${column.name} 的类型由 ${was.type} 变为 ${column.type}` });
    } else if (was !== undefined && narrowing(was, column)) {
      findings.push({ severity: "breaking", code: "narrowed", ...where, message: `column ${column.name} was narrowed from ${was.type} to ${column.type}`, zh: `列 ${column.name} 由 ${was.type} 缩短为 ${column.type}` });
    } else if (was !== undefined && was.type !== column.type) {
      findings.push({ severity: "compatible", code: "widened", ...where, message: `column ${column.name} was widened from ${was.type} to ${column.type}`, zh: `列 ${column.name} 由 ${was.type} 放宽为 ${column.type}` });
    }
    if (item.codeSet !== undefined && item.format === undefined && findCodeSet(item.codeSet) === undefined) {
      findings.push({ severity: "compatible", code: "code-set-unknown", ...where, message: `code set ${item.codeSet} of item ${item.field} is not known: its values are not checked`, zh: `信息项 ${item.name} 的代码集 ${item.codeSet} 未收录,其值不作校验` });
    }
  }
  for (const column of schema.columns) {
    if (baseline !== undefined && !before.has(column.name)) findings.push({ severity: "compatible", code: "column-added", column: column.name, message: `column ${column.name} (${column.type}) was added to ${relation}`, zh: `${relation} 新增列 ${column.name}(${column.type})` });
  }

  const keyColumns = keyFields.flatMap((field) => columns[field] ?? []);
  if (keyColumns.length === keyFields.length && schema.kind === "table") {
    // A unique index on part of the key makes the whole of it unique.
    if (!schema.uniqueKeys.some((unique) => unique.every((column) => keyColumns.includes(column)))) {
      findings.push({ severity: "breaking", code: "key-not-unique", message: `no primary key or unique index without nulls of ${relation} covers the key (${keyColumns.join(", ")})`, zh: `${relation} 没有覆盖主键列(${keyColumns.join("、")})的主键或非空唯一索引` });
    }
    if (options.needsLog && !keyColumns.every((column) => schema.identityColumns?.includes(column))) {
      findings.push({ severity: "breaking", code: "key-not-in-log", message: `the replica identity of ${relation} (${schema.identityColumns?.join(", ") ?? "none"}) does not carry the key (${keyColumns.join(", ")}): deletions could not be told`, zh: `${relation} 的复制标识(${schema.identityColumns?.join("、") ?? "无"})不含主键列(${keyColumns.join("、")}),无法识别删除` });
    }
  }
  return findings;
}

/** The breaking findings as one reason, or undefined. */
export function breakingReason(findings: readonly DriftFinding[]): { code: "source-drift"; message: string; zh: string } | undefined {
  const breaking = findings.filter((finding) => finding.severity === "breaking");
  if (breaking.length === 0) return undefined;
  return { code: "source-drift", message: breaking.map((finding) => finding.message).join("; "), zh: breaking.map((finding) => finding.zh).join(";") };
}
