/** What a foreign word means here, or the word itself where nobody has said yet. */
export type Normalised<Value> =
  | {
      readonly value: Value;
      /** The word says something else or less; the value is the nearest there is and should be looked at. */
      readonly approximate?: true;
    }
  | { readonly unknown: string };

/** Spaces and punctuation removed, full-width made half-width, lower case: two spellings of one word become equal. */
export const plainWord = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s、,。;:()[\]【】"'“”‘’]/g, "");
