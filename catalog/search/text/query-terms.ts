import { comparisonKey, normalise, runsOf } from "./normalise.ts";
import { initialsMark, latinTokens, longestInitials, longestPinyin, pinyinMark, type Tokeniser } from "./tokeniser.ts";

/** What a search text asks for, in the tokeniser's tokens: each engine translates this and nothing else. */
export interface SearchTerms {
  /** The text without spaces and punctuation, normalised: for the comparison with whole titles. */
  key: string;
  terms: QueryTerm[];
}

export interface QueryTerm {
  /** As normalised in the query, for highlights. */
  text: string;
  /** The term matches where, for one of these, every token is there (`prefix`: a token that begins so). */
  anyOf: readonly TokenMatch[];
  /** Tokens that the text score counts, each with the weight of the best field that has it. Empty: the term counts as one. */
  rankTokens: readonly string[];
}

export interface TokenMatch {
  tokens: readonly string[];
  prefix: boolean;
}

export const longestQuery = 200;
const mostTerms = 16;
// Characters between words that are no part of a name: particles, and what stands for a place or an act of asking.
const particles = new Set("的和与及或等在之于了是为对从按由有将被其各该我查找看个市区县省");

/** `split`: compounds by their words (纳税信用 → 纳税, 信用), for when nothing has the compound. */
export function parseQuery(tokeniser: Tokeniser, text: string, compounds: "whole" | "split" = "whole"): SearchTerms {
  const normalised = normalise(text.slice(0, longestQuery));
  const terms = new Map<string, QueryTerm>();
  const add = (term: QueryTerm) => {
    if (terms.size < mostTerms && !terms.has(term.text)) terms.set(term.text, term);
  };
  for (const run of runsOf(normalised)) {
    if (run.kind === "latin") for (const part of latinParts(run.text)) add(latinTerm(part));
    else for (const chunk of hanChunks(tokeniser.words(run.text))) for (const part of compounds === "whole" ? [chunk] : splitCompound(tokeniser, chunk)) add(hanTerm(tokeniser, part));
  }
  return { key: comparisonKey(normalised), terms: [...terms.values()] };
}

/**
 * Words. Several single characters in a row are a name that was cut apart (京 州) and stay together; one alone belongs
 * to the word after it, or before it at the end (京 州市 → 京州市). Particles are left out unless nothing else is there.
 */
function hanChunks(words: readonly string[]): string[] {
  const chunks: string[] = [];
  let singles: string[] = [];
  const endSingles = (next?: string) => {
    const meant = singles.filter((single) => !particles.has(single));
    const all = singles;
    singles = [];
    if (meant.length >= 2) chunks.push(all.join(""));
    else if (meant.length === 1 && next !== undefined && all.at(-1) === meant[0]) return meant[0]! + next;
    else if (meant.length === 1 && chunks.length > 0 && all[0] === meant[0]) chunks.push(chunks.pop()! + meant[0]!);
    else if (meant.length === 1 && chunks.length === 0 && next === undefined) chunks.push(meant[0]!);
    return next;
  };
  for (const word of words) {
    if ([...word].length === 1) singles.push(word);
    else chunks.push(endSingles(word)!);
  }
  endSingles();
  return chunks.length > 0 ? chunks : [words.join("")];
}

function hanTerm(tokeniser: Tokeniser, text: string): QueryTerm {
  const characters = [...text];
  if (characters.length === 1) return { text, anyOf: [{ tokens: [text], prefix: true }], rankTokens: [] };
  const pairs = pairsOf(text);
  return { text, anyOf: [{ tokens: requiredPairs(tokeniser, text, pairs), prefix: false }], rankTokens: characters.length === 2 ? pairs : [text, ...pairs] };
}

const pairsOf = (word: string) => {
  const characters = [...word];
  return [...new Set(characters.slice(1).map((character, at) => characters[at]! + character))];
};

function splitCompound(tokeniser: Tokeniser, chunk: string): string[] {
  if ([...chunk].length < 4) return [chunk];
  // The longest words inside, without those that lie in another.
  const inner = [...new Set(tokeniser.innerWords(chunk))].filter((word, _at, all) => !all.some((other) => other !== word && other.includes(word)));
  return covers(chunk, inner) ? inner : [chunk];
}

function covers(text: string, words: readonly string[]): boolean {
  // A particle inside a name (人力资源和社会保障局) is often left out.
  const covered = new Set([...text].flatMap((character, at) => (particles.has(character) ? [at] : [])));
  for (const word of words) for (let at = text.indexOf(word), end = at + word.length; at < end; at += 1) covered.add(at);
  return words.length > 0 && covered.size === text.length;
}

/** Of a long word that is made of words, those words: 人口基础信息 also finds 人口库基础数据信息. Else every pair. */
function requiredPairs(tokeniser: Tokeniser, text: string, pairs: string[]): string[] {
  if ([...text].length < 5) return pairs;
  const inner = tokeniser.innerWords(text).filter((word) => [...word].length <= 4);
  return covers(text, inner) ? [...new Set(inner.flatMap(pairsOf))] : pairs;
}

function latinParts(run: string): string[] {
  const parts = latinTokens(run);
  return parts.length === 1 ? parts : parts.slice(0, -1);
}

function latinTerm(text: string): QueryTerm {
  const anyOf: TokenMatch[] = [{ tokens: [text], prefix: text.length >= 2 }];
  if (/^[a-z]{2,}$/.test(text)) {
    anyOf.push({ tokens: [pinyinMark + text.slice(0, longestPinyin)], prefix: true });
    if (text.length <= longestInitials) anyOf.push({ tokens: [initialsMark + text], prefix: true });
  }
  return { text, anyOf, rankTokens: [] };
}
