import { InputError } from "#platform";

/** One page of a list in order of its numbers; `after` is the number of the last row seen. */
export interface NumberedPage<Row> {
  rows: Row[];
  cursors: string[];
  hasNextPage: boolean;
}

export interface NumberedPageRequest {
  /** 1 to 200. */
  first: number;
  after?: string;
}

export function readPageRequest(page: NumberedPageRequest): { limit: number; after: number } {
  if (!Number.isInteger(page.first) || page.first < 1 || page.first > 200) throw new InputError(`A page has 1 to 200 rows, not ${page.first}`, { zh: "每页 1 至 200 条", code: "page.size" });
  if (page.after !== undefined && !/^\d{1,15}$/.test(page.after)) throw new InputError("The cursor is not one of this list", { zh: "分页游标不属于此列表", code: "page.cursor", nextStep: "Ask for the first page again, without a cursor." });
  return { limit: page.first + 1, after: page.after === undefined ? 0 : Number(page.after) };
}

export function toNumberedPage<Row extends { id: number }>(rows: readonly Row[], first: number): NumberedPage<Row> {
  const shown = rows.slice(0, first);
  return { rows: shown, cursors: shown.map((row) => String(row.id)), hasNextPage: rows.length > first };
}
