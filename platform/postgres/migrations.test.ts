import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate, migrationState, type MigrationSet } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";

/** Three versions of one software: the second only adds, the third takes away what the older ones read. */
const folder = mkdtempSync(join(tmpdir(), "zhengtong-migrations-"));
const version = (name: string): MigrationSet[] => [{ schema: "office", directory: join(folder, name) }];
const [first, second, third] = [version("1"), version("2"), version("3")];

let db: TestDatabase;
beforeAll(() => {
  for (const [name, before, file, sql] of [
    ["1", undefined, "0001-desks.sql", "create table office.desk (id text primary key, room text);\ninsert into office.desk values ('a', '101');"],
    ["2", "1", "0002-windows.sql", "alter table office.desk add column by_window boolean not null default false;"],
    ["3", "2", "0003-rooms.sql", "-- breaking: rooms are a table now\ncreate table office.room (name text primary key);\ninsert into office.room select room from office.desk;\nalter table office.desk drop column room;"],
  ] as const) {
    if (before !== undefined) cpSync(join(folder, before), join(folder, name), { recursive: true });
    else mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, file), sql);
  }
});
beforeEach(async () => {
  await db?.drop();
  db = await createTestDatabase();
});
afterAll(async () => {
  await db?.drop();
  rmSync(folder, { recursive: true, force: true });
});

test("rows that are there are carried over, and a second start applies nothing", async () => {
  await migrate(db.database, first);
  await expect(migrate(db.database, third)).resolves.toEqual({ applied: [{ schema: "office", number: 2, name: "windows" }, { schema: "office", number: 3, name: "rooms" }] });
  await expect(migrate(db.database, third)).resolves.toEqual({ applied: [] });
  await expect(db.database.read((reader) => reader.query("select * from office.room"))).resolves.toMatchObject({ rows: [{ name: "101" }] });
});

test("an older version runs beside a newer one as long as nothing breaking was applied", async () => {
  await migrate(db.database, second);
  await expect(migrate(db.database, first)).resolves.toEqual({ applied: [] });
  await expect(migrationState(db.database, first)).resolves.toEqual({ pending: [], unknown: ["office/2-windows"], breaking: [] });
});

test("beyond a breaking migration every older version refuses, in both languages, and changes nothing", async () => {
  await migrate(db.database, third);
  for (const older of [first, second]) {
    await expect(migrate(db.database, older)).rejects.toMatchObject({ kind: "Conflict", code: "migration.newer", message: expect.stringContaining("newer software"), zh: expect.stringContaining("更新版本"), nextStep: "Start the newer version." });
    expect((await migrationState(db.database, older)).breaking).toEqual(["office/3-rooms"]);
  }
});

test("of several processes that start at once one migrates and the others find it done", async () => {
  const results = await Promise.all([migrate(db.database, third), migrate(db.database, third), migrate(db.database, third)]);
  expect(results.map(({ applied }) => applied.length).toSorted()).toEqual([0, 0, 3]);
});

test("a migration that was changed after it was applied is named, and one that fails leaves nothing of itself", async () => {
  await migrate(db.database, first);
  const altered = version("altered");
  cpSync(join(folder, "1"), join(folder, "altered"), { recursive: true });
  writeFileSync(join(folder, "altered", "0001-desks.sql"), "create table office.desk (id text);");
  await expect(migrate(db.database, altered)).rejects.toMatchObject({ code: "migration.changed" });
  const failing = version("failing");
  cpSync(join(folder, "1"), join(folder, "failing"), { recursive: true });
  writeFileSync(join(folder, "failing", "0002-half.sql"), "create table office.half (id text);\nselect 1 / 0;");
  await expect(migrate(db.database, failing)).rejects.toThrow("rolled back");
  await expect(db.database.read((reader) => reader.query("select to_regclass('office.half') as half"))).resolves.toMatchObject({ rows: [{ half: null }] });
});
