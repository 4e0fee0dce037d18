import type { Reader, Transaction } from "#platform";

/** Batches whose payload is a record in Kafka, and no copy of it here. */
export async function countRecordsInKafka(reader: Reader): Promise<number> {
  return (await reader.query<{ count: number }>("select count(*) from exchange.feed_log where record_offset is not null")).rows[0]!.count;
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
