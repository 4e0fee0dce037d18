/**
 * How hits are ordered, the same in every engine.
 *
 * score = Σ weight × part, each part 0–1, rounded to a millionth:
 * - text: mean over the query's rank tokens (and its prefix terms, which count twice) of the best field's weight;
 * - phrase: 1 the title is the query, 0.75 it begins so, 0.5 it contains it, else 0 (for Latin letters, in pinyin); to
 *   the two in the middle comes a fifth of the share of the title that the query makes up: short titles first;
 * - authority: the department is the one source (数源部门) of data elements in it, and what kind of body it is;
 * - completeness: the score of the entry's checklist;
 * - use: views and grants, logarithmic;
 * - recency: halves every year.
 */
export const scoreWeights = { text: 0.5, phrase: 0.22, authority: 0.1, completeness: 0.06, use: 0.08, recency: 0.04 } as const;

/** Of a token found in the title; in keywords, organisation or codes; in items, abstract or theme names. */
export const fieldWeights = { title: 1, label: 0.6, body: 0.25 } as const;
/** A prefix term (Latin letters, pinyin, one character) counts as so many rank tokens. */
export const prefixTermWeight = 2;
export const phraseValues = { equal: 1, begins: 0.75, contains: 0.5, share: 0.2 } as const;
export const scoreUnit = 1_000_000;

const manyUses = Math.log1p(1_000);

/** One grant weighs as ten views. */
export function useValue(views: number, grants: number): number {
  return Math.min(1, Math.log1p(views + 10 * grants) / manyUses);
}

const kindAuthority: Record<string, number> = { department: 0.5, "city-data-office": 0.5, "review-office": 0.4, district: 0.3, association: 0.1 };

/** Half by the kind of body, half by the share of the entry's data elements whose one source this body is. */
export function authorityValue(organisationKind: string | undefined, elements: number, ownElements: number): number {
  return (kindAuthority[organisationKind ?? ""] ?? 0.1) + (elements === 0 ? 0 : 0.5 * (ownElements / elements));
}
