import { nullCell, unchangedCell, type Cells } from "../provider/cells.ts";

/**
 * Decoder of PostgreSQL's logical replication messages (plugin pgoutput, protocol version 1: whole transactions in the
 * order of their commits). Values stay byte ranges of the message.
 */
export interface LogRelation {
  oid: number;
  schema: string;
  table: string;
  /** `d` default, `n` nothing, `f` full, `i` index. */
  identity: string;
  columns: { name: string; typeOid: number; typmod: number; isKey: boolean }[];
}

export interface LogHandler {
  /** `lsn` is the commit's: transactions come in its order, and every row of one carries it. */
  begin(lsn: number, xid: number): void;
  /** `endLsn`: where the log continues behind the commit. */
  commit(endLsn: number): void;
  relation(relation: LogRelation): void;
  insert(oid: number, cells: Cells): void;
  /** `old` is filled (`hasOld`) when the key changed or the identity is full. */
  update(oid: number, cells: Cells, old: Cells, hasOld: boolean): void;
  delete(oid: number, old: Cells): void;
  truncate(oids: number[]): void;
}

/** A location in the log as a number: it stays below 2^53 for 9 PB of log. */
export const readLsn = (buffer: Buffer, at: number): number => buffer.readUInt32BE(at) * 4_294_967_296 + buffer.readUInt32BE(at + 4);

/** `16/B374D848` → number. */
export function parseLsn(text: string): number {
  const slash = text.indexOf("/");
  return Number.parseInt(text.slice(0, slash), 16) * 4_294_967_296 + Number.parseInt(text.slice(slash + 1), 16);
}

export function formatLsn(lsn: number): string {
  return `${Math.floor(lsn / 4_294_967_296).toString(16).toUpperCase()}/${(lsn % 4_294_967_296).toString(16).toUpperCase()}`;
}

/** Fills `cells` from the tuple at `at`; returns where it ends. */
function readTuple(buffer: Buffer, from: number, cells: Cells): number {
  let at = from;
  const count = (buffer[at]! << 8) | buffer[at + 1]!;
  at += 2;
  const { start, end } = cells;
  cells.buffer = buffer;
  cells.count = count;
  for (let index = 0; index < count; index += 1) {
    const kind = buffer[at]!;
    at += 1;
    if (kind === 116) {
      const length = (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
      at += 4;
      start[index] = at;
      at += length;
      end[index] = at;
    } else {
      start[index] = 0;
      end[index] = kind === 117 ? unchangedCell : nullCell;
    }
  }
  return at;
}

/** Returns a function that takes one message: `buffer` from `at` on. */
export function createLogDecoder(handler: LogHandler, cells: Cells, old: Cells): (buffer: Buffer, at: number) => void {
  function readString(buffer: Buffer, at: number): { text: string; next: number } {
    const end = buffer.indexOf(0, at);
    return { text: buffer.toString("utf8", at, end), next: end + 1 };
  }

  function readRelation(buffer: Buffer, from: number): LogRelation {
    const oid = buffer.readUInt32BE(from);
    const schema = readString(buffer, from + 4);
    const table = readString(buffer, schema.next);
    const identity = String.fromCharCode(buffer[table.next]!);
    const count = buffer.readUInt16BE(table.next + 1);
    let at = table.next + 3;
    const columns: LogRelation["columns"] = [];
    for (let index = 0; index < count; index += 1) {
      const isKey = (buffer[at]! & 1) === 1;
      const name = readString(buffer, at + 1);
      columns.push({ name: name.text, isKey, typeOid: buffer.readUInt32BE(name.next), typmod: buffer.readInt32BE(name.next + 4) });
      at = name.next + 8;
    }
    return { oid, schema: schema.text === "" ? "pg_catalog" : schema.text, table: table.text, identity, columns };
  }

  return (buffer, at) => {
    switch (buffer[at]) {
      case 73: // Insert
        readTuple(buffer, at + 6, cells);
        handler.insert(buffer.readUInt32BE(at + 1), cells);
        return;
      case 85: {
        // Update: an old tuple (K or O) may stand before the new one
        const hasOld = buffer[at + 5] !== 78;
        let next = at + 6;
        if (hasOld) next = readTuple(buffer, next, old) + 1;
        readTuple(buffer, next, cells);
        handler.update(buffer.readUInt32BE(at + 1), cells, old, hasOld);
        return;
      }
      case 68: // Delete
        readTuple(buffer, at + 6, old);
        handler.delete(buffer.readUInt32BE(at + 1), old);
        return;
      case 66: // Begin
        handler.begin(readLsn(buffer, at + 1), buffer.readUInt32BE(at + 17));
        return;
      case 67: // Commit
        handler.commit(readLsn(buffer, at + 10));
        return;
      case 82:
        handler.relation(readRelation(buffer, at + 1));
        return;
      case 84: {
        const count = buffer.readUInt32BE(at + 1);
        handler.truncate(Array.from({ length: count }, (_, index) => buffer.readUInt32BE(at + 6 + index * 4)));
        return;
      }
      default:
        // Type, Origin and Message say nothing about rows.
        return;
    }
  };
}
