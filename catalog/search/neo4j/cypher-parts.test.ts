import { expect, test } from "vitest";
import { roles } from "#standards";
import { anonymousActor, createAccess, systemActor, type AccessRules, type Actor } from "#platform";
import { entryAccessRules } from "../../entries/access-rules.ts";
import { grantAccessRules } from "../../sharing/access-rules.ts";
import { lucene, luceneQueryOf } from "./lucene.ts";
import { namesOf } from "./schema.ts";
import { createCypherParts, seesEntry, seesGrant } from "./visibility.ts";

const analyst: Actor = { id: "user_1", kind: "user", organisationId: "organisation_1", organisationKind: "department", roles: ["cataloguer"] };

test("every scope by which somebody sees entries or grants has its Cypher", async () => {
  const access = await createAccess([entryAccessRules, grantAccessRules]);
  for (const role of [...roles, undefined]) {
    const viewer: Actor = { ...analyst, applicationId: "application_1", roles: role === undefined ? [] : [role] };
    for (const sees of [seesEntry, seesGrant]) expect(() => sees(access, viewer, createCypherParts(), "d")).not.toThrow();
  }
});

test("a scope that the index does not know fails, and no scope sees nothing", async () => {
  const rules: AccessRules<object> = { kind: "entry", scopes: { "at-night": { test: () => true, sql: () => "true" } }, policies: [{ roles: ["cataloguer"], actions: ["see"], scope: "at-night" }] };
  const access = await createAccess([rules as AccessRules<never>]);
  expect(() => seesEntry(access, analyst, createCypherParts(), "d")).toThrow(/at-night/);
  expect(seesEntry(access, anonymousActor, createCypherParts(), "d")).toBe("false");
  expect(seesEntry(access, systemActor("test"), createCypherParts(), "d")).toBe("true");
});

test("who the viewer is goes as a parameter, never into the statement", async () => {
  const access = await createAccess([entryAccessRules]);
  const parts = createCypherParts();
  const condition = seesEntry(access, { ...analyst, organisationId: "x' OR true //" }, parts, "d");
  expect(condition).toContain("d.organisationId = $p0");
  expect(condition).not.toContain("OR true");
  expect(parts.parameters).toEqual({ p0: "x' OR true //" });
});

test("a token means itself in the full-text query, whatever it is made of", () => {
  expect(lucene("~renkou")).toBe("\\~renkou");
  expect(lucene('a+b:(c)*"/\\')).toBe('a\\+b\\:\\(c\\)\\*\\"\\/\\\\');
  expect(luceneQueryOf([{ text: "renkou", anyOf: [{ tokens: ["renkou"], prefix: true }, { tokens: ["~renkou"], prefix: true }], rankTokens: [] }, { text: "企业", anyOf: [{ tokens: ["企业"], prefix: false }], rankTokens: ["企业"] }])).toBe("((renkou*) OR (\\~renkou*)) AND ((企业))");
  expect(luceneQueryOf([])).toBeUndefined();
});

test("names in the database begin with what has been checked", () => {
  expect(() => namesOf("Catalog`) DETACH DELETE n //")).toThrow(/capital letter/);
  expect(namesOf("Hangzhou2").generation).toBe("Hangzhou2Generation");
});
