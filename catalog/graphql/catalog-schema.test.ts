import { printSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSchemaBuilder } from "#platform";
import { addCatalogTypes } from "../catalog.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";

let t: TestCatalog;
beforeAll(async () => {
  t = await createTestCatalog();
});
afterAll(() => t?.drop());

test("all slices of the catalog make one schema without a name given twice", () => {
  const builder = createSchemaBuilder();
  addCatalogTypes(builder, t.catalog);
  const printed = printSchema(builder.toSchema());
  for (const type of ["type Entry implements Node", "type EntryChange", "type SharingRequest", "type DataElement", "type AuditRecord", "union MutationLoginResult = MutationLoginSuccess | Refusal"]) expect(printed).toContain(type);
});
