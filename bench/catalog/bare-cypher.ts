import type { Driver } from "neo4j-driver";
import type { WalkBounds } from "#catalog";
import type { SlotNames } from "../../catalog/search/neo4j/schema.ts";

/** What an analyst of another department may see, written by hand: the same condition as the adapter's. */
const sees = (alias: string) => `(${alias}.state = 'published' AND ${alias}.open AND ${alias}.sharingType <> 'refused' OR ${alias}.state = 'published' AND ${alias}.sharingType <> 'refused')`;

/** The same questions as one statement each, without ports, bounds of nodes or a look at what serves. */
export function createBareCypher(driver: Driver, database: string, { entry }: SlotNames) {
  const run = async (text: string, parameters: Record<string, unknown>) => (await driver.executeQuery(text, parameters, { database, routing: "READ" })).records;
  const walk = (hops: number) => `MATCH (root:${entry} {id: $id}) WHERE ${sees("root")} MATCH path = (root)<-[:DERIVED_FROM*1..${hops}]-(d) WHERE all(n IN nodes(path) WHERE ${sees("n")})`;
  return {
    run,
    lineage: (id: string, { hops }: Pick<WalkBounds, "hops">) => run(`${walk(hops)} WITH d, min(length(path)) AS distance RETURN d.detail AS detail, distance ORDER BY distance, d.id`, { id }),
    async impact(id: string, { hops }: Pick<WalkBounds, "hops">): Promise<number> {
      const [record] = await run(`${walk(hops)} RETURN count(DISTINCT d) AS entries, count(DISTINCT d.organisationId) AS organisations`, { id });
      return Number(record?.get("entries") ?? 0);
    },
  };
}
