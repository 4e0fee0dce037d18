import { printSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSilentLog } from "#platform";
import { centerMigrations, cityMigrations, createCenterServices, type CenterServices } from "#server";
import { createTestDatabase, type TestDatabase } from "#test-support";

let center: TestDatabase;
let city: TestDatabase;
let services: CenterServices & { close(): Promise<void> };
beforeAll(async () => {
  center = await createTestDatabase(centerMigrations);
  city = await createTestDatabase(cityMigrations);
  services = await createCenterServices({ databaseUrl: center.url, cityDatabaseUrl: city.url, log: createSilentLog() });
});
afterAll(async () => {
  await services?.close();
  await center?.drop();
  await city?.drop();
});

test("the printed GraphQL schema is the committed one (npm run schema writes it)", async () => {
  await expect(`${printSchema(services.schema)}\n`).toMatchFileSnapshot("../../../server/schema.graphql");
});
