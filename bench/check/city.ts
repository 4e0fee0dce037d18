import type { Database } from "#platform";
import { unemploymentCheck } from "#coordination-apps";

/**
 * The landing tables of a city for the benchmark, filled by the server itself: 11,000 claims, and evidence rows of which
 * most are about other people, some are near misses of claimants and few hit, as in a real month.
 */
const evidenceShares: Record<string, number> = { contributions: 0.62, "employment-registrations": 0.14, enterprises: 0.06, "self-employed": 0.04, pensions: 0.1, enlistments: 0.004, emigrations: 0.003, "job-refusals": 0.003, imprisonments: 0.003, "household-deaths": 0.009, funerals: 0.009, "death-certificates": 0.009 };

const sqlTypes = { text: "text", date: "date", number: "numeric", boolean: "boolean" } as const;
export const tableOf = (role: string) => `landing.${role.replaceAll("-", "_")}`;

/** Person i's number: claimants are 1…claims, everybody else comes after; the numbers themselves are scattered (a bijection), as people's are. */
const number = (person: string) => `'33010219' || lpad(((${person})::bigint * 2654435761 % 10000000000)::text, 10, '0')`;
const name = (person: string) => `'人' || (${person})`;
/** A stranger, scattered over the table so that neighbours on disk are not neighbours in the index. */
const stranger = (claims: number, people: number) => `${claims} + 1 + (i::bigint * 2654435761 % ${people})`;

interface RoleRows {
  /** Values of the role's fields for person `p` and row `i`, in the order of the definition. */
  stranger: string;
  /** Of claimant `p`, a hit. */
  hit?: string;
  /** Of claimant `p`, no hit. */
  miss?: string;
}

const roleRows: Record<string, RoleRows> = {
  contributions: {
    stranger: `'S' || lpad(i::text, 12, '0'), @number, @name, '202606', '91330100MA28' || lpad((i % 9999)::text, 6, '0'), '单位' || (i % 9999), 5000 + i % 100 * 10, date '2026-06-15'`,
    hit: `'SH' || lpad(p::text, 11, '0'), @number, @name, '202604', '91330100MA28X12345', '某单位', 5000, date '2026-04-15'`,
    miss: `'SM' || lpad(p::text, 11, '0'), @number, @name, '202601', '91330100MA28X12345', '原单位', 5000, date '2026-01-15'`,
  },
  "employment-registrations": {
    stranger: `'J' || lpad(i::text, 12, '0'), @number, @name, '91330100MA28' || lpad((i % 9999)::text, 6, '0'), '单位' || (i % 9999), date '2020-01-01' + (i % 2000)::int, null::date`,
    hit: `'JH' || lpad(p::text, 11, '0'), @number, @name, '91330100MA28X12345', '某单位', date '2026-03-01', null::date`,
    miss: `'JM' || lpad(p::text, 11, '0'), @number, @name, '91330100MA28X12345', '原单位', date '2015-03-01', date '2026-01-20'`,
  },
  enterprises: { stranger: `'E' || lpad(i::text, 17, '0'), '公司' || i, @name, @number, date '2010-01-01' + (i % 5000)::int, '存续'`, hit: `'EH' || lpad(p::text, 16, '0'), '新公司', @name, @number, date '2026-04-01', '存续'`, miss: `'EM' || lpad(p::text, 16, '0'), '旧公司', @name, @number, date '2012-04-01', '注销'` },
  "self-employed": { stranger: `'G' || lpad(i::text, 17, '0'), '店' || i, @name, @number, date '2010-01-01' + (i % 5000)::int, '存续'`, hit: `'GH' || lpad(p::text, 16, '0'), '新店', @name, @number, date '2026-04-01', '存续'` },
  pensions: { stranger: `@number, @name, date '2010-01-01' + (i % 5000)::int, null::date`, hit: `@number, @name, date '2026-05-01', null::date` },
  enlistments: { stranger: `@number, @name, date '2025-09-01', null::date`, hit: `@number, @name, date '2026-03-01', null::date` },
  emigrations: { stranger: `@number, @name, '某国', date '2024-01-01' + (i % 700)::int, date '2026-01-01'`, hit: `@number, @name, '某国', date '2026-05-01', date '2026-05-10'` },
  "job-refusals": { stranger: `'R' || lpad(i::text, 12, '0'), @number, @name, date '2026-03-01', date '2026-03-03', false, '某所'`, hit: `'RH' || lpad(p::text, 11, '0'), @number, @name, date '2026-03-01', date '2026-03-03', false, '某所'`, miss: `'RM' || lpad(p::text, 11, '0'), @number, @name, date '2026-03-01', date '2026-03-03', true, '某所'` },
  imprisonments: { stranger: `'P' || lpad(i::text, 12, '0'), @number, @name, date '2020-01-01' + (i % 2000)::int, null::date`, hit: `'PH' || lpad(p::text, 11, '0'), @number, @name, date '2026-03-01', null::date` },
  "household-deaths": { stranger: `@number, @name, date '2020-01-01' + (i % 2000)::int, date '2026-01-01'`, hit: `@number, @name, date '2026-05-20', date '2026-05-25'` },
  funerals: { stranger: `@number, @name, date '2020-01-01' + (i % 2000)::int, date '2026-01-01', '某馆'` },
  "death-certificates": { stranger: `'D' || lpad(i::text, 12, '0'), @number, @name, date '2020-01-01' + (i % 2000)::int, date '2026-01-01', '某医院'` },
};

