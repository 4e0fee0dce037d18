import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import * as formatsModule from "ajv-formats";
import { describe, expect, test } from "vitest";
import { isIndustryCode } from "./codes/code-sets.ts";
import { isSocialCreditCode } from "./codes/social-credit-code.ts";
import { isThemeCode } from "./codes/themes.ts";
import type { CatalogEntry, RowCondition } from "./generated/types.ts";
import { schemas } from "./schemas.ts";
import type { SchemaName } from "./schemas.ts";

const addFormats = formatsModule.default as unknown as (ajv: Ajv) => void;

const createValidator = (): Ajv => {
  const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true });
  addFormats(ajv);
  ajv.addFormat("theme-code", isThemeCode);
  ajv.addFormat("industry-code", isIndustryCode);
  ajv.addFormat("social-credit-code", isSocialCreditCode);
  for (const schema of Object.values(schemas)) ajv.addSchema(schema);
  return ajv;
};

const ajv = createValidator();
const isValid = (name: SchemaName, value: unknown): boolean => ajv.validate(schemas[name].$id, value) === true;

const entry: CatalogEntry = {
  title: "企业登记信息",
  abstract: "企业登记的基本信息",
  themeCodes: ["ZBH00"],
  format: { class: "database", types: ["postgresql"] },
  items: [{ name: "统一社会信用代码", field: "code", type: "C", length: 18, key: true, format: "social-credit-code" }],
  sharingType: "unconditional",
  sharingMethod: ["feed"],
  updateCycle: "daily",
  open: false,
  sensitivity: "L1",
};

describe("schemas", () => {
  test("every schema compiles in strict mode, references among them included", () => {
    for (const schema of Object.values(schemas)) expect(ajv.getSchema(schema.$id), schema.$id).toBeDefined();
  });

  test("an entry needs a condition when sharing is conditional, a basis when refused, items when it is a database", () => {
    expect(isValid("catalog-entry", entry)).toBe(true);
    expect(isValid("catalog-entry", { ...entry, sharingType: "conditional" })).toBe(false);
    expect(isValid("catalog-entry", { ...entry, sharingType: "conditional", sharingCondition: "用于审批" })).toBe(true);
    expect(isValid("catalog-entry", { ...entry, sharingType: "refused" })).toBe(false);
    expect(isValid("catalog-entry", { ...entry, items: [] })).toBe(false);
    expect(isValid("catalog-entry", { ...entry, themeCodes: ["ZZZ99"] })).toBe(false);
    expect(isValid("catalog-entry", { ...entry, code: "307001/00001" })).toBe(false);
  });

  test("a comparison needs the value that its operator compares with", () => {
    const isCondition = (condition: RowCondition): boolean => isValid("row-condition", condition);
    expect(
      isCondition({ all: [{ field: "area", op: "=", value: "330102" }, { not: { field: "area", op: "is-null" } }] }),
    ).toBe(true);
    expect(isCondition({ field: "area", op: "=" })).toBe(false);
    expect(isCondition({ field: "area", op: "in", value: "330102" })).toBe(false);
    expect(isCondition({ field: "area; drop table", op: "is-null" })).toBe(false);
  });

  test("the generated types are up to date", () => {
    const script = fileURLToPath(new URL("scripts/generate-types.ts", import.meta.url));
    const output = execFileSync(process.execPath, ["--import", "tsx", script, "--check"], { encoding: "utf8" });
    expect(output).toContain("up to date");
  });
});
