import type { Transaction } from "#platform";

/**
 * Takes the next `count` numbers of each series and answers with the first of each. A number is given out once for
 * ever: the series' row stays locked until commit, so concurrent callers wait for each other, and a roll-back takes
 * back numbers that nobody has seen. Several series are locked in the order of their names, so that two callers
 * cannot wait for each other crosswise.
 */
export async function allocateNumbers(tx: Transaction, counts: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  if (counts.size === 0) return new Map();
  const { rows } = await tx.query<{ name: string; last: number }>(
    `insert into catalog.number_series as series (name, last)
     select name, count from unnest($1::text[], $2::bigint[]) as asked (name, count) order by name
     on conflict (name) do update set last = series.last + excluded.last
     returning name, last`,
    [[...counts.keys()], [...counts.values()]],
  );
  return new Map(rows.map(({ name, last }) => [name, last - counts.get(name)! + 1]));
}

export async function allocateNumber(tx: Transaction, series: string): Promise<number> {
  return (await allocateNumbers(tx, new Map([[series, 1]]))).get(series)!;
}
