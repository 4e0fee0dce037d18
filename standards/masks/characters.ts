/**
 * Counting characters as PostgreSQL does: by code point. JavaScript counts UTF-16 units, which differs for the rare
 * characters of personal names outside the basic plane (𬭼, 𠮷).
 */
const surrogate = /[\uD800-\uDFFF]/;

export const characterCount = (text: string): number => (surrogate.test(text) ? Array.from(text).length : text.length);

/** PostgreSQL `left(text, count)` for a count that is not negative. */
export const leftCharacters = (text: string, count: number): string =>
  surrogate.test(text) ? Array.from(text).slice(0, count).join("") : text.slice(0, count);

/** PostgreSQL `right(text, count)` for a count above zero. */
export const rightCharacters = (text: string, count: number): string =>
  surrogate.test(text) ? Array.from(text).slice(-count).join("") : text.slice(-count);
