import type { Page } from "../../model/page.ts";

/** GraphQL names have no hyphens: `under-review` is `UNDER_REVIEW`. */
export function enumValues<const Values extends readonly string[]>(values: Values): { [Value in Values[number]]: { value: Value } } {
  return Object.fromEntries(values.map((value) => [value.replaceAll("-", "_").toUpperCase(), { value }])) as { [Value in Values[number]]: { value: Value } };
}

type Filled<Input> = { [Name in keyof Input]: Exclude<Input[Name], null> };

/** An input as services take it: what is null or absent is absent. */
export function filled<Input extends object>(input: Input): Filled<Input> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined)) as Filled<Input>;
}

/** A page as a Relay connection. */
export function toConnection<Row>({ rows, cursors, hasNextPage }: Page<Row>) {
  return {
    edges: rows.map((node, index) => ({ node, cursor: cursors[index]! })),
    pageInfo: { hasNextPage, hasPreviousPage: false, startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null },
  };
}

/** `first` and `after` as services take them. */
export function toPageRequest({ first, after }: { first?: number | null | undefined; after?: string | null | undefined }): { first: number; after?: string } {
  return { first: first ?? 20, ...(after === null || after === undefined ? {} : { after }) };
}

