import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";

export interface LatencyOptions {
  /** Writes at the source. */
  writer: pg.Client;
  /** Rows that are written all the time, ten a transaction, a hundred transactions a second. */
  keys: readonly string[];
  /** Written alone, ten times a second; its arrival is what is measured. */
  probeKey: string;
  probes: number;
  /** Where it arrives: a client of its own and the table. */
  sides: Record<string, { reader: pg.Client; table: string }>;
}

/** Milliseconds from the commit at the source (as its client learns of it) until a reader at the target sees the row, for each side. */
export async function measureLatency({ writer, keys, probeKey, probes, sides }: LatencyOptions): Promise<Record<string, number[]>> {
  const seen = Object.fromEntries(Object.keys(sides).map((side) => [side, [] as number[]]));
  // One statement at a time on the connection; the next is due 10 ms after the one before was.
  let at = 0;
  let due = performance.now();
  let number = 0;
  const stampOf = (probe: number) => new Date(Date.UTC(2030, 0, 1) + probe * 1_000).toISOString().slice(0, 19);
  async function beat(): Promise<void> {
    const some = Array.from({ length: 10 }, (_, offset) => keys[(at + offset) % keys.length]!);
    at += 10;
    await writer.query("update public.population set updated_at = clock_timestamp() where citizen_number = any($1)", [some]);
    due += 10;
    await pause(Math.max(0, due - performance.now()));
  }
  async function arrival(side: string, stamp: string, committed: number): Promise<void> {
    const { reader, table } = sides[side]!;
    while ((await reader.query(`select from ${table} where citizen_number = $1 and updated_at = $2::timestamp`, [probeKey, stamp])).rowCount === 0) await pause(1);
    seen[side]!.push(performance.now() - committed);
  }
  while (number < probes) {
    for (let beats = 0; beats < 10; beats += 1) await beat();
    const stamp = stampOf((number += 1));
    await writer.query("update public.population set updated_at = $2::timestamp where citizen_number = $1", [probeKey, stamp]);
    const committed = performance.now();
    const arrived = Promise.all(Object.keys(sides).map((side) => arrival(side, stamp, committed)));
    // The load goes on while the probe travels.
    let done = false;
    void arrived.then(() => (done = true));
    while (!done) await beat();
    await arrived;
  }
  return seen;
}

export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
