import type { DataItem } from "#standards";

/** Population rows as a department holds them: nine fields, about 150 bytes, numbers that are valid in form and nobody's. */
export const populationItems: DataItem[] = [
  { name: "公民身份号码", field: "citizen_number", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
  { name: "性别", field: "sex", type: "C", length: 1 },
  { name: "民族", field: "ethnic_group", type: "C", length: 2 },
  { name: "出生日期", field: "birth_date", type: "D" },
  { name: "住址", field: "address", type: "C", length: 200 },
  { name: "电话", field: "phone", type: "C", length: 20 },
  { name: "户号", field: "household", type: "C", length: 20 },
  { name: "更新时间", field: "updated_at", type: "T" },
];

const columns = "citizen_number text not null, name text, sex text, ethnic_group text, birth_date date, address text, phone text, household text, updated_at timestamp";

export const createTable = (name: string) => `create table ${name} (${columns})`;

/** "Indexed" of the performance bars: primary key, (name, birth_date), (updated_at). */
export const indexTable = (name: string) => `alter table ${name} add primary key (citizen_number); create index on ${name} (name, birth_date); create index on ${name} (updated_at)`;

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** With their numbers: rows `from`..`to`. */
export const generateRows = (from: number, to: number) => `
select n, body || substr('10X98765432', 1 + (${weights.map((weight, index) => `${weight} * substr(body, ${index + 1}, 1)::int`).join(" + ")}) % 11, 1) as citizen_number,
  chr(19968 + n % 3000) || chr(20000 + n / 7 % 3000) || chr(21000 + n / 11 % 3000) as name, (1 + n % 2)::text as sex, lpad((1 + n % 56)::text, 2, '0') as ethnic_group, birth as birth_date,
  '浙江省杭州市西湖区文三路' || (n % 900 + 1) || '号' || (n % 30 + 1) || '幢' || (n % 60 + 101) || '室' as address, '138' || lpad((n % 100000000)::text, 8, '0') as phone, 'H' || lpad((n / 3)::text, 9, '0') as household, timestamp '2026-06-01' + n % 86400 * interval '1 second' as updated_at
from (select n, birth, '330106' || to_char(birth, 'YYYYMMDD') || lpad((n / 25000)::text, 3, '0') as body from (select n, date '1940-01-01' + (n::bigint * 7919 % 25000)::int as birth from generate_series(${from}, ${to}) as n) as dated) as numbered`;

/** Changes in transactions of a thousand rows, as a department's application writes them: inserts of what stands in `bench_row`, updates of what was inserted. */
const inThousands = (from: number, count: number, statement: string) => `do $$ begin for at in 0..${Math.ceil(count / 1_000) - 1} loop ${statement.replaceAll("RANGE", `r.n >= ${from} + at * 1000 and r.n < least(${from} + (at + 1) * 1000, ${from + count})`)}; commit; end loop; end $$`;

export const insertInTransactions = (from: number, count: number) => inThousands(from, count, `insert into public.population select ${populationItems.map((item) => `r.${item.field}`).join(", ")} from bench_row r where RANGE`);

export const updateInTransactions = (from: number, count: number) => inThousands(from, count, "update public.population p set phone = reverse(p.phone), updated_at = p.updated_at + interval '1 hour' from bench_row r where p.citizen_number = r.citizen_number and RANGE");
