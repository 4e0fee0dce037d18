import type { DataItem, Grant } from "#standards";

/**
 * Rows on the wire are lines of PostgreSQL's COPY text format: tab between columns, `\N` for null, `\n` at the end of
 * every line, backslash escapes. Key fields first, then the other granted fields in the grant's order. A line of a
 * `changes` or `repair` batch has three columns before: `U` or `D`, lsn, index; a `D` line carries `\N` in every
 * field that is not a key. `chunk` batches carry the fields only. Both ends COPY these bytes as they are.
 */
export const changeColumns = 3;
export const copyTextNull = "\\N";

/** The granted fields in wire order. */
export function wireFields(grant: Pick<Grant, "fields" | "keyFields">): string[] {
  return [...grant.keyFields, ...grant.fields.filter((field) => !grant.keyFields.includes(field))];
}

/** The items of `wireFields`, in that order. */
export function wireItems(grant: Pick<Grant, "fields" | "keyFields">, items: readonly DataItem[]): DataItem[] {
  return wireFields(grant).map((field) => {
    const item = items.find((candidate) => candidate.field === field);
    if (!item) throw new Error(`The granted field ${field} is not an item of the entry`);
    return item;
  });
}

/** The PostgreSQL type of an item in front-end, staging and target tables. */
export function columnType(item: Pick<DataItem, "type" | "length" | "scale">): string {
  switch (item.type) {
    case "N":
    case "Y":
      return item.length === undefined ? "numeric" : `numeric(${item.length}, ${item.scale ?? 0})`;
    case "D":
      return "date";
    case "T":
      return "timestamp";
    case "L":
      return "boolean";
    case "B":
    case "F":
      return "double precision";
    case "I":
      return "bigint";
    case "C":
    case "M":
    case "G":
      return "text";
  }
}

const escapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v" };
const needsEscape = /[\\\t\n\r\b\f\v]/;

export function escapeCopyText(value: string): string {
  return needsEscape.test(value) ? value.replaceAll(/[\\\t\n\r\b\f\v]/g, (character) => escapes[character]!) : value;
}

export function copyTextLine(values: readonly (string | null)[]): string {
  return `${values.map((value) => (value === null ? copyTextNull : escapeCopyText(value))).join("\t")}\n`;
}

const unescapes: Record<string, string> = { t: "\t", n: "\n", r: "\r", b: "\b", f: "\f", v: "\v" };

export function unescapeCopyText(column: string): string | null {
  if (column === copyTextNull) return null;
  return column.includes("\\") ? column.replaceAll(/\\(.)/gs, (_, character: string) => unescapes[character] ?? character) : column;
}

/** The columns of one line (with or without its final newline). */
export function parseCopyTextLine(line: string): (string | null)[] {
  return (line.endsWith("\n") ? line.slice(0, -1) : line).split("\t").map(unescapeCopyText);
}
