/**
 * The columns of one row as byte ranges: what the COPY parser and the replication decoder fill and what checks,
 * filters and writers read. One object is reused for every row, so that a row costs no allocation.
 */
export interface Cells {
  buffer: Buffer;
  count: number;
  start: Int32Array;
  /** `nullCell` for null, `unchangedCell` for a large value that the log does not repeat. */
  end: Int32Array;
}

export const nullCell = -1;
export const unchangedCell = -2;

export function createCells(capacity: number): Cells {
  return { buffer: Buffer.alloc(0), count: 0, start: new Int32Array(capacity), end: new Int32Array(capacity) };
}

/** Text of a cell that is not null. */
export const cellText = (cells: Cells, index: number): string => cells.buffer.toString("utf8", cells.start[index]!, cells.end[index]!);

const tab = 9;
const newline = 10;
const backslash = 92;
const capitalN = 78;

/** Byte after `\` in COPY text → the byte it stands for. */
const unescaped: Record<number, number> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9, 118: 11 };

/**
 * Reads the COPY text line that begins at `from` into `cells` and returns where the next one begins. Values with
 * backslash escapes (rare) are written unescaped to a buffer of their own; `cells.buffer` is then that buffer.
 */
export function readCopyLine(source: Buffer, from: number, cells: Cells): number {
  const { start, end } = cells;
  cells.buffer = source;
  let at = from;
  let cell = 0;
  let escaped = false;
  start[0] = at;
  for (;;) {
    const byte = source[at];
    if (byte === tab) {
      end[cell] = at;
      cell += 1;
      at += 1;
      start[cell] = at;
    } else if (byte === newline || byte === undefined) {
      end[cell] = at;
      break;
    } else {
      if (byte === backslash) escaped = true;
      at += 1;
    }
  }
  cells.count = cell + 1;
  if (escaped) unescapeCells(cells);
  return at + 1;
}

function unescapeCells(cells: Cells): void {
  const { buffer, start, end, count } = cells;
  let whole = true;
  for (let index = 0; index < count; index += 1) {
    const from = start[index]!;
    const to = end[index]!;
    if (to - from === 2 && buffer[from] === backslash && buffer[from + 1] === capitalN) end[index] = nullCell;
    else if (whole && buffer.subarray(from, to).includes(backslash)) whole = false;
  }
  if (whole) return;
  const copy = Buffer.allocUnsafe(Math.max(1, ...end.subarray(0, count)) - start[0]!);
  let length = 0;
  for (let index = 0; index < count; index += 1) {
    const to = end[index]!;
    if (to < 0) continue;
    const begun = length;
    for (let at = start[index]!; at < to; at += 1) {
      let byte = buffer[at]!;
      if (byte === backslash) {
        at += 1;
        byte = unescaped[buffer[at]!] ?? buffer[at]!;
      }
      copy[length] = byte;
      length += 1;
    }
    start[index] = begun;
    end[index] = length;
  }
  cells.buffer = copy;
}

/** A buffer that grows: lines of COPY text are written to it byte by byte. */
export interface LineWriter {
  readonly length: number;
  /** A cell's bytes, escaped; a null cell as `\N`. */
  cell(buffer: Buffer, start: number, end: number): void;
  text(value: string | null): void;
  /** Bytes as they are. */
  raw(bytes: Uint8Array): void;
  ascii(text: string): void;
  byte(value: number): void;
  /** Takes back what was written after `length`. */
  rewind(length: number): void;
  slice(from: number, to: number): Buffer;
  /** Everything written so far; the writer starts again with a new buffer. */
  take(): Buffer;
}

/** Byte → what follows the backslash in COPY text. */
const escapeOf: Record<number, number> = { 8: 98, 9: 116, 10: 110, 11: 118, 12: 102, 13: 114, 92: 92 };

export function createLineWriter(initialBytes = 64 * 1024): LineWriter {
  let bytes = Buffer.allocUnsafe(initialBytes);
  let length = 0;

  function reserve(more: number): void {
    if (length + more <= bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, length + more));
    bytes.copy(larger, 0, 0, length);
    bytes = larger;
  }

  const writer: LineWriter = {
    get length() {
      return length;
    },
    cell(buffer, start, end) {
      if (end < 0) {
        reserve(2);
        bytes[length] = backslash;
        bytes[length + 1] = capitalN;
        length += 2;
        return;
      }
      reserve((end - start) * 2);
      const target = bytes;
      let to = length;
      for (let at = start; at < end; at += 1) {
        const byte = buffer[at]!;
        if (byte < 14 || byte === backslash) {
          const escape = escapeOf[byte];
          if (escape !== undefined) {
            target[to] = backslash;
            target[to + 1] = escape;
            to += 2;
            continue;
          }
        }
        target[to] = byte;
        to += 1;
      }
      length = to;
    },
    text(value) {
      if (value === null) return writer.cell(bytes, 0, nullCell);
      const encoded = Buffer.from(value);
      writer.cell(encoded, 0, encoded.length);
    },
    raw(more) {
      reserve(more.length);
      bytes.set(more, length);
      length += more.length;
    },
    ascii(text) {
      reserve(text.length);
      for (let index = 0; index < text.length; index += 1) bytes[length + index] = text.charCodeAt(index);
      length += text.length;
    },
    byte(value) {
      reserve(1);
      bytes[length] = value;
      length += 1;
    },
    rewind(to) {
      length = to;
    },
    slice: (from, to) => Buffer.from(bytes.subarray(from, to)),
    take() {
      const taken = bytes.subarray(0, length);
      bytes = Buffer.allocUnsafe(initialBytes);
      length = 0;
      return taken;
    },
  };
  return writer;
}
