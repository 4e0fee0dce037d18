import { shorten, type ImportIssue, type RowRule, type Severity } from "../model.ts";
import { asList, asText, exactList, valuesAt } from "./cells.ts";
import { baseColumn, plainHeader, type Mapping, type Target } from "./mapping.ts";

export interface SourceColumn {
  index: number;
  /** As it stands in the file. */
  header: string;
  /** What follows the column's name in a path of JSON. */
  path: string;
}

export type ColumnsOf = ReadonlyMap<Target, readonly SourceColumn[]>;

/** Which columns of a header each target of a mapping is read from, in the mapping's order of preference. */
export function resolveColumns(mapping: Mapping, headers: readonly string[]): ColumnsOf {
  const byName = new Map<string, number>();
  headers.forEach((header, index) => {
    const plain = plainHeader(header);
    if (plain !== "" && !byName.has(plain)) byName.set(plain, index);
  });
  const found = new Map<Target, readonly SourceColumn[]>();
  for (const [target, names] of Object.entries(mapping.fields) as [Target, readonly string[]][]) {
    const columns = names.flatMap((name): SourceColumn[] => {
      const whole = byName.get(plainHeader(name));
      if (whole !== undefined) return [{ index: whole, header: headers[whole]!, path: "" }];
      const base = baseColumn(name);
      const index = base === name ? undefined : byName.get(plainHeader(base));
      return index === undefined ? [] : [{ index, header: name, path: name.slice(base.length) }];
    });
    if (columns.length > 0) found.set(target, columns);
  }
  return found;
}

export interface Located {
  value: unknown;
  column: string;
}

/** One row with its columns by target; collects what is found wrong with it. */
export interface RowReader {
  /** Of our own table: nothing is taken for a placeholder or put in another form. */
  exact: boolean;
  has(target: Target): boolean;
  /** Every value of the first column that has any. */
  first(target: Target): Located | undefined;
  text(target: Target): { text: string; column: string } | undefined;
  /** The members of a list in the first column that has any; undefined without one. */
  list(target: Target, options?: { ideographicComma?: boolean }): string[] | undefined;
  /** What stands in the cell, also what means "nothing" elsewhere. */
  shown(target: Target): string;
  /** Name of the column, as it stands in the file. */
  header(target: Target): string | undefined;
  report(severity: Severity, target: Target | undefined, path: string, code: string, words: { en: string; zh: string }, value?: unknown): void;
  applyRule(code: string, words: { en: string; zh: string }): void;
}

/** What programs write for "nothing"; 无 is a word that people write and mean. */
const nothing = /^(空|null|undefined|none|nan|n\/a)?$/i;

function isFilled(value: unknown, exact: boolean): boolean {
  if (exact) return value !== undefined && value !== null && value !== "";
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) return value.some((each) => typeof each === "object" || !nothing.test(asText(each)));
  return typeof value === "object" || !nothing.test(asText(value));
}

export interface CreateRowReaderOptions {
  mapping: Mapping;
  columns: ColumnsOf;
  cells: readonly unknown[];
  row: number;
  sheet: string | undefined;
  issues: ImportIssue[];
  rules: RowRule[];
}

export function createRowReader({ mapping, columns, cells, row, sheet, issues, rules }: CreateRowReaderOptions): RowReader {
  const exact = mapping.exact === true;
  const addRule = (code: string, { en, zh }: { en: string; zh: string }): void => {
    if (!rules.some((rule) => rule.code === code)) rules.push({ code, message: en, zh });
  };

  /** Without the apostrophe that an export puts before what a spreadsheet would take for a formula. */
  const unguarded = (value: unknown): unknown => (typeof value === "string" ? value.replace(/^'(?='*[=+\-@\t\r])/, "") : value);

  function first(target: Target): Located | undefined {
    for (const { index, header, path } of columns.get(target) ?? []) {
      const values = path === "" ? [cells[index]] : valuesAt(cells[index], path);
      const filled = values.filter((value) => isFilled(value, exact)).map(unguarded);
      if (filled.length > 0) return { value: path.includes("[]") ? filled : filled[0], column: header };
    }
    const fallback = mapping.defaults?.[target];
    if (fallback === undefined) return undefined;
    addRule(`default.${target}`, { en: `${target} is not stated; the mapping gives "${fallback}"`, zh: `未填写 ${target},按映射默认值“${fallback}”处理` });
    return { value: fallback, column: "(default)" };
  }
  return {
    exact,
    has: (target) => columns.has(target) || mapping.defaults?.[target] !== undefined,
    first,
    text(target) {
      const found = first(target);
      const text = found === undefined ? "" : exact && typeof found.value === "string" ? found.value : asText(found.value);
      return found === undefined || text === "" ? undefined : { text, column: found.column };
    },
    list(target, options) {
      const found = first(target);
      return found === undefined ? undefined : exact ? exactList(found.value) : asList(found.value, options);
    },
    header: (target) => columns.get(target)?.[0]?.header,
    shown(target) {
      const column = columns.get(target)?.[0];
      return column === undefined ? "" : asText(unguarded(cells[column.index]));
    },
    report(severity, target, path, code, { en, zh }, value) {
      const column = target === undefined ? undefined : (first(target)?.column ?? columns.get(target)?.[0]?.header);
      issues.push({ row, path, code, severity, message: en, zh, ...(sheet === undefined ? {} : { sheet }), ...(column === undefined ? {} : { column }), ...(value === undefined ? {} : { value: shorten(value) }) });
    },
    applyRule: addRule,
  };
}
