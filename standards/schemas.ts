import { readFileSync } from "node:fs";
import type { SchemaTypes } from "./generated/types.ts";

/** Name of a schema: its file without `.schema.json`, the last part of its `$id`. */
export type SchemaName = keyof SchemaTypes;

/** A JSON Schema (draft-07) as read from `standards/schemas`. */
export interface JsonSchema {
  readonly $schema: string;
  readonly $id: string;
  readonly title: string;
  readonly description: string;
  readonly [keyword: string]: unknown;
}

const read = (name: SchemaName): JsonSchema =>
  JSON.parse(readFileSync(new URL(`./schemas/${name}.schema.json`, import.meta.url), "utf8"));

/**
 * Every schema by name. They refer to each other by `$id`, so a validator needs all of them added before it compiles
 * one. Formats used: `date`, `date-time`, `uri` and standards' own `theme-code`, `industry-code`, `social-credit-code`.
 */
export const schemas: { readonly [Name in SchemaName]: JsonSchema } = {
  "batch-envelope": read("batch-envelope"),
  "catalog-entry": read("catalog-entry"),
  "data-element": read("data-element"),
  "data-item": read("data-item"),
  grant: read("grant"),
  "node-manifest": read("node-manifest"),
  organisation: read("organisation"),
  roles: read("roles"),
  "row-condition": read("row-condition"),
  "sharing-request": read("sharing-request"),
};
