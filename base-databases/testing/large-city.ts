import { makeCitizenNumber } from "#standards";
import { populationDefinition } from "../population/definition.ts";
import { sourceDefinition, upsertSource } from "../record-store/sources.ts";
import type { CityFixture } from "./city.ts";

/** For speed tests: `people` persons of 1875-1880 in fifteen landing tables of the population base, filled by SQL. */
export async function fillLargeCity(city: CityFixture, people: number): Promise<number> {
  const numbers: string[] = [];
  const day = new Date("1875-01-01T00:00:00Z").getTime();
  const areas = ["330102", "330105", "330106", "330108", "330109", "330110", "330122", "330127"];
  for (let index = 0; index < people; index += 1) {
    const birthDate = new Date(day + (index % 2_190) * 86_400_000).toISOString().slice(0, 10);
    const rest = Math.floor(index / 2_190);
    numbers.push(makeCitizenNumber({ areaCode: areas[rest % areas.length]!, birthDate, sequence: 1 + (Math.floor(rest / areas.length) % 999) }));
  }
  await city.db.database.withTransaction(async (tx) => {
    await tx.query("create table landing.person (n integer primary key, id text, name text, born date, address text)");
    for (let from = 0; from < people; from += 50_000) {
      await tx.query(
        `insert into landing.person select p.n, p.id, substr('王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗', 1 + p.n * 7 % 20, 1) || substr('建国志明文晓丽秀玉春海永俊少宏思雅佳子雨诗美慧天立庆荣德正家世', 1 + p.n * 13 % 32, 1) || substr('华军伟芳英敏静强磊洋艳勇杰娟涛超霞平刚桂兰凤洁梅琳云莲真环雪荣爱妹香月莺媛', 1 + p.n * 17 % 37, 1),
           to_date(substr(p.id, 7, 8), 'YYYYMMDD'), '杭州市上城区清波街道延安路' || p.n % 300 || '号' || p.n % 6 || '单元' || p.n % 2000 || '室'
         from unnest($1::text[]) with ordinality as q(id, o) cross join lateral (select (o - 1 + $2)::integer as n, id) p`,
        [numbers.slice(from, from + 50_000), from],
      );
    }
  });
  const own = "citizen_number text";
  const tables: [role: string, columns: string, key: string, select: string][] = [
    ["gongan.household", `${own}, name text, sex_code text, ethnic_code text, birth_date date, birth_region_code text, status_code text, address text, former_name text, householder_name text, relation_to_householder text, marital_code text, updated_at timestamp`, "citizen_number", "id, name, case when substr(id, 17, 1)::integer % 2 = 1 then '1' else '2' end, '01', born, left(id, 6), '0', address, null, name, '本人', '20', '2008-01-01'::timestamp + n % 300 * interval '1 day'"],
    ["minzheng.marriage", `certificate_no text, ${own}, name text, marital_code text, registered_on date`, "certificate_no", "'HZ' || n, id, name, '20', '1999-01-01'::date + n % 2000"],
    ["minzheng.low_income", `${own}, name text, since date, monthly_amount numeric(10,2)`, "citizen_number", "id, name, '2005-01-01'::date, 500"],
    ["laodong.unemployment_claim", `claim_no text, ${own}, name text, benefit_from date, benefit_until date, monthly_amount numeric(10,2), claim_month text, unemployed_on date`, "claim_no", "'SY' || n, id, name, '2008-01-01'::date, '2009-01-01'::date, 700, '200810', '2007-12-31'::date"],
    ["laodong.employment_registration", `registration_no text, ${own}, name text, employer_code text, employer_name text, employed_on date, ended_on date`, "registration_no", "'JY' || n, id, name, '91330100TEXT00017T', '某公司', '2006-01-01'::date, null"],
    ["laodong.skill_training", `record_no text, ${own}, name text, course text, finished_on date`, "record_no", "'PX' || n, id, name, '电工', '2007-01-01'::date"],
    ["shebao.contribution", `record_no text, ${own}, name text, pay_month text, employer_code text, employer_name text, base_amount numeric(10,2)`, "record_no", "'SB' || n, id, name, '200810', '91330100TEXT00017T', '某公司', 3000"],
    ["shebao.pension", `${own}, name text, started_on date, monthly_amount numeric(10,2), stopped_on date`, "citizen_number", "id, name, '2004-01-01'::date, 1200, null"],
    ["weisheng.death_certificate", `certificate_no text, ${own}, name text, died_on date, issued_on date`, "certificate_no", "'SW' || n, id, name, '2008-02-01'::date, '2008-02-02'::date"],
    ["weisheng.health_record", `${own}, name text, blood_type text, address text, phone text`, "citizen_number", "id, case when n % 400 = 0 then name || '某' else name end, 'O', address, '1390000' || n % 10000"],
    ["jiaoyu.student", `student_no text, ${own}, name text, school text, enrolled_on date, address text, phone text`, "student_no", "'XJ' || n, id, name, '第一中学', '2007-09-01'::date, address, null"],
    ["gongjijin.housing_fund", `account_no text, ${own}, name text, employer_code text, monthly_amount numeric(10,2), last_month text, address text`, "account_no", "'GJ' || n, id, name, '91330100TEXT00017T', 400, '200810', address"],
    ["canlian.disability", `certificate_no text, ${own}, name text, disability_kind text, level text, address text`, "certificate_no", "'CJ' || n, id, name, '视力', '一级', address"],
    ["jisheng.family_planning", `${own}, name text, address text, children bigint, phone text`, "citizen_number", "id, name, address, 1, null"],
    ["gongan.household_death", `${own}, name text, died_on date, cancelled_on date`, "citizen_number", "id, name, '2008-02-01'::date, '2008-02-12'::date"],
  ];
  for (const [role, columns, key, select] of tables) {
    const landing = await city.land(role.replace(".", "_"), columns, [key]);
    const names = columns.split(", ").map((column) => column.split(" ")[0]!).join(", ");
    await landing.fill(`insert into landing.${landing.table} (${names}) select ${select} from landing.person`);
    await city.db.database.withTransaction((tx) => upsertSource(tx, sourceDefinition(populationDefinition, role)!, { base: "population", role, feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: `org_${role.split(".")[0]!}`, grantId: "grant_1", entryId: `entry_${role}` }, city.clock.now()));
  }
  return tables.length;
}
