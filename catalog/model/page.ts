import { InputError } from "#platform";

/** One page of a list, in its order. A cursor is a position after a row; it stays valid while rows come and go. */
export interface Page<Row> {
  rows: Row[];
  /** Of each row. */
  cursors: string[];
  hasNextPage: boolean;
}

export interface PageRequest {
  /** 1 to 200. */
  first: number;
  after?: string;
}

export const maximumPageSize = 200;

/** A keyset cursor: the ordering columns of a row, opaque to callers. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

export function decodeCursor(cursor: string, length: number): (string | number)[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(key) && key.length === length && key.every((part) => typeof part === "string" || typeof part === "number")) return key;
  } catch (error) {
    throw new InputError("The cursor cannot be read", { zh: "分页游标无效", code: "page.cursor", nextStep: "Ask for the first page again, without a cursor.", cause: error });
  }
  throw new InputError("The cursor is not one of this list", { zh: "分页游标不属于此列表", code: "page.cursor", nextStep: "Ask for the first page again, without a cursor." });
}

export function checkPageSize(first: number): void {
  if (!Number.isInteger(first) || first < 1 || first > maximumPageSize) throw new InputError(`A page has 1 to ${maximumPageSize} rows, not ${first}`, { zh: `每页 1 至 ${maximumPageSize} 条`, code: "page.size" });
}

/** From `first + 1` rows read: the page, and whether there is another. */
export function toPage<Row>(rows: readonly Row[], first: number, cursorOf: (row: Row) => string): Page<Row> {
  const shown = rows.slice(0, first);
  return { rows: shown, cursors: shown.map(cursorOf), hasNextPage: rows.length > first };
}
