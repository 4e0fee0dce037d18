import { readFileSync } from "node:fs";

/** The version of this software, as in package.json. */
export const packageVersion = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
