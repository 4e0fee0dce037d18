import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isIndustryCode, isSocialCreditCode, isThemeCode, schemas, type Role } from "#standards";
import { createAccess, createAuditLog, createDatabase, createEventLog, createLog, createMetrics, createNotifier, createReleasers, createSilentLog, createValidator, migrate, newId, platformMigrations, startEmbeddedPostgres, systemActor, systemClock, type Actor } from "#platform";
import { catalogAccessRules, catalogMigrations, createCatalog, type Organisation } from "#catalog";

/**
 * How long a decision on a grant takes (performance.md, P8: at most 10 µs per batch, kept): kept in memory, made anew
 * (one read and Casbin), and how soon after a commit another answer is given. `npx tsx bench/authorise/authorise.ts`
 */
const grants = 1_000;
const directory = mkdtempSync(join(tmpdir(), "zhengtong-authorise-"));
chmodSync(directory, 0o755);
const log = createSilentLog();
const server = await startEmbeddedPostgres({ directory: join(directory, "postgres"), log });
const releasers = createReleasers(createLog());
releasers.add("directory", () => rmSync(directory, { recursive: true, force: true }));
releasers.add("server", () => server.stop());
try {
  await measure();
} finally {
  await releasers.releaseAll();
}

async function measure(): Promise<void> {
  const database = createDatabase({ url: server.url("postgres"), log });
  releasers.add("database", () => database.close());
  await migrate(database, [platformMigrations, catalogMigrations]);
  const always = { test: () => true, message: "", zh: "" };
  const kernel = {
    database, log, clock: systemClock, newId,
    access: await createAccess(catalogAccessRules),
    audit: createAuditLog({ clock: systemClock }),
    eventLog: createEventLog({ clock: systemClock, newId }),
    notifier: createNotifier({ database, log }),
    validator: createValidator({ schemas: Object.values(schemas), formats: [{ ...always, name: "theme-code", test: isThemeCode }, { ...always, name: "industry-code", test: isIndustryCode }, { ...always, name: "social-credit-code", test: isSocialCreditCode }] }),
    metrics: createMetrics(),
  };
  await kernel.notifier.start();
  releasers.add("notifier", () => kernel.notifier.stop());
  const { organisations, entries, sharing } = createCatalog({ kernel });

  const system = systemActor("bench");
  const person = (of: Organisation, ...roles: Role[]): Actor => ({ id: `${of.id}-${roles.join("-")}`, kind: "user", organisationId: of.id, organisationKind: of.kind, roles });
  const office = await organisations.create(system, { name: "市数据局", kind: "city-data-office", regionCode: "330100" });
  const provider = await organisations.create(system, { name: "民政局", kind: "department", regionCode: "330100" });
  const consumer = await organisations.create(system, { name: "人社局", kind: "department", regionCode: "330100" });
  const draft = await entries.createDraft(person(provider, "cataloguer"), provider.id, {
    title: "死亡登记信息", abstract: "登记的死亡信息,用于核对待遇资格", keywords: ["死亡"], themeCodes: ["ZEA00"], guideCategory: "203", contact: "0571-85000000", format: { class: "database", types: ["postgresql"] },
    items: [{ name: "编号", field: "number", type: "C", length: 20, key: true, required: true }, { name: "死亡日期", field: "died_on", type: "D" }],
    sharingType: "unconditional", sharingMethod: ["feed"], useConditions: "谁使用谁负责", open: false, updateCycle: "daily", sensitivity: "L1",
  });
  await entries.submit(person(provider, "cataloguer"), draft.id);
  await entries.approve(person(provider, "approver"), draft.id);
  await entries.approve(person(office, "city-reviewer"), draft.id);
  const asked = await sharing.requests.createDraft(person(consumer, "analyst"), { entryId: draft.id, legalBasis: "《失业保险条例》", purpose: "核验资格", scene: "每月核验", fields: ["died_on"], deliveryMode: "feed", frequency: "daily", validUntil: "2027-11-01" });
  await sharing.requests.submit(person(consumer, "analyst"), asked.id);
  const first = (await sharing.requests.approveInternally(person(consumer, "approver"), asked.id)).decision!.grantId!;
  // The rest are copies of what the services wrote.
  await database.withTransaction(async (tx) => {
    const copy = (table: string, changes: string) => tx.query(`insert into catalog.${table} select copy.* from catalog.${table} made cross join generate_series(1, ${grants - 1}) n cross join lateral jsonb_populate_record(null::catalog.${table}, to_jsonb(made) || jsonb_build_object(${changes})) copy`);
    await copy("request", "'id', made.id || '-' || n, 'number', made.number || '-' || n");
    await copy("sharing_grant", "'id', made.id || '-' || n, 'request_id', made.request_id || '-' || n");
  });
  const ids = (await database.read((reader) => sharing.grants.listGrants(reader, {}))).map((grant) => grant.id);

  const at = systemClock.now();
  const ask = (grantId: string) => sharing.grants.authorise({ grantId, action: "subscribe", subject: { organisationId: consumer.id }, at });
  const time = async (rounds: number, run: (round: number) => Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    for (let round = 0; round < rounds; round += 1) await run(round);
    return ((performance.now() - begun) * 1_000) / rounds;
  };
  const made = await time(ids.length, (round) => ask(ids[round]!));
  const kept = await time(1_000_000, (round) => ask(ids[round % ids.length]!));
  const begun = performance.now();
  await sharing.grants.suspend(person(provider, "approver"), first, "系统维护");
  const committed = performance.now();
  const answer = await ask(first);
  process.stdout.write(`${JSON.stringify({ grants: ids.length, madeMicroseconds: Math.round(made), keptMicroseconds: Number(kept.toFixed(2)), suspendMilliseconds: Number((committed - begun).toFixed(1)), nextAnswer: answer.allowed ? "allowed" : answer.reason, nextAnswerMilliseconds: Number((performance.now() - committed).toFixed(2)) })}\n`);
}
