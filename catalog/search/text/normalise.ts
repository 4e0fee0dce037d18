/**
 * The form in which texts are compared: NFKC, lower case. Full-width Latin and digits, circled numbers and ligatures
 * become plain ones; Han characters stay as they are.
 */
export interface NormalisedText {
  text: string;
  /** The offset in the original from which a UTF-16 unit of `text` came; its length for the end. */
  offset(unit: number): number;
}

// ASCII and the common Han characters: lower case is all that NFKC would leave to do, and lengths stay.
const plain = /^[\u0020-\u007e\u3001\u3002\u4e00-\u9fff]*$/;

/** The comparable form only. */
export function normalise(text: string): string {
  return plain.test(text) ? text.toLowerCase() : text.normalize("NFKC").toLowerCase();
}

/** The comparable form with the way back to the original, for highlights. */
export function normaliseWithOffsets(original: string): NormalisedText {
  if (plain.test(original)) return { text: original.toLowerCase(), offset: (unit) => unit };
  // One character can become several ("㎡" → "m2"), so offsets are kept character by character.
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
  return { text, offset: (unit) => offsets[unit]! };
}

/** A stretch of Han characters, or of Latin letters, digits and underscores. */
export interface Run {
  kind: "han" | "latin";
  text: string;
  start: number;
}

// Han with its compatibility and extension blocks, and the iteration marks that stand for a character.
const hanCharacter = /[\p{Script=Han}々〇]/u;
const latinCharacter = /[\p{Letter}\p{Number}_]/u;

/** 1 Han, 2 Latin, 0 neither. The common ranges without a regular expression, which costs ten times as much. */
function kindOf(code: number): 0 | 1 | 2 {
  if (code >= 0x4e00 && code <= 0x9fff) return 1;
  if (code < 0x80) return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f || (code >= 0x41 && code <= 0x5a) ? 2 : 0;
  const character = String.fromCodePoint(code);
  return hanCharacter.test(character) ? 1 : latinCharacter.test(character) ? 2 : 0;
}

/** The runs of a normalised text in order; everything else separates. */
export function runsOf(normalised: string): Run[] {
  const runs: Run[] = [];
  let kind: 0 | 1 | 2 = 0;
  let start = 0;
  for (let at = 0; at <= normalised.length; ) {
    const code = at < normalised.length ? normalised.codePointAt(at)! : 0;
    const here = kindOf(code);
    if (here !== kind) {
      const text = normalised.slice(start, at);
      if (kind === 1) runs.push({ kind: "han", text, start });
      else if (kind === 2 && /[^_]/.test(text)) runs.push({ kind: "latin", text, start });
      kind = here;
      start = at;
    }
    at += code > 0xffff ? 2 : 1;
  }
  return runs;
}

/** A name reduced to what distinguishes it: normalised, without spaces and punctuation. */
export function comparisonKey(text: string): string {
  return runsOf(normalise(text)).map((run) => run.text).join("");
}
