import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSocialCreditCode } from "#standards";
import { createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSequentialIds, createSilentLog, createValidator, platformMigrations, type Actor, type Kernel } from "#platform";
import { baseDatabasesAccessRules, baseDatabasesActor, baseDatabasesMigrations, createBaseDatabases, explainFusion, type BaseDatabases } from "#base-databases";
import { createTestDatabase, sharedData, type TestDatabase } from "#test-support";

/**
 * The two real company tables, loaded as two departments' landing tables exactly as they write their values: 工商 (998
 * rows, capital as `9,715.96万(元)`) and 地税 (922 rows, `9715.96万人民币`). Both fuse by social credit code.
 */
const registry = sharedData("legal-entities/qcc_companies.csv");
const tax = sharedData("legal-entities/ods_company_detail.csv");
const clerk: Actor = { id: "user_clerk", kind: "user", roles: ["city-reviewer"], organisationId: "org_city" };

describe.skipIf(registry === undefined || tax === undefined)("two real company tables", () => {
  let db: TestDatabase;
  let bases: BaseDatabases;
  const read = new Map<string, Record<string, string>[]>();
  const rows = (path: string) => {
    if (!read.has(path)) read.set(path, parse(readFileSync(path, "utf8"), { columns: true, bom: true, trim: true }) as Record<string, string>[]);
    return read.get(path)!;
  };

  beforeAll(async () => {
    db = await createTestDatabase([platformMigrations, baseDatabasesMigrations]);
    const clock = createManualClock("2026-03-02T08:00:00Z");
    const log = createSilentLog();
    const newId = createSequentialIds();
    const kernel: Kernel = { database: db.database, clock, newId, log, access: await createAccess(baseDatabasesAccessRules), audit: createAuditLog({ clock }), eventLog: createEventLog({ clock, newId }), notifier: createNotifier({ database: db.database, log }), validator: createValidator({ schemas: [] }), metrics: createMetrics() };
    let corrections = 0;
    bases = createBaseDatabases({ kernel, correctionDesk: { raise: async (_actor, list) => list.map((each) => ({ reference: each.reference, correctionId: `correction_${(corrections += 1)}` })), closeAsCorrected: async () => undefined }, lifecycleAuthority: { permits: async () => [] } });

    const landings: [role: string, table: string, records: Record<string, string>[], columns: Record<string, string>][] = [
      ["gongshang.enterprise", "enterprise", rows(registry!), { row_no: "id", social_credit_code: "统一社会信用代码", name: "企业名称", entity_type: "企业类型", legal_representative: "法定代表人", business_scope: "经营范围", address: "注册地址", registered_capital: "注册资本", established_on: "成立日期", updated_at: "核准日期" }],
      ["dishui.tax_registration_local", "tax_registration", rows(tax!), { row_no: "#", social_credit_code: "USCC", name: "name", entity_type: "type", legal_representative: "corporation", business_scope: "business", address: "location", registered_capital: "registed_capital", established_on: "birth_date", registration_status: "status" }],
    ];
    await db.database.withTransaction(async (tx) => {
      await tx.query("create schema exchange_target");
      await tx.query("create schema landing");
      await tx.query("create table exchange_target.feed (feed_id text primary key, grant_id text, schema_name text, table_name text, generation integer, applied_sequence bigint, state text, updated_at timestamptz)");
      for (const [, table, records, columns] of landings) {
        const names = Object.keys(columns);
        await tx.query(`create table landing.${table} (${names.map((name) => `${name} text`).join(", ")}, zt_lsn bigint not null default 0, zt_index integer not null default 0, zt_sequence bigint not null default 1, primary key (row_no))`);
        await tx.query(`create table landing.${table}__deleted (row_no text, zt_sequence bigint)`);
        const objects = records.map((record, index) => Object.fromEntries(names.map((name) => [name, columns[name] === "#" ? String(index) : record[columns[name]!]])));
        await tx.query(`insert into landing.${table} (${names.join(", ")}) select ${names.join(", ")} from jsonb_populate_recordset(null::landing.${table}, $1)`, [JSON.stringify(objects)]);
        await tx.query("insert into exchange_target.feed values ($1, $1, 'landing', $1, 1, 1, 'active', $2)", [table, clock.now()]);
      }
    });
    for (const [role, table] of landings) await bases.attachSource(clerk, { base: "legal-entity", role, feedId: table, schema: "landing", table, organisationId: `org_${role.split(".")[0]!}`, grantId: `grant_${table}`, entryId: `entry_${table}` });
    await bases.process(baseDatabasesActor);
  });
  afterAll(() => db.drop());

  const contradictions = async () => {
    const all = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await bases.listContradictions(clerk, { base: "legal-entity" }, { first: 200, ...(after === undefined ? {} : { after }) });
      all.push(...page.rows);
      more = page.hasNextPage;
      after = page.cursors.at(-1);
    }
    return all;
  };

  test("fuse by code: every valid code is one record, every other row is listed with its reason", async () => {
    const codes = [...rows(registry!).map((row) => row.统一社会信用代码!), ...rows(tax!).map((row) => row.USCC!)];
    const valid = new Set(codes.filter(isSocialCreditCode));
    const [, statistics] = await bases.statistics(clerk);
    expect(statistics!.golden).toBe(valid.size);
    const { rows: listed } = await db.database.read((reader) => reader.query<{ reason: string; n: number }>("select reason, count(*) as n from base.unmatched_row group by reason"));
    expect(listed.reduce((sum, each) => sum + each.n, 0)).toBe(codes.filter((code) => !isSocialCreditCode(code)).length);
    const taxed = new Set(rows(tax!).map((row) => row.USCC));
    const inBoth = new Set(rows(registry!).map((row) => row.统一社会信用代码!).filter((code) => valid.has(code) && taxed.has(code)));
    expect(statistics!.fromSeveralSources).toBe(inBoth.size);
  });

  test("capital and dates are read from every way they are written", async () => {
    const count = async (sql: string) => (await db.database.read((reader) => reader.query<{ n: number }>(sql))).rows[0]!.n;
    const written = (list: Record<string, string>[], column: string) => list.filter((row) => row[column] !== "-" && row[column] !== "").length;
    // Nothing that is written is left unread, and dashes say nothing.
    expect(await count("select count(*) as n from base.provenance where faults is not null")).toBe(0);
    expect(await count("select count(*) as n from landing.enterprise where base.capital_amount(registered_capital) is not null")).toBe(written(rows(registry!), "注册资本"));
    expect(await count("select count(*) as n from landing.tax_registration where base.capital_amount(registered_capital) is not null and base.capital_currency(registered_capital) = 'CNY'")).toBe(written(rows(tax!), "registed_capital"));
    expect(await count("select count(*) as n from landing.enterprise where base.read_date(established_on) is not null")).toBe(written(rows(registry!), "成立日期"));
    expect(await count("select count(*) as n from base.legal_entity_golden where capital_currency = 'USD'")).toBe(rows(registry!).filter((row) => row.注册资本!.includes("美元")).length);
  });

  test("values that mean the same do not contradict; every real difference is raised once with the tax office and explained", async () => {
    const found = await contradictions();
    const differing = new Set(found.map((each) => `${each.key} ${each.field}`));
    expect(differing.size).toBe(found.length);
    // 9715.96万人民币 and 9,715.96万(元); full-width and half-width brackets; 合肥市 and 安徽省合肥市.
    expect(differing).not.toContain("913401001491451797 registered_capital");
    expect(differing).not.toContain("911101087481059966 address");
    expect(differing).toContain("91340100097878273U registered_capital");
    expect(differing).toContain("91340100069148038Q name");
    expect(found.every((each) => each.sourceRole === "dishui.tax_registration_local" && each.state === "open" && each.correctionId !== undefined)).toBe(true);

    const keys = [...new Set(found.map((each) => each.key))].sort();
    const report: string[] = [];
    for (const key of keys) {
      const lines = await explainFusion(bases, clerk, "legal-entity", key);
      report.push(...lines.map((line) => line.zh));
      const text = lines.map((line) => line.zh).join("\n");
      for (const each of found.filter((one) => one.key === key)) expect(text).toContain(each.value.slice(0, 60));
    }
    const [, statistics] = await bases.statistics(clerk);
    process.stdout.write(`${report.join("\n")}\n${statistics!.golden} legal entities, ${statistics!.fromSeveralSources} in both tables, ${found.length} contradictions in ${keys.length} of them; ${statistics!.unmatched.unmatched + statistics!.unmatched.review + statistics!.unmatched.matched} rows without a code (${statistics!.unmatched.matched} matched, ${statistics!.unmatched.review} for review)\n`);
  });

  test("loading the same tables again changes nothing", async () => {
    const before = (await db.database.read((reader) => reader.query("select *, xmin::text from base.legal_entity_golden order by 1"))).rows;
    await db.database.withTransaction((tx) => tx.query("update exchange_target.feed set generation = 2, applied_sequence = 2"));
    expect(await bases.process(baseDatabasesActor)).toMatchObject({ created: 0, changed: 0, removed: 0, contradictionsRaised: 0, contradictionsClosed: 0 });
    expect((await db.database.read((reader) => reader.query("select *, xmin::text from base.legal_entity_golden order by 1"))).rows).toEqual(before);
  });
});
