import type { RelatedEntry, SharedItem } from "./catalog-index.ts";
import type { IndexedEntry } from "./index-document.ts";
import { elementKey, itemKey } from "./project-entry.ts";

/** An item that more entries have (姓名) says nothing about their kinship. */
export const rareItemUses = 500;
export const mostRelatedCandidates = 300;
/** Keys named per related entry, the rarest first. */
export const mostSharedKeys = 8;
/** Declared relations and lineage weigh more than any shared items; a shared item weighs more the rarer it is. */
export const relationWeights = { declared: 3, lineage: 2 } as const;

/** Items examined, the most used first. */
export const examinedItems = (first: number): number => Math.max(50, first * 3);

const reasonOrder: readonly RelatedEntry["reasons"][number]["kind"][] = ["declared", "lineage", "shares-items"];

export interface Kinship {
  entry: IndexedEntry;
  kind: RelatedEntry["reasons"][number]["kind"];
  weight: number;
  keys: readonly string[];
}

const itemIs = (key: string) => (item: IndexedEntry["items"][number]) => itemKey(item.name) === key || (item.dataElement !== undefined && elementKey(item.dataElement) === key);

/** Reasons of one entry together, strongest entries first. */
export function rankRelated(found: readonly Kinship[], first: number): RelatedEntry[] {
  const byId = new Map<string, RelatedEntry>();
  for (const { entry, kind, weight, keys } of found) {
    const related = byId.get(entry.id) ?? { entry, score: 0, reasons: [] };
    byId.set(entry.id, related);
    related.score = Math.round((related.score + weight) * 1e6) / 1e6;
    related.reasons.push({ kind, items: keys.flatMap((key) => entry.items.find(itemIs(key))?.name ?? []) });
  }
  for (const { reasons } of byId.values()) reasons.sort((a, b) => reasonOrder.indexOf(a.kind) - reasonOrder.indexOf(b.kind));
  return [...byId.values()].sort((a, b) => b.score - a.score || (a.entry.id < b.entry.id ? -1 : 1)).slice(0, first);
}

export interface ItemCollectors {
  key: string;
  organisationId: string;
  entries: number;
  /** The first of them by id: whose name of the item is shown. */
  firstEntryId: string;
}

/** Items by how many departments collect them, named as one of their entries names them. */
export async function rankSharedItems(collectors: readonly ItemCollectors[], minimumOrganisations: number, first: number, entriesOf: (entryIds: readonly string[]) => Promise<ReadonlyMap<string, IndexedEntry>>): Promise<SharedItem[]> {
  const byKey = new Map<string, SharedItem & { source: string }>();
  for (const { key, organisationId, entries, firstEntryId } of collectors) {
    const item = byKey.get(key) ?? { key, name: "", organisations: [], entries: 0, source: firstEntryId };
    byKey.set(key, item);
    item.organisations.push({ organisationId, entries });
    item.entries += entries;
  }
  const found = [...byKey.values()]
    .filter((item) => item.organisations.length >= minimumOrganisations)
    .sort((a, b) => b.organisations.length - a.organisations.length || b.entries - a.entries || (a.key < b.key ? -1 : 1))
    .slice(0, first);
  const byId = await entriesOf(found.map((item) => item.source));
  return found.map(({ source: sourceId, ...item }): SharedItem => {
    const source = byId.get(sourceId)?.items.find(itemIs(item.key));
    item.organisations.sort((a, b) => b.entries - a.entries || (a.organisationId < b.organisationId ? -1 : 1));
    return { ...item, name: source?.name ?? item.key.slice(item.key.indexOf(":") + 1), ...(source?.dataElement === undefined ? {} : { dataElement: source.dataElement }) };
  });
}