export interface FillOptions {
  claims: number;
  evidence: number;
  onProgress(text: string): void;
}

/** Creates and fills the tables and announces their feeds; answers how many rows each role has. */
export async function fillCity(database: Database, { claims, evidence, onProgress }: FillOptions): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const people = Math.max(evidence * 2, 1_000_000);
  await database.withTransaction(async (tx) => {
    await tx.query("create schema landing; create schema exchange_target");
    await tx.query("create table exchange_target.feed (feed_id text primary key, grant_id text, schema_name text, table_name text, generation integer, applied_sequence bigint, state text, updated_at timestamptz)");
  });
  const roles = [unemploymentCheck.subject, ...unemploymentCheck.evidence].map((role) => ({ role: role.role, fields: role.fields, keyFields: "keyFields" in role ? role.keyFields : [role.keyField] }));
  for (const { role, fields, keyFields } of roles) {
    const table = tableOf(role);
    const columns = [...fields.map(({ field }) => field), "zt_lsn", "zt_index", "zt_sequence"].join(", ");
    const fill = (values: string, person: string, from: string, conflict = false) => `insert into ${table} (${columns}) select ${values.replaceAll("@number", number(person)).replaceAll("@name", name(person))}, 1, 0, 1 from ${from}${conflict ? " on conflict do nothing" : ""}`;
    await database.withTransaction(async (tx) => {
      await tx.query(`create table ${table} (${fields.map(({ field, type }) => `${field} ${sqlTypes[type]}`).join(", ")}, zt_lsn bigint, zt_index integer, zt_sequence bigint)`);
      if (role === unemploymentCheck.subject.role) {
        await tx.query(`insert into ${table} (${columns}) select 'SY' || lpad(p::text, 9, '0'), ${number("p")}, ${name("p")}, date '2026-02-10', date '2027-02-09', 48, 5, 1650, '202606', date '2026-01-20', 1, 0, 1 from generate_series(1, ${claims}) p`);
      } else {
        const rows = Math.round(evidence * (evidenceShares[role] ?? 0));
        const kind = roleRows[role];
        if (kind) {
          if (kind.miss) await tx.query(fill(kind.miss, "p", `generate_series(1, ${claims}) p`));
          // A hit for one claimant in 200 of each kind: about 500 in all.
          if (kind.hit) await tx.query(fill(kind.hit, "p", `generate_series(${1 + counts.size * 13}, ${claims}, 200) p`));
          await tx.query(fill(kind.stranger, stranger(claims, people), `generate_series(1, ${rows}) i`));
        }
      }
      if (role !== unemploymentCheck.subject.role && keyFields[0] === "citizen_number") await tx.query(`delete from ${table} a using ${table} b where a.citizen_number = b.citizen_number and a.ctid > b.ctid`);
      await tx.query(`alter table ${table} add primary key (${keyFields.join(", ")})`);
      await tx.query(`create index on ${table} (zt_sequence)`);
      await tx.query("insert into exchange_target.feed values ($1, $2, 'landing', $3, 1, 1, 'running', '2026-06-15T00:00:00Z')", [`feed_${role}`, `grant_${role}`, role.replaceAll("-", "_")]);
      counts.set(role, (await tx.query<{ count: number }>(`select count(*) as count from ${table}`)).rows[0]!.count);
    });
    onProgress(`${role}: ${counts.get(role)!.toLocaleString("en")} rows`);
  }
  return counts;
}
