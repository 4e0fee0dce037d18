import { labelOf } from "#standards";
import type { DocumentGrant, DocumentTerm, IndexDocument, IndexedItem } from "./index-document.ts";
import type { Entry } from "../model/types.ts";
import { normaliseItemName } from "../model/item-names.ts";
import { authorityValue, useValue } from "./ranking.ts";
import { comparisonKey } from "./text/normalise.ts";
import type { Tokeniser } from "./text/tokeniser.ts";

/** An entry's record with what belongs to it in other records. */
export interface EntrySource {
  entry: Entry;
  organisation: { name: string; shortName?: string; kind: string; regionCode: string };
  grants: DocumentGrant[];
  views: number;
}

/** The data elements, by identifier and by every name as compared. */
export interface DataElements {
  byIdentifier: ReadonlyMap<string, DataElementSummary>;
  byName: ReadonlyMap<string, DataElementSummary>;
}
export interface DataElementSummary {
  identifier: string;
  name: string;
  authorityOrganisationId?: string;
}

/** Item terms carry their kind in the key, so that one text names one thing everywhere. */
export const elementKey = (identifier: string): string => `element:${identifier}`;
export const itemKey = (name: string): string => `item:${normaliseItemName(name)}`;
export const keywordKey = (word: string): string => `keyword:${comparisonKey(word)}`;
export const organisationKey = (name: string): string => `organisation:${comparisonKey(name)}`;

/** Keywords and items beyond these are shown but not searched for by themselves. */
const longestKey = 120;

export function projectEntry(tokeniser: Tokeniser, elements: DataElements, source: EntrySource): IndexDocument {
  const { entry, organisation } = source;
  const { content } = entry;
  const keywords = content.keywords ?? [];
  const items = (content.items ?? []).map((item): IndexedItem => {
    const element = item.dataElement ?? elements.byName.get(normaliseItemName(item.name))?.identifier;
    return { name: item.name, field: item.field, ...(element === undefined ? {} : { dataElement: element }), ...(item.sensitivity === undefined ? {} : { sensitivity: item.sensitivity }) };
  });

  // A token goes to the best field that has it: title first, then what else names the entry, then what describes it.
  const seen = new Set<string>();
  const soundsSeen = new Set<string>();
  const tokens: IndexDocument["tokens"] = { title: [], label: [], body: [], sound: [] };
  const name = (text: string, into: string[]) => {
    const found = tokeniser.nameTokens(text);
    addNew(found.tokens, seen, into);
    addNew(found.sounds, soundsSeen, tokens.sound);
  };
  const describe = (text: string) => addNew(tokeniser.textTokens(text), seen, tokens.body);
  name(content.title, tokens.title);
  for (const text of [...keywords, organisation.name, organisation.shortName ?? "", entry.code, entry.resourceId]) name(text, tokens.label);
  for (const item of items) {
    describe(item.name);
    describe(item.field);
  }
  for (const text of elementNames(elements, items)) describe(text);
  for (const code of content.themeCodes) describe(labelOf("GB/T 21063.4", code) ?? "");
  describe(content.internalDepartment ?? "");
  describe(content.abstract);

  const bound = new Set(items.flatMap((item) => item.dataElement ?? []));
  const own = [...bound].filter((identifier) => elements.byIdentifier.get(identifier)?.authorityOrganisationId === entry.organisationId);
  const pinyinKey = tokeniser.pinyinKey(content.title).slice(0, longestKey);

  return {
    entry: {
      id: entry.id,
      code: entry.code,
      resourceId: entry.resourceId,
      title: content.title,
      abstract: content.abstract,
      keywords,
      organisationId: entry.organisationId,
      organisationName: organisation.name,
      regionCode: organisation.regionCode,
      state: entry.state,
      version: entry.version,
      sharingType: content.sharingType,
      open: content.open,
      themeCodes: content.themeCodes,
      ...(content.guideCategory === undefined ? {} : { guideCategory: content.guideCategory }),
      updateCycle: content.updateCycle,
      formatClass: content.format.class,
      sensitivity: content.sensitivity,
      completeness: entry.completeness,
      items,
      views: source.views,
      grants: source.grants.length,
      updatedAt: entry.updatedAt,
      ...(entry.publishedAt === undefined ? {} : { publishedAt: entry.publishedAt }),
    },
    titleKey: comparisonKey(content.title).slice(0, longestKey),
    pinyinKey,
    initialsKey: tokeniser.initialsKey(content.title).slice(0, longestKey),
    tokens,
    authority: authorityValue(organisation.kind, bound.size, own.length),
    use: useValue(source.views, source.grants.length),
    terms: termsOf(tokeniser, elements, organisation, keywords, items),
    relations: [
      ...(content.derivedFrom ?? []).map((code) => ({ kind: "derived-from" as const, code, since: entry.publishedAt ?? entry.createdAt })),
      ...(content.relatedCodes ?? []).map((code) => ({ kind: "related" as const, code, since: entry.publishedAt ?? entry.createdAt })),
    ],
    grants: source.grants,
  };
}

/** Those not met before, at the price of one look-up each. */
function addNew(tokens: readonly string[], seen: Set<string>, into: string[]): void {
  for (const token of tokens) {
    const before = seen.size;
    seen.add(token);
    if (seen.size > before) into.push(token);
  }
}

function elementNames(elements: DataElements, items: readonly IndexedItem[]): string[] {
  return items.flatMap((item) => (item.dataElement === undefined ? [] : (elements.byIdentifier.get(item.dataElement)?.name ?? [])));
}

function termsOf(tokeniser: Tokeniser, elements: DataElements, organisation: EntrySource["organisation"], keywords: readonly string[], items: readonly IndexedItem[]): DocumentTerm[] {
  const terms = new Map<string, DocumentTerm>();
  const add = (kind: DocumentTerm["kind"], key: string, text: string, bound: boolean) => {
    if (key.length > longestKey || comparisonKey(text) === "" || terms.has(key)) return;
    terms.set(key, { kind, key, nameKey: comparisonKey(text).slice(0, longestKey), pinyinKey: tokeniser.pinyinKey(text).slice(0, longestKey), initialsKey: tokeniser.initialsKey(text).slice(0, longestKey), bound });
  };
  for (const name of [organisation.name, organisation.shortName ?? ""]) add("organisation", organisationKey(name), name, false);
  for (const word of keywords) add("keyword", keywordKey(word), word, false);
  for (const item of items) {
    add("item", itemKey(item.name), item.name, item.dataElement !== undefined);
    if (item.dataElement !== undefined) add("element", elementKey(item.dataElement), elements.byIdentifier.get(item.dataElement)?.name ?? item.name, false);
  }
  return [...terms.values()];
}
