/**
 * The form in which texts are compared: NFKC, lower case. Full-width Latin and digits, circled numbers and ligatures
 * become plain ones; Han characters stay as they are.
 */
export interface NormalisedText {
  text: string;
  /** For each UTF-16 unit of `text`, the offset in the original from which it came; one more for the end. */
  offsets: number[];
}

// One character can become several ("㎡" → "m2"), so offsets are kept character by character.
const plain = /^[\u0020-\u007e\u4e00-\u9fff]*$/;

/** The comparable form only. */
export function normalise(text: string): string {
  return plain.test(text) ? text.toLowerCase() : text.normalize("NFKC").toLowerCase();
}

/** The comparable form with the way back to the original, for highlights. */
export function normaliseWithOffsets(original: string): NormalisedText {
  let text = "";
  const offsets: number[] = [];
  let at = 0;
  for (const character of original) {
    const form = normalise(character);
    for (let unit = 0; unit < form.length; unit += 1) offsets.push(at);
    text += form;
    at += character.length;
  }
  offsets.push(original.length);
  return { text, offsets };
}

/** A stretch of Han characters, or of Latin letters, digits and underscores. */
export interface Run {
  kind: "han" | "latin";
  text: string;
  start: number;
}

// Han with its compatibility and extension blocks, and the iteration marks that stand for a character.
const runPattern = /(?<han>[\p{Script=Han}々〇]+)|(?<latin>[\p{Letter}\p{Number}_]+?(?=[\p{Script=Han}々〇]|[^\p{Letter}\p{Number}_]|$))/gu;

/** The runs of a normalised text in order; everything else separates. */
export function runsOf(normalised: string): Run[] {
  const runs: Run[] = [];
  for (const match of normalised.matchAll(runPattern)) {
    const latin = match.groups?.latin;
    if (latin === undefined) runs.push({ kind: "han", text: match[0], start: match.index });
    else if (/[^_]/.test(latin)) runs.push({ kind: "latin", text: latin, start: match.index });
  }
  return runs;
}

/** A name reduced to what distinguishes it: normalised, without spaces and punctuation. */
export function comparisonKey(text: string): string {
  return runsOf(normalise(text)).map((run) => run.text).join("");
}
