import type { JSONSchema } from "json-schema-to-typescript";

export interface SchemaFile {
  /** File name without `.schema.json`, which is also the last part of `$id`. */
  readonly name: string;
  readonly schema: JSONSchema;
}

const idBase = "https://zhengtong.example/schemas/";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const pascalCase = (text: string): string =>
  text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

const titleOf = (schema: Record<string, unknown>, fallback: string): string =>
  typeof schema["title"] === "string" ? schema["title"] : pascalCase(fallback);

/**
 * One schema with every file's root and definitions under `definitions`, named by title, so that the compiler declares
 * each type once however many files refer to it. Properties' Chinese titles become part of the description (the
 * compiler would declare a type for each), and `if`/`then` rules go away: types cannot say them, the validator does.
 *
 * @throws Error when two definitions have one title or a `$ref` leads nowhere.
 */
export const bundleSchemas = (files: readonly SchemaFile[]): JSONSchema => {
  const typeNameByUri = new Map<string, string>();
  for (const { name, schema } of files) {
    if (schema.$id !== idBase + name) throw new Error(`${name}.schema.json must have $id ${idBase}${name}`);
    typeNameByUri.set(`${schema.$id}#`, titleOf(schema as Record<string, unknown>, name));
    for (const [key, definition] of Object.entries(schema.definitions ?? {})) {
      typeNameByUri.set(`${schema.$id}#/definitions/${key}`, titleOf(definition as Record<string, unknown>, key));
    }
  }
  const names = [...typeNameByUri.values()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`two schemas have the title ${repeated}`);

  const resolve = (reference: string, base: string): string => {
    const uri = new URL(reference, base).href;
    const typeName = typeNameByUri.get(uri.includes("#") ? uri : `${uri}#`);
    if (typeName === undefined) throw new Error(`${base} refers to ${reference}, which no schema file defines`);
    return `#/definitions/${typeName}`;
  };

  const rewrite = (value: unknown, base: string): unknown => {
    if (Array.isArray(value)) return value.map((member) => rewrite(member, base));
    if (!isObject(value)) return value;
    if (typeof value["$ref"] === "string") return { $ref: resolve(value["$ref"], base) };
    const result: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      if (["$schema", "$id", "definitions", "title", "description", "if", "then", "else"].includes(key)) continue;
      if (key === "allOf" && Array.isArray(member) && member.every((rule) => isObject(rule) && "if" in rule)) continue;
      result[key] =
        key === "properties" && isObject(member)
          ? Object.fromEntries(Object.entries(member).map(([name, property]) => [name, rewrite(property, base)]))
          : rewrite(member, base);
    }
    const notes = [value["title"], value["description"]].filter((note) => typeof note === "string");
    if (notes.length > 0) result["description"] = notes.join(". ");
    return result;
  };

  const define = (value: unknown, base: string, title: string): unknown => {
    const { title: _title, ...rest } = value as Record<string, unknown>;
    return { ...(rewrite(rest, base) as Record<string, unknown>), title };
  };

  const definitions: Record<string, unknown> = {};
  const properties: Record<string, unknown> = {};
  for (const { name, schema } of files) {
    const base = idBase + name;
    const rootTitle = typeNameByUri.get(`${base}#`) ?? name;
    definitions[rootTitle] = define(schema, base, rootTitle);
    properties[name] = { $ref: `#/definitions/${rootTitle}` };
    for (const [key, definition] of Object.entries(schema.definitions ?? {})) {
      const title = typeNameByUri.get(`${base}#/definitions/${key}`) ?? key;
      definitions[title] = define(definition, base, title);
    }
  }
  return {
    title: "SchemaTypes",
    description: "The type that each schema describes, by the schema's name.",
    type: "object",
    additionalProperties: false,
    required: Object.keys(properties),
    properties,
    definitions,
  } as JSONSchema;
};

/** The members of the `enum` at a path of a schema file. */
export const enumAt = (files: readonly SchemaFile[], name: string, path: readonly string[]): readonly string[] => {
  let node: unknown = files.find((file) => file.name === name)?.schema;
  for (const key of path) node = isObject(node) ? node[key] : undefined;
  const members = isObject(node) ? node["enum"] : undefined;
  if (!Array.isArray(members)) throw new Error(`${name}.schema.json has no enum at ${path.join("/")}`);
  return members.map(String);
};
