import { Neo4jGraphQL } from "@neo4j/graphql";
import { graphql, type GraphQLSchema } from "graphql";
import type { Driver } from "neo4j-driver";
import type { SlotNames } from "../../catalog/search/neo4j/schema.ts";

/**
 * The schema that @neo4j/graphql generates over the same labels: as near to our questions as it comes. It has no facets,
 * no access rules of ours, no walk of any depth and no distinct count over one; hops are nested, counts are made of ids.
 */
export async function createGeneratedSchema({ entry, fullText }: SlotNames): Promise<GraphQLSchema> {
  const typeDefs = `
    type Entry @node(labels: ["${entry}"]) @fulltext(indexes: [{ indexName: "${fullText}", queryName: "searchEntries", fields: ["tokens"] }]) {
      id: ID!
      organisationId: String!
      state: String!
      sharingType: String!
      completeness: Int!
      tokens: String!
      detail: String!
      derived: [Entry!]! @relationship(type: "DERIVED_FROM", direction: IN)
    }`;
  return new Neo4jGraphQL({ typeDefs }).getSchema();
}

const visible = "{ state: { eq: \"published\" }, NOT: { sharingType: { eq: \"refused\" } } }";
const nested = (hops: number, fields: string): string => (hops === 0 ? fields : `${fields} derived(where: ${visible}) { ${nested(hops - 1, fields)} }`);

interface Nested {
  id: string;
  derived?: Nested[];
}

function idsOf({ derived = [] }: Nested, into: Set<string>): Set<string> {
  for (const child of derived) {
    into.add(child.id);
    idsOf(child, into);
  }
  return into;
}

export function createGeneratedQuestions(schema: GraphQLSchema, driver: Driver, database: string) {
  async function ask<T>(source: string, variableValues: Record<string, unknown>): Promise<T> {
    const result = await graphql({ schema, source, variableValues, contextValue: { executionContext: driver, sessionConfig: { database } } });
    if (result.errors) throw new Error(result.errors.map((error) => error.message).join("; "));
    return result.data as T;
  }
  return {
    /** The first page alone: no total, no facets, ordered by the full-text score. */
    search: (phrase: string) => ask(`query ($phrase: String!) { searchEntries(phrase: $phrase, first: 20, where: { node: ${visible} }) { edges { score node { id detail } } } }`, { phrase }),
    lineage: (id: string, hops: number) => ask(`query ($id: ID!) { entries(where: { id: { eq: $id } }) { ${nested(hops, "id detail")} } }`, { id }),
    async impact(id: string, hops: number): Promise<number> {
      const { entries } = await ask<{ entries: Nested[] }>(`query ($id: ID!) { entries(where: { id: { eq: $id } }) { ${nested(hops, "id")} } }`, { id });
      return entries[0] === undefined ? 0 : idsOf(entries[0], new Set()).size;
    },
  };
}
