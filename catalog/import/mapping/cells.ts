import { splitListText } from "#standards";

/** Objects of JSON are only read through their own members. */
const own = (value: unknown, name: string): unknown => (typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined);

/** The values at a path below a cell: `.name` a member, `[]` every element. */
export function valuesAt(cell: unknown, path: string): unknown[] {
  let values: unknown[] = [cell];
  for (const step of path.matchAll(/\.([^.[\]]+)|\[\]/g)) {
    values = step[1] === undefined ? values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : value === undefined || value === null ? [] : [value])) : values.map((value) => own(value, step[1]!));
  }
  return values.filter((value) => value !== undefined && value !== null && value !== "");
}

// Control characters, the byte-order mark and zero-width spaces, which crawls carry along.
// oxlint-disable-next-line no-control-regex
const invisible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff\u200b-\u200f\u2060]/g;

/** Text as people see it: invisible characters gone, `\n` written out made a line break, no space around. */
export const cleanText = (text: string): string => text.replaceAll(invisible, "").replaceAll("\\r\\n", "\n").replaceAll("\\n", "\n").replaceAll("\r\n", "\n").replaceAll("\u00a0", " ").trim();

export function asText(value: unknown): string {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.map(asText).filter((text) => text !== "").join(",");
  return "";
}

/** The members of a list, however it is written: JSON, JSON as text, Python's `['xls', 'csv']`, `a,b;c`. */
export function asList(value: unknown, options: { ideographicComma?: boolean } = {}): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => (typeof each === "object" && each !== null ? asText(own(each, "display_name") ?? own(each, "name") ?? own(each, "title") ?? "") : asText(each))).filter((text) => text !== "");
  const text = asText(value);
  if (text.startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (Array.isArray(parsed)) return parsed.map(asText).filter((each) => each !== "");
    } catch {
      // Not JSON: Python's notation, which splitListText reads.
    }
  }
  return splitListText(text, options).map(cleanText).filter((each) => each !== "");
}

/** The members of a list as our own table writes them (`listCell`), to the letter. */
export function exactList(value: unknown): string[] {
  const text = typeof value === "string" ? value : asText(value);
  if (text.startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (Array.isArray(parsed) && parsed.every((each) => typeof each === "string")) return parsed;
    } catch {
      // Not JSON: somebody wrote a list beginning with a bracket, taken as written below.
      return asList(text);
    }
  }
  // Members that hold one of these, or spaces around them, are written as JSON: here they are somebody's separators.
  return text.split(/[,\uFF0C;\uFF1B|\n]/).map((each) => each.trim()).filter((each) => each !== "");
}

export const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
