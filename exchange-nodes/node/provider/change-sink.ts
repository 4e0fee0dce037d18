import type { Cells } from "./cells.ts";
import type { LogRelation } from "../sources/pgoutput.ts";
import type { Position } from "./feed-pipe.ts";

/**
 * Whoever takes the changes of one relation from a capture: a feed, or a table of the front-end database. Several
 * sinks may hang on one relation. Calls come in commit order; each change has two positions, `index` for the old row
 * of a key change and `index + 1` for the new one.
 */
export interface ChangeSink {
  readonly id: string;
  /** `schema.table` at the source. */
  readonly relation: string;
  /** Changes at or before it are durable already and are left out. */
  position(): Position;
  /** The log's description of the relation, before its first change and after every alteration. */
  bind(relation: LogRelation): void;
  insert(cells: Cells, lsn: number, index: number): void;
  update(cells: Cells, old: Cells, hasOld: boolean, lsn: number, index: number): void;
  delete(old: Cells, lsn: number, index: number): void;
  /** Every row is gone. */
  truncate(lsn: number, index: number): void;
  readonly pendingRows: number;
  readonly pendingBytes: number;
  /** Makes what was taken so far durable, together with its position. */
  flush(): Promise<void>;
  /** It cannot take more for now: the capture leaves it behind and comes back to it. */
  isFull(): boolean;
  /** It takes nothing any more; what it misses must not be confirmed. */
  isHalted(): boolean;
}
