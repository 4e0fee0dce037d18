import type { Suggestion } from "./catalog-index.ts";
import type { IndexedEntry } from "./index-document.ts";
import { itemKey, keywordKey } from "./project-entry.ts";

/** Examined before sorting and before asking what is visible: bounds a one-letter beginning. */
export const mostSuggestedEntries = 500;
export const mostSuggestedTerms = 100;

export type SuggestedTermKind = "keyword" | "item" | "organisation";
export const suggestedTermKinds: readonly SuggestedTermKind[] = ["keyword", "item", "organisation"];

/** Which beginnings of pinyin are looked for inside names too. Three letters and more: fewer would walk through a large part of all pinyin. */
export const pinyinInside = (key: string): boolean => /^[a-z]{3,}$/.test(key);
export const initialsInside = (key: string): boolean => /^[a-z]{2,12}$/.test(key);

/** A term with the text as an entry that the viewer sees has it; each text once. */
export function termSuggestions(found: readonly { kind: SuggestedTermKind; key: string; entry: IndexedEntry }[]): Suggestion[] {
  const suggestions = new Map<string, Suggestion>();
  for (const { kind, key, entry } of found) {
    const suggestion = toSuggestion(kind, key, entry);
    if (suggestion !== undefined && !suggestions.has(`${kind} ${suggestion.text}`)) suggestions.set(`${kind} ${suggestion.text}`, suggestion);
  }
  return [...suggestions.values()];
}

function toSuggestion(kind: SuggestedTermKind, key: string, entry: IndexedEntry): Suggestion | undefined {
  if (kind === "organisation") return { kind, text: entry.organisationName, organisationId: entry.organisationId };
  if (kind === "keyword") {
    const word = entry.keywords.find((candidate) => keywordKey(candidate) === key);
    return word === undefined ? undefined : { kind, text: word };
  }
  const item = entry.items.find((candidate) => itemKey(candidate.name) === key);
  return item && { kind, text: item.name, itemKey: key };
}

/** A quarter of the list for each kind of term at most, the rest for entries. */
export async function mixSuggestions(first: number, terms: readonly Suggestion[], entries: (count: number) => Promise<Suggestion[]>): Promise<Suggestion[]> {
  const share = Math.max(1, Math.floor(first / 4));
  const taken = (["organisation", "keyword", "item"] as const).flatMap((kind) => terms.filter((term) => term.kind === kind).slice(0, share));
  return [...taken, ...(await entries(first - Math.min(taken.length, first - share)))].slice(0, first);
}
