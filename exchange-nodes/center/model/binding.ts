import type { DataItem } from "#standards";
import type { EntryBinding, SourceRelation } from "../../protocol/assignments.ts";

/** 挂接: where a published entry's rows really are. */
export interface Binding extends EntryBinding {
  entryId: string;
  organisationId: string;
  nodeId: string;
  state: "bound" | "drifted";
  drift: DriftFinding[];
  boundBy: string;
  boundAt: Date;
}

/** One difference between what an entry promises and what the source has. A breaking one stops the feeds of the entry. */
export interface DriftFinding {
  field: string;
  column?: string;
  code: "relation-missing" | "column-missing" | "type-changed" | "key-nullable" | "update-column-missing";
  breaking: boolean;
  message: string;
  zh: string;
}

/** Families of source types that each item type can be read from without loss of meaning. */
const readableFrom: Record<DataItem["type"], RegExp> = {
  C: /./,
  M: /./,
  G: /./,
  N: /^(numeric|decimal|smallint|integer|bigint|int|tinyint|mediumint|real|double|money|number|text|character|varchar|char)/i,
  Y: /^(numeric|decimal|smallint|integer|bigint|int|tinyint|mediumint|real|double|money|number|text|character|varchar|char)/i,
  D: /^(date|timestamp|datetime|text|character|varchar|char)/i,
  T: /^(date|timestamp|datetime|text|character|varchar|char)/i,
  L: /^(boolean|bool|bit|smallint|integer|int|tinyint|text|character|varchar|char)/i,
  I: /^(smallint|integer|bigint|int|tinyint|mediumint|numeric|decimal|number|text|character|varchar|char)/i,
  B: /^(real|double|float|numeric|decimal|smallint|integer|bigint|int|number|text|character|varchar|char)/i,
  F: /^(real|double|float|numeric|decimal|smallint|integer|bigint|int|number|text|character|varchar|char)/i,
};

/** Compares an entry's items, through the binding's column names, with the relation as its source reports it. */
export function findDrift(items: readonly DataItem[], binding: Pick<EntryBinding, "relation" | "columns" | "updateTimeColumn">, relation: SourceRelation | undefined): DriftFinding[] {
  if (!relation) return [{ field: "", code: "relation-missing", breaking: true, message: `The source has no relation ${binding.relation}`, zh: `数据源中没有 ${binding.relation}` }];
  const columns = new Map(relation.columns.map((column) => [column.name, column]));
  const findings: DriftFinding[] = [];
  for (const item of items) {
    const name = binding.columns[item.field] ?? item.field;
    const column = columns.get(name);
    if (!column) findings.push({ field: item.field, column: name, code: "column-missing", breaking: true, message: `${binding.relation} has no column ${name} for ${item.name}`, zh: `${binding.relation} 中没有信息项“${item.name}”对应的列 ${name}` });
    else if (!readableFrom[item.type].test(column.type)) findings.push({ field: item.field, column: name, code: "type-changed", breaking: true, message: `${name} is of type ${column.type}, which cannot be read as ${item.type}`, zh: `列 ${name} 的类型 ${column.type} 不能作为 ${item.type} 类信息项“${item.name}”` });
    else if (item.key && column.nullable && relation.kind === "table") findings.push({ field: item.field, column: name, code: "key-nullable", breaking: false, message: `${name} is a key and may be null: rows without it are parked`, zh: `主键列 ${name} 可为空,缺失的行将进入暂存区` });
  }
  if (binding.updateTimeColumn !== undefined && !columns.has(binding.updateTimeColumn)) findings.push({ field: "", column: binding.updateTimeColumn, code: "update-column-missing", breaking: true, message: `${binding.relation} has no update-time column ${binding.updateTimeColumn}`, zh: `${binding.relation} 中没有更新时间列 ${binding.updateTimeColumn}` });
  return findings;
}

export interface BindingScopeSubject {
  id: string;
  organisationId: string;
}
