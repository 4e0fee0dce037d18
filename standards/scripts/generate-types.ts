/**
 * Generates `standards/generated/types.ts` and `standards/generated/values.ts` from `standards/schemas/*.json`.
 *
 * `npm run generate` writes the files; `npm run generate -- --check` writes nothing, names every file that differs and
 * exits 1 if there is one.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";
import { bundleSchemas, enumAt } from "./bundle-schemas.ts";
import type { SchemaFile } from "./bundle-schemas.ts";

const schemaFolder = new URL("../schemas/", import.meta.url);
const generatedFolder = new URL("../generated/", import.meta.url);

const banner = "// Generated from standards/schemas by `npm run generate`. Do not edit.";

/** Names for the enumerations that code wants to list: constant, type, schema file, path of the `enum`. */
const namedEnums: readonly (readonly [constant: string, type: string, file: string, path: readonly string[]])[] = [
  ["sharingTypes", "SharingType", "catalog-entry", ["properties", "sharingType"]],
  ["sharingMethods", "SharingMethod", "catalog-entry", ["properties", "sharingMethod", "items"]],
  ["updateCycles", "UpdateCycle", "catalog-entry", ["properties", "updateCycle"]],
  ["formatClasses", "FormatClass", "catalog-entry", ["properties", "format", "properties", "class"]],
  ["sensitivities", "Sensitivity", "catalog-entry", ["properties", "sensitivity"]],
  ["itemTypes", "ItemType", "data-item", ["properties", "type"]],
  ["itemFormats", "ItemFormat", "data-item", ["properties", "format"]],
  ["dataElementStatuses", "DataElementStatus", "data-element", ["properties", "status"]],
  ["deliveryModes", "DeliveryMode", "sharing-request", ["properties", "deliveryMode"]],
  ["requestFrequencies", "RequestFrequency", "sharing-request", ["properties", "frequency"]],
  ["maskRules", "MaskRule", "sharing-request", ["definitions", "masks", "additionalProperties"]],
  ["grantActions", "GrantAction", "grant", ["properties", "action"]],
  ["grantStates", "GrantState", "grant", ["properties", "state"]],
  ["batchKinds", "BatchKind", "batch-envelope", ["properties", "kind"]],
  ["payloadEncodings", "PayloadEncoding", "batch-envelope", ["properties", "encoding", "items"]],
  ["signatureSuites", "SignatureSuite", "node-manifest", ["properties", "signatureSuite"]],
  ["nodeCapabilities", "NodeCapability", "node-manifest", ["properties", "capabilities", "items"]],
  ["sourceKinds", "SourceKind", "node-manifest", ["properties", "sources", "items", "properties", "kind"]],
  ["organisationKinds", "OrganisationKind", "organisation", ["properties", "kind"]],
  ["comparisonOperators", "ComparisonOperator", "row-condition", ["definitions", "comparison", "properties", "op"]],
  ["roles", "Role", "roles", []],
];

const readSchemaFiles = (): SchemaFile[] =>
  readdirSync(schemaFolder)
    .filter((name) => name.endsWith(".schema.json"))
    .sort()
    .map((name) => ({
      name: name.slice(0, -".schema.json".length),
      schema: JSON.parse(readFileSync(new URL(name, schemaFolder), "utf8")),
    }));

const generateTypes = async (files: readonly SchemaFile[]): Promise<string> =>
  compile(bundleSchemas(files), "SchemaTypes", {
    additionalProperties: true,
    bannerComment: `/* eslint-disable */\n${banner}`,
    declareExternallyReferenced: true,
    unreachableDefinitions: false,
    strictIndexSignatures: false,
    // A list of at most 500 items must not become 500 tuple types; lengths are checked by the validator.
    ignoreMinAndMaxItems: true,
    style: { printWidth: 120 },
  });

const generateValues = (files: readonly SchemaFile[]): string => {
  const lines = [banner, ""];
  for (const [constant, type, file, path] of namedEnums) {
    lines.push(
      `export const ${constant} = ${JSON.stringify(enumAt(files, file, path)).replaceAll(",", ", ")} as const;`,
    );
    // `Role` is a schema of its own and already a type.
    if (type !== "Role") lines.push(`export type ${type} = (typeof ${constant})[number];`);
  }
  return `${lines.join("\n")}\n`;
};

const files = readSchemaFiles();
const outputs: readonly (readonly [name: string, text: string])[] = [
  ["types.ts", await generateTypes(files)],
  ["values.ts", generateValues(files)],
];

if (process.argv.includes("--check")) {
  const onDisk = (name: string): string | undefined => {
    try {
      return readFileSync(new URL(name, generatedFolder), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  };
  const differing = outputs.filter(([name, text]) => onDisk(name) !== text).map(([name]) => name);
  for (const name of differing) {
    process.stderr.write(
      `standards/generated/${name} differs from standards/schemas: run \`npm run generate\` and commit it.\n`,
    );
  }
  if (differing.length > 0) process.exitCode = 1;
  else process.stdout.write(`standards/generated is up to date (${outputs.length} files).\n`);
} else {
  mkdirSync(generatedFolder, { recursive: true });
  for (const [name, text] of outputs) {
    writeFileSync(new URL(name, generatedFolder), text);
    process.stdout.write(`wrote ${fileURLToPath(new URL(name, generatedFolder))}\n`);
  }
}
