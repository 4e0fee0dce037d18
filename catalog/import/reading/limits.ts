/** What one file may be. Everything beyond is refused by name, never cut off silently. */
export interface ReadLimits {
  /** Of the file as it comes. */
  bytes: number;
  /** Of everything inside a workbook, unpacked: a zip of a few kilobytes can hold gigabytes. */
  unpackedBytes: number;
  /** Rows that hold something, over all sheets. */
  rows: number;
  columns: number;
  /** Characters of one cell; Excel itself stops at 32,767, but our own CSV holds up to 500 items in one. */
  cellCharacters: number;
  /** Time for reading; the worker is ended then. */
  timeMs: number;
  /** JavaScript heap of the worker, megabytes. */
  heapMegabytes: number;
}

export const defaultReadLimits: ReadLimits = {
  bytes: 64 * 1024 * 1024,
  unpackedBytes: 256 * 1024 * 1024,
  rows: 200_000,
  columns: 400,
  cellCharacters: 1_000_000,
  timeMs: 120_000,
  heapMegabytes: 1_024,
};

/** Why a file cannot be read: becomes an `InputError` outside the worker. */
export interface ReadFailure {
  code: string;
  message: string;
  zh: string;
  nextStep: string;
}

/** Thrown inside the worker only, where the kernel's errors are not loaded. */
export class UnreadableError extends Error {
  readonly failure: ReadFailure;
  constructor(failure: ReadFailure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}

export const tooLong = (place: string, characters: number, limit: number): UnreadableError =>
  new UnreadableError({
    code: "file.cell-too-long",
    message: `${place}: a cell has ${characters} characters; at most ${limit} are read`,
    zh: `${place}:单元格有 ${characters} 个字符,最多 ${limit} 个`,
    nextStep: "Shorten the cell, or check that quotation marks are closed.",
  });

export const tooManyRows = (limit: number): UnreadableError =>
  new UnreadableError({ code: "file.too-many-rows", message: `the file has more than ${limit} rows`, zh: `文件超过 ${limit} 行`, nextStep: "Split the file, for example by department." });

export const tooManyColumns = (place: string, columns: number, limit: number): UnreadableError =>
  new UnreadableError({ code: "file.too-many-columns", message: `${place} has ${columns} columns; at most ${limit} are read`, zh: `${place}有 ${columns} 列,最多 ${limit} 列`, nextStep: "Delete the columns that are not part of the catalog." });
