import type { Transaction } from "#platform";
import { normaliseItemName } from "../model/item-names.ts";
import type { Entry } from "../model/types.ts";

/** Items per statement. */
const itemsPerStatement = 20_000;

/** The items of the content in force as rows, in place of what stood there. */
export async function replaceItems(tx: Transaction, entries: readonly Pick<Entry, "id" | "content">[], fresh = false): Promise<void> {
  if (!fresh) await tx.query("delete from catalog.entry_item where entry_id = any($1)", [entries.map((entry) => entry.id)]);
  const items = entries.flatMap((entry) => (entry.content.items ?? []).map((item, position) => ({ entryId: entry.id, position, ...item })));
  for (let start = 0; start < items.length; start += itemsPerStatement) {
    const piece = items.slice(start, start + itemsPerStatement);
    await tx.query(
      `insert into catalog.entry_item (entry_id, position, field, name, normalised_name, type, data_element)
       select * from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
      [piece.map((item) => item.entryId), piece.map((item) => item.position), piece.map((item) => item.field), piece.map((item) => item.name), piece.map((item) => normaliseItemName(item.name)), piece.map((item) => item.type), piece.map((item) => item.dataElement ?? null)],
    );
  }
}
