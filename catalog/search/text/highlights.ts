import { normaliseWithOffsets, runsOf, type NormalisedText } from "./normalise.ts";
import type { QueryTerm } from "./query-terms.ts";
import type { Tokeniser } from "./tokeniser.ts";

/** A text in pieces: those that were found and those between. Never markup, so that nothing can be injected. */
export interface TextSegment {
  text: string;
  hit: boolean;
}

type Range = [start: number, end: number];

/** The whole text in segments; a single one that is no hit when nothing in it was found. */
export function highlight(tokeniser: Tokeniser, text: string, terms: readonly QueryTerm[]): TextSegment[] {
  return segmentsOf(text, hitRanges(tokeniser, normaliseWithOffsets(text), terms));
}

export function hasHit(segments: readonly TextSegment[]): boolean {
  return segments.some((segment) => segment.hit);
}

/** About `length` characters around the first hit, with an ellipsis where text was left out; the beginning when nothing was found. */
export function highlightSnippet(tokeniser: Tokeniser, text: string, terms: readonly QueryTerm[], length: number): TextSegment[] {
  const ranges = hitRanges(tokeniser, normaliseWithOffsets(text), terms);
  if (text.length <= length) return segmentsOf(text, ranges);
  const first = ranges[0]?.[0] ?? 0;
  const start = Math.max(0, Math.min(first - Math.floor(length / 4), text.length - length));
  const from = atCharacter(text, start);
  const to = atCharacter(text, Math.min(text.length, start + length));
  const inside = ranges.filter(([begin, end]) => end > from && begin < to).map(([begin, end]): Range => [Math.max(begin, from) - from, Math.min(end, to) - from]);
  const segments = segmentsOf(text.slice(from, to), inside);
  if (from > 0) segments.unshift({ text: "…", hit: false });
  if (to < text.length) segments.push({ text: "…", hit: false });
  return segments;
}

/** Not between the halves of a character outside the basic plane. */
const atCharacter = (text: string, at: number) => (at > 0 && at < text.length && /[\udc00-\udfff]/.test(text[at]!) ? at - 1 : at);

/** In the original text, in order, without overlaps. */
function hitRanges(tokeniser: Tokeniser, normalised: NormalisedText, terms: readonly QueryTerm[]): Range[] {
  const found: Range[] = [];
  // Cutting into runs is only needed for what was typed in pinyin.
  const hanRuns = terms.some((term) => isLatin(term) && term.anyOf.length > 1) ? runsOf(normalised.text).filter((run) => run.kind === "han") : [];
  for (const term of terms) {
    if (!isLatin(term)) found.push(...hanRanges(normalised.text, term));
    else {
      found.push(...occurrences(normalised.text, term.text).filter(([start]) => start === 0 || !latinCharacter.test(normalised.text[start - 1]!)));
      if (term.anyOf.length > 1) for (const run of hanRuns) for (const [start, end] of soundRanges(tokeniser, run.text, term.text)) found.push([run.start + start, run.start + end]);
    }
  }
  if (found.length > 1) found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const merged: Range[] = [];
  for (const [start, end] of found) {
    const range: Range = [normalised.offset(start), normalised.offset(end)];
    const last = merged.at(-1);
    if (last && range[0] <= last[1]) last[1] = Math.max(last[1], range[1]);
    else merged.push(range);
  }
  return merged;
}

const isLatin = (term: QueryTerm) => /^[\p{Number}_a-z]/u.test(term.text);
// The parts of id_card_no are words of their own.
const latinCharacter = /[\p{Number}a-z]/u;

function hanRanges(text: string, term: QueryTerm): Range[] {
  const whole = occurrences(text, term.text);
  // The term is here only in parts: then the parts are shown.
  return whole.length > 0 || term.text.length < 3 ? whole : term.anyOf[0]!.tokens.flatMap((token) => occurrences(text, token));
}

function occurrences(text: string, part: string): Range[] {
  const ranges: Range[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) ranges.push([at, at + part.length]);
  return ranges;
}

/** The characters whose pinyin, or initials, the typed letters are; the last syllable may be unfinished. */
function soundRanges(tokeniser: Tokeniser, run: string, letters: string): Range[] {
  const syllables = tokeniser.syllables(run);
  const characters = [...run];
  const ranges: Range[] = [];
  const unitsBefore = (count: number) => characters.slice(0, count).join("").length;
  for (let start = 0; start < characters.length; start += 1) {
    for (const form of [syllables, syllables.map((syllable) => syllable[0] ?? "")]) {
      let spelled = "";
      let end = start;
      while (end < characters.length && spelled.length < letters.length) spelled += form[end++] ?? "";
      if (spelled.startsWith(letters)) {
        ranges.push([unitsBefore(start), unitsBefore(end)]);
        break;
      }
    }
  }
  return ranges;
}

function segmentsOf(text: string, ranges: readonly Range[]): TextSegment[] {
  const segments: TextSegment[] = [];
  let at = 0;
  for (const [start, end] of ranges) {
    if (start > at) segments.push({ text: text.slice(at, start), hit: false });
    if (end > start) segments.push({ text: text.slice(start, end), hit: true });
    at = end;
  }
  if (at < text.length || segments.length === 0) segments.push({ text: text.slice(at), hit: false });
  return segments;
}
