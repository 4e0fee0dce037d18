/** A cell as read, not yet interpreted: text, or for JSON whatever stood there. Formulas are their text, never evaluated. */
export type RawCell = unknown;

export interface RawRow {
  /** Line of a text file, row of a sheet, or ordinal of a JSON object; from 1. */
  number: number;
  cells: RawCell[];
}

/** One sheet, or one text file. JSON objects come with their columns; of grids the header is still to be found. */
export interface RawTable {
  sheet?: string;
  /** Of JSON: the union of the objects' members in order of appearance. */
  columns?: string[];
  rows: RawRow[];
}

export interface RawFile {
  kind: "csv" | "xlsx" | "xls" | "json";
  tables: RawTable[];
  /** Of text files. */
  encoding?: string;
  delimiter?: string;
  /** Members that stood beside the list of objects, such as `conformsTo`. */
  envelope?: Record<string, string>;
}
