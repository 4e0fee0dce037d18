import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuditLog, createManualClock, platformMigrations, systemActor } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";

const clock = createManualClock("2026-03-02T08:00:00.123Z");
const audit = createAuditLog({ clock });
let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase([platformMigrations]);
  for (let number = 1; number <= 5; number += 1) {
    clock.advance(1_000);
    await db.database.withTransaction((tx) => audit.record(tx, { ...systemActor("test"), organisationId: "org_1" }, { action: "entry.publish", objectType: "entry", objectId: `entry_${number}`, detail: { number, nested: { 名称: "人口", at: clock.now() } } }));
  }
});
afterAll(() => db.drop());

const tamper = (sql: string) =>
  db.database.withTransaction(async (tx) => {
    await tx.query("alter table platform.audit_log disable trigger audit_log_append_only");
    await tx.query(sql);
    await tx.query("alter table platform.audit_log enable trigger audit_log_append_only");
  });
const verify = () => db.database.read((reader) => audit.verify(reader));

test("an untouched chain verifies from the first record to the head", async () => {
  expect(await verify()).toMatchObject({ intact: true, records: 5 });
});

test("the log refuses to be changed", async () => {
  await expect(db.database.withTransaction((tx) => tx.query("update platform.audit_log set action = 'x'"))).rejects.toThrow("append-only");
});

test("a changed record, a removed record and a rewritten hash are each found at their place", async () => {
  await tamper("update platform.audit_log set actor_id = 'somebody else' where sequence = 3");
  expect((await verify()).firstBroken).toMatchObject({ sequence: 3, reason: expect.stringContaining("content was changed") });
  await tamper("update platform.audit_log set actor_id = 'system:test' where sequence = 3");
  expect((await verify()).intact).toBe(true);
  await tamper("delete from platform.audit_log where sequence = 4");
  expect((await verify()).firstBroken).toMatchObject({ sequence: 5, reason: expect.stringContaining("4 is missing") });
});
