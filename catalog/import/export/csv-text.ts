/**
 * A text that a spreadsheet would take for a formula gets an apostrophe before it, which the import takes off again.
 * Values that begin with apostrophes and then a formula get one too, so that taking one off is exact.
 */
export const neutralise = (text: string): string => (/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const quote = (text: string): string => (/[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text);

/** One line of CSV (RFC 4180), formulas neutralised. */
export const csvLine = (cells: readonly string[]): string => `${cells.map((cell) => quote(neutralise(cell))).join(",")}\r\n`;
