import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

test("the types generated from the JSON Schemas are the committed ones (npm run generate writes them)", () => {
  const output = execFileSync(process.execPath, ["--import", "tsx", "standards/scripts/generate-types.ts", "--check"], { cwd: root, encoding: "utf8" });
  expect(output).not.toMatch(/differ/);
});
