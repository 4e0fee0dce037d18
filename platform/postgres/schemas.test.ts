import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureSchema, type Transaction } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase([]);
});
afterAll(() => db.drop());

test("a transaction that makes a schema while another one is making it waits and succeeds", async () => {
  const make = (tx: Transaction) => ensureSchema(tx, "landing");
  let second: Promise<void> | undefined;
  await db.database.withTransaction(async (tx) => {
    await make(tx);
    second = db.database.withTransaction(make);
    second.catch(() => undefined);
    const waiting = async () => (await tx.query("select 1 from pg_locks where not granted and pid <> pg_backend_pid()")).rowCount !== 0;
    while (!(await waiting()));
  });
  await expect(second).resolves.toBeUndefined();
});
