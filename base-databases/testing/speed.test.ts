import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { matchChunk } from "../record-store/matching.ts";
import { createProcessor } from "../record-store/process.ts";
import { populationDefinition } from "../population/definition.ts";
import { createCity, type CityFixture } from "./city.ts";
import { fillLargeCity } from "./large-city.ts";

const people = Number(process.env.ZHENGTONG_SPEED_PEOPLE ?? 60_000);
const workers = Number(process.env.ZHENGTONG_SPEED_WORKERS ?? 2);

/** Seconds of processor time that the database's backends have used: comparable although others use the machine. */
async function cpu(city: CityFixture): Promise<number> {
  const { rows } = await city.db.database.read((reader) => reader.query<{ pid: number }>("select pid from pg_stat_activity where datname = current_database()"));
  return rows.reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

test.skipIf(process.env.ZHENGTONG_SPEED === undefined)("fifteen sources of 60,000 people each become golden records within seconds", { timeout: 1_200_000 }, async () => {
  const city = await createCity();
  const sources = await fillLargeCity(city, people);
  const processor = createProcessor({ kernel: city.kernel, definitions: [populationDefinition], workers });
  const seconds = (from: number) => Math.round((performance.now() - from) / 100) / 10;
  // What the same number of rows costs at its simplest: one table with the three indexes of performance.md.
  const plain = performance.now();
  await city.db.database.withTransaction(async (tx) => {
    await tx.query("create table landing.plain (id text primary key, citizen_number text, name text, birth_date date, updated_at timestamp); create index on landing.plain (name, birth_date); create index on landing.plain (updated_at)");
    await tx.query("insert into landing.plain select id || '-' || i, id, name, born, '2008-01-01'::timestamp + n % 1000 * interval '1 hour' from landing.person cross join generate_series(1, $1::integer) i", [sources]);
  });
  const plainMs = performance.now() - plain;
  const cpuStart = await cpu(city);
  const start = performance.now();
  const phases: Record<string, number> = {};
  let last = start;
  const result = await processor.process(({ phase }) => {
    phases[phase] = (phases[phase] ?? 0) + performance.now() - last;
    last = performance.now();
  });
  process.stdout.write(`${people} people x ${sources} sources: ${seconds(start)} s elapsed, ${Math.round((await cpu(city)) - cpuStart)} s of database processor time, ${((performance.now() - start) / plainMs).toFixed(2)} x a plain indexed insert of as many rows (${Math.round(plainMs)} ms) ${JSON.stringify(Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)])))} ${JSON.stringify(result)} peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MB\n`);
  expect(result.created).toBe(people);
  await city.drop();
});

const goldenRecords = Number(process.env.ZHENGTONG_SPEED_GOLDEN ?? 1_000_000);

test.skipIf(process.env.ZHENGTONG_SPEED === undefined)("11,000 rows without a usable number are compared with a million golden records in at most fifty exact hash joins", { timeout: 1_200_000 }, async () => {
  const city = await createCity();
  const elapsed = async (work: () => Promise<unknown>) => {
    const from = performance.now();
    await work();
    return performance.now() - from;
  };
  // 70 years of births: 39 people a day and million. Names of three characters from 20 x 32 x 37, addresses by house.
  await city.db.database.withTransaction(async (tx) => {
    await tx.query(
      `insert into base.population_golden (citizen_number, name, birth_date, address, updated_at, change_sequence)
       select '330102' || to_char(born, 'YYYYMMDD') || lpad((n % 9973)::text, 4, '0') || '-' || n, name, born, address, $2, 0 from (
         select n, '1930-01-01'::date + (n::bigint * 7919 % 25550)::integer as born,
           substr('王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗', 1 + (n::bigint * 31 % 20)::integer, 1) || substr('建国志明文晓丽秀玉春海永俊少宏思雅佳子雨诗美慧天立庆荣德正家世', 1 + (n::bigint * 101 / 7 % 32)::integer, 1) || substr('华军伟芳英敏静强磊洋艳勇杰娟涛超霞平刚桂兰凤洁梅琳云莲真环雪荣爱妹香月莺媛', 1 + (n::bigint * 57 / 11 % 37)::integer, 1) as name,
           '杭州市上城区' || substr('清波湖滨小营天水武林', 1 + n % 5 * 2, 2) || '街道延安路' || n % 3000 || '号' || n % 7 || '单元' || n % 2000 || '室' as address
         from generate_series(1, $1::integer) n) p`,
      [goldenRecords, city.clock.now()],
    );
    await tx.query(
      `insert into base.unmatched_row (source_id, row_key, base, raw_key, reason, match_name, match_date, match_address, state, compared, first_seen_at)
       select 115, 'row' || n, 'population', null, 'missing', case when n % 10 = 0 then left(name, 2) || '某' else name end, case when n % 20 = 0 then birth_date + 1 else birth_date end, replace(address, '杭州市', ''), 'unmatched', false, $1
       from (select row_number() over (order by citizen_number) as n, g.* from (select *, row_number() over (order by citizen_number) as place from base.population_golden) g where place % $2 = 0) g where n <= 11000`,
      [city.clock.now(), Math.max(1, Math.floor(goldenRecords / 11_000))],
    );
    await tx.query("analyze base.population_golden");
    await tx.query("analyze base.unmatched_row");
  });
  const exact: number[] = [];
  const probabilistic: number[] = [];
  let matched = { matched: 0, review: 0 };
  for (let round = 0; round < 3; round += 1) {
    await city.db.database.withTransaction(async (tx) => {
      await tx.query("set local enable_nestloop = off; set local enable_mergejoin = off; set local max_parallel_workers_per_gather = 0");
      exact.push(await elapsed(() => tx.query("select count(*) from base.unmatched_row u join base.population_golden g on g.citizen_number = u.row_key")));
    });
    await city.db.database.withTransaction(async (tx) => {
      await tx.query("update base.unmatched_row set compared = false");
      await tx.query("delete from base.link");
      let result: Awaited<ReturnType<typeof matchChunk>> | undefined;
      probabilistic.push(await elapsed(async () => (result = await matchChunk(tx, populationDefinition, 20_000))));
      matched = { matched: result!.matched, review: result!.review };
    });
  }
  const median = (list: number[]) => [...list].sort((a, b) => a - b)[1]!;
  const ratio = median(probabilistic) / median(exact);
  process.stdout.write(`11,000 x ${goldenRecords}: ${Math.round(median(probabilistic))} ms, exact hash join ${Math.round(median(exact))} ms, ratio ${ratio.toFixed(1)}; ${JSON.stringify(matched)}\n`);
  expect(ratio).toBeLessThanOrEqual(50);
  await city.drop();
});
