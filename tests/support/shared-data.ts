import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/**
 * Where the public data sets lie beside the project, or undefined where they are not: a test that uses them is
 * skipped there (`test.skipIf(sharedData("…") === undefined)`), the rest of the suite never needs them.
 */
export function sharedData(path: string): string | undefined {
  const full = `${folder}${path}`;
  return existsSync(full) ? full : undefined;
}
