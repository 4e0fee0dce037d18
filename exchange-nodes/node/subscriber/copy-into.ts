import { finished } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { Statement, Transaction } from "#platform";

/** Sends COPY text as it is. `columns` is a quoted list; empty: the relation's own. */
export async function copyInto(tx: Transaction, relation: string, columns: string, pieces: readonly Buffer[]): Promise<void> {
  const stream = tx.client.query(copyFrom(`copy ${relation}${columns === "" ? "" : ` (${columns})`} from stdin`));
  const done = finished(stream);
  for (const piece of pieces) if (!stream.write(piece)) await Promise.race([new Promise<void>((drained) => stream.once("drain", drained)), done]);
  stream.end();
  await done;
}

/** Runs what `applySql` gave; rows written or removed. */
export async function countWritten(tx: Transaction, statement: Statement): Promise<number> {
  const { rows } = await tx.query<{ upserted: number; removed: number }>(statement);
  return rows[0]!.upserted + rows[0]!.removed;
}
