import { UnavailableError } from "#platform";
import type { IndexGeneration } from "../catalog-index.ts";
import type { Neo4jConnection, RunCypher } from "./connection.ts";
import { deleteAll, dropLoadedIndexes, slotNames, slots, type IndexNames, type Slot, type SlotNames } from "./schema.ts";

/** From so many entries on, a slot is filled and emptied without the indexes that can be made afterwards; below it, making them takes longer. */
export const largeLoad = 5_000;

/** A generation with the labels that its nodes bear. */
export interface GenerationNames extends SlotNames {
  number: number;
  /** Another server, or one that was emptied, begins with number 1 again: this tells them apart. */
  identity: string;
}

interface GenerationRow {
  number: number;
  slot: Slot;
  tokeniser: string;
  position: number;
}

export async function findServing(cypher: RunCypher, names: IndexNames): Promise<GenerationNames | undefined> {
  const rows = await cypher<{ number: number; slot: Slot; identity: string }>(`MATCH (g:${names.generation} {state: 'serving'}) RETURN g.number AS number, g.slot AS slot, g.identity AS identity`);
  return rows[0] && { ...rows[0], ...slotNames(names, rows[0].slot) };
}

export function indexNotBuilt(): UnavailableError {
  return new UnavailableError("The catalog index has not been built yet", { zh: "目录索引尚未建立", code: "index.not-built", nextStep: "It is built when the centre starts; or run `zhengtong reindex`. Registration and exchange work meanwhile." });
}

export async function findGeneration(cypher: RunCypher, names: IndexNames, number: number | "serving"): Promise<(IndexGeneration & { slot: Slot }) | undefined> {
  const rows = await cypher<GenerationRow>(
    `MATCH (g:${names.generation}) WHERE ${number === "serving" ? "g.state = 'serving'" : "g.number = $number"} RETURN g.number AS number, g.slot AS slot, g.tokeniser AS tokeniser, g.position AS position`,
    number === "serving" ? {} : { number: BigInt(number) },
  );
  return rows[0];
}

/** A generation in the slot that does not serve. Whatever stood there was removed before. */
export async function createGeneration(connection: Neo4jConnection, names: IndexNames, start: { tokeniser: string; position: number; expected: number; at: Date }): Promise<number> {
  const rows = await connection.write(async (cypher) => {
    const serving = await findServing(cypher, names);
    const slot = slots.find((each) => each !== serving?.slot)!;
    return cypher<{ number: number; slot: Slot }>(
      `MATCH (i:${names.index} {name: 'catalog'}) SET i.lastNumber = coalesce(i.lastNumber, 0) + 1
       CREATE (g:${names.generation} {number: i.lastNumber, slot: $slot, state: 'building', loading: true, identity: randomUUID(), tokeniser: $tokeniser, position: $position, startedAt: $at})
       RETURN g.number AS number, g.slot AS slot`,
      { slot, tokeniser: start.tokeniser, position: BigInt(start.position), at: start.at.toISOString() },
    );
  });
  const { number, slot } = rows[0]!;
  if (start.expected >= largeLoad) await dropLoadedIndexes(connection, slotNames(names, slot));
  return number;
}

/** Removes generations that do not serve, with everything in their slots. Repeatable: what is broken off is ended the next time. */
export async function removeGenerations(connection: Neo4jConnection, names: IndexNames, only?: { state: "retired" } | { number: number }): Promise<void> {
  const doomed = await connection.read((cypher) =>
    cypher<{ number: number; slot: Slot }>(
      `MATCH (g:${names.generation}) WHERE g.state <> 'serving' AND ($state IS NULL OR g.state = $state) AND ($number IS NULL OR g.number = $number) RETURN g.number AS number, g.slot AS slot`,
      { state: only && "state" in only ? only.state : null, number: only && "number" in only ? BigInt(only.number) : null },
    ),
  );
  for (const { number, slot } of doomed) {
    const target = slotNames(names, slot);
    const { entry, term, code, grant } = target;
    const [{ entries } = { entries: 0 }] = await connection.read((cypher) => cypher<{ entries: number }>(`MATCH (e:${entry}) RETURN count(e) AS entries`));
    if (entries >= largeLoad) await dropLoadedIndexes(connection, target);
    for (const label of [grant, entry, term, code]) await deleteAll(connection, label);
    await connection.write(async (cypher) => {
      await cypher(`MATCH (p:${names.parked} {generation: $number}) DELETE p`, { number: BigInt(number) });
      await cypher(`MATCH (g:${names.generation} {number: $number}) DELETE g`, { number: BigInt(number) });
    });
  }
}
