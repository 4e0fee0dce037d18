import { afterAll, beforeAll, expect, test } from "vitest";
import { createEventLog, createSequentialIds, createManualClock, drainEvents, platformMigrations, systemActor } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";

const eventLog = createEventLog({ clock: createManualClock("2026-03-02T08:00:00Z"), newId: createSequentialIds() });
const actor = systemActor("test");
let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase([platformMigrations])));
afterAll(() => db.drop());

const publish = (id: string) => db.database.withTransaction((tx) => eventLog.append(tx, actor, [{ subjectType: "entry", subjectId: id, kind: "entry.published", payload: { id } }]));

test("a consumer sees every event once, in order, also after it failed in the middle", async () => {
  await publish("a");
  await publish("b");
  const seen: string[] = [];
  let fail = true;
  const consume = () =>
    drainEvents({
      database: db.database,
      eventLog,
      name: "test",
      batchSize: 1,
      async handle(_tx, events) {
        if (events[0]!.subjectId === "b" && fail) {
          fail = false;
          throw new Error("power cut");
        }
        seen.push(...events.map((event) => event.subjectId));
      },
    });
  await expect(consume()).rejects.toThrow("power cut");
  await consume();
  expect(seen).toEqual(["a", "b"]);
  expect(await consume()).toBe(0);
});

test("an event of a transaction that was rolled back never appears", async () => {
  const head = await db.database.read((reader) => eventLog.head(reader));
  await expect(
    db.database.withTransaction(async (tx) => {
      await eventLog.append(tx, actor, [{ subjectType: "entry", subjectId: "x", kind: "entry.published", payload: {} }]);
      throw new Error("changed my mind");
    }),
  ).rejects.toThrow();
  await publish("c");
  const events = await db.database.read((reader) => eventLog.readAfter(reader, head, 10));
  expect(events.map((event) => event.subjectId)).toEqual(["c"]);
});

test("the event log cannot be changed afterwards", async () => {
  await expect(db.database.withTransaction((tx) => tx.query("delete from platform.event_log"))).rejects.toThrow("append-only");
});
