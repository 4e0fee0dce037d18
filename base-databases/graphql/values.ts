import type { ZhengtongSchemaBuilder } from "#platform";
import type { BaseName, BilingualTitle } from "../record-store/definition.ts";
import type { NumberedPage } from "../record-store/paging.ts";

/** What both files of this folder show. */
export function addSharedTypes(builder: ZhengtongSchemaBuilder) {
  const BaseEnum = builder.enumType("Base", { description: "基础数据库.", values: { POPULATION: { value: "population" }, LEGAL_ENTITY: { value: "legal-entity" } } as const satisfies Record<string, { value: BaseName }> });
  const Title = builder.objectRef<BilingualTitle>("BilingualTitle").implement({ fields: (t) => ({ zh: t.exposeString("zh"), en: t.exposeString("en") }) });
  return { BaseEnum, Title };
}

export type SharedTypes = ReturnType<typeof addSharedTypes>;

export function toConnection<Row>(page: NumberedPage<Row>) {
  const edges = page.rows.map((node, index) => ({ node, cursor: page.cursors[index]! }));
  return { edges, pageInfo: { hasNextPage: page.hasNextPage, hasPreviousPage: false, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null } };
}

export const pageOf = (args: { first?: number | null | undefined; after?: string | null | undefined }) => ({ first: args.first ?? 50, ...(args.after == null ? {} : { after: args.after }) });
