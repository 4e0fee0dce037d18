import type { Reader, Transaction } from "#platform";

/** Batches whose payload is a record in Kafka, and no copy of it here. */
export async function countRecordsInKafka(reader: Reader): Promise<number> {
  return (await reader.query<{ count: number }>("select count(*) from exchange.feed_log where record_offset is not null")).rows[0]!.count;
}

/** More refreshes, and more changes of a node's assignments, than a backup is ever behind. */
const beyondAllGivenOut = { generations: 1_000, assignments: 1_000_000 };

/**
 * After a restore the log may be behind what nodes have sent and applied: every feed begins a new generation, and its
 * nodes are told from where. Rows that the backup did not have come again with it.
 */
export async function forkFeeds(tx: Transaction): Promise<number> {
  const { rowCount } = await tx.query(
    `update exchange.feed f set generation = f.generation + $1, fork = jsonb_build_object('generation', f.generation + $1, 'sequence', h.sequence, 'hash', h.hash)
     from exchange.feed_log_head h where h.feed_id = f.id and f.state not in ('stopping', 'stopped')`,
    [beyondAllGivenOut.generations],
  );
  // Nodes wait for a version above the one that they have.
  await tx.query("update exchange.node set assignments_version = assignments_version + $1", [beyondAllGivenOut.assignments]);
  return rowCount;
}

/**
 * Says of every record in Kafka that it is gone: after a restore without the brokers' data. A subscriber that had not
 * read that far sees that the log begins later than it stands, and refreshes; what was evidence stays evidence.
 *
 * @returns how many batches can no longer be read.
 */
export async function forgetRecordsInKafka(tx: Transaction): Promise<number> {
  await tx.query(
    `update exchange.feed_log_head h set first_sequence = gone.up_to + 1
     from (select feed_id, max(sequence) as up_to from exchange.feed_log where record_offset is not null group by feed_id) gone where h.feed_id = gone.feed_id`,
  );
  const { rowCount } = await tx.query("delete from exchange.feed_log l using exchange.feed_log_head h where l.feed_id = h.feed_id and l.sequence < h.first_sequence");
  return rowCount;
}
