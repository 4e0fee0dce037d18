import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormatsModule from "ajv-formats";
import type { Issue } from "../errors/errors.ts";
import { InputError } from "../errors/errors.ts";

/**
 * Validates by JSON Schema and answers with every issue, each with its path and a message in both languages that a
 * cataloguer understands: it calls the member by the `title` that the schema gives it.
 */
export interface FormatCheck {
  name: string;
  test(text: string): boolean;
  /** What to say when it fails. */
  message: string;
  zh: string;
}

export interface Validator {
  /** Every issue; empty when `value` fits. `schemaName` is the last part of the schema's `$id`. */
  validate(schemaName: string, value: unknown): Issue[];
  /** Throws an InputError with all issues. */
  assertValid(schemaName: string, value: unknown, what: { en: string; zh: string }): void;
}

export interface CreateValidatorOptions {
  /** Each with an `$id` that ends in its name. */
  schemas: readonly object[];
  formats?: readonly FormatCheck[];
}

const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

export function createValidator({ schemas, formats = [] }: CreateValidatorOptions): Validator {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, $data: false });
  addFormats(ajv);
  for (const format of formats) ajv.addFormat(format.name, { type: "string", validate: (text: string) => format.test(text) });
  for (const schema of schemas) ajv.addSchema(schema);
  const formatText = new Map(formats.map((format) => [format.name, format]));
  const compiled = new Map<string, ValidateFunction>();

  function getCompiled(schemaName: string): ValidateFunction {
    let check = compiled.get(schemaName);
    if (!check) {
      const id = schemas.map((schema) => (schema as { $id: string }).$id).find((candidate) => candidate.endsWith(`/${schemaName}`));
      const found = id === undefined ? undefined : ajv.getSchema(id);
      if (!found) throw new Error(`No schema is called ${schemaName}`);
      compiled.set(schemaName, (check = found as ValidateFunction));
    }
    return check;
  }

  function validate(schemaName: string, value: unknown): Issue[] {
    const check = getCompiled(schemaName);
    if (check(value)) return [];
    // `if` only repeats what the failing `then` already said.
    return (check.errors ?? []).filter((error) => error.keyword !== "if").map((error) => toIssue(error, formatText));
  }

  return {
    validate,
    assertValid(schemaName, value, what) {
      const issues = validate(schemaName, value);
      if (issues.length > 0) throw new InputError(`${what.en} has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `${what.zh}有 ${issues.length} 处问题:${issues[0]!.path} ${issues[0]!.zh}`, issues });
    },
  };
}

function toIssue(error: ErrorObject, formats: Map<string, FormatCheck>): Issue {
  const parent = error.parentSchema as { title?: string; properties?: Record<string, { title?: string }> } | undefined;
  const missing = error.keyword === "required" ? (error.params as { missingProperty: string }).missingProperty : undefined;
  const extra = error.keyword === "additionalProperties" ? (error.params as { additionalProperty: string }).additionalProperty : undefined;
  const path = [error.instancePath, missing ?? extra].filter((part) => part !== undefined && part !== "").join("/") || "/";
  const title = missing === undefined ? parent?.title : parent?.properties?.[missing]?.title;
  const { message, zh } = words(error, formats, extra);
  return { path: path.startsWith("/") ? path : `/${path}`, code: error.keyword, message, zh: title === undefined ? zh : `${title}${zh}` };
}

function words(error: ErrorObject, formats: Map<string, FormatCheck>, extra: string | undefined): { message: string; zh: string } {
  const p = error.params as { limit?: number; allowedValues?: unknown[]; type?: string; format?: string; pattern?: string };
  switch (error.keyword) {
    case "required":
      return { message: "is required", zh: "为必填" };
    case "additionalProperties":
      return { message: `"${extra}" is not a member that is known here`, zh: `“${extra}”不是可用的字段` };
    case "minLength":
      return p.limit === 1 ? { message: "must not be empty", zh: "不能为空" } : { message: `must have at least ${p.limit} characters`, zh: `至少需要 ${p.limit} 个字` };
    case "maxLength":
      return { message: `must have at most ${p.limit} characters`, zh: `不能超过 ${p.limit} 个字` };
    case "minItems":
      return { message: `needs at least ${p.limit} element${p.limit === 1 ? "" : "s"}`, zh: `至少需要 ${p.limit} 项` };
    case "maxItems":
      return { message: `must have at most ${p.limit} elements`, zh: `不能超过 ${p.limit} 项` };
    case "enum":
      return { message: `must be one of ${p.allowedValues!.join(", ")}`, zh: `只能是 ${p.allowedValues!.join("、")} 之一` };
    case "type":
      return { message: `must be of type ${String(p.type)}`, zh: `类型应为 ${String(p.type)}` };
    case "format": {
      const known = formats.get(p.format ?? "");
      return known ? { message: known.message, zh: known.zh } : { message: `is not a valid ${p.format}`, zh: `不是合法的 ${p.format}` };
    }
    case "pattern":
      return { message: `does not have the form ${p.pattern}`, zh: `格式不符(应为 ${p.pattern})` };
    case "uniqueItems":
      return { message: "has the same element twice", zh: "有重复项" };
    case "minimum":
      return { message: `must be at least ${p.limit}`, zh: `不能小于 ${p.limit}` };
    case "maximum":
      return { message: `must be at most ${p.limit}`, zh: `不能大于 ${p.limit}` };
    default:
      return { message: error.message ?? error.keyword, zh: error.message ?? error.keyword };
  }
}
