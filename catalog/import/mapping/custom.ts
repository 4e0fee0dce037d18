import { parse } from "yaml";
import { InputError, type Issue } from "#platform";
import type { Mapping, Target } from "./mapping.ts";
import { targets } from "./mapping.ts";

const known = new Set<string>(targets);
const members = new Set(["name", "title", "source", "city", "portal", "key", "fields", "defaults", "required", "host"]);
const mostBytes = 100_000;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "" && value.length <= 300;

/**
 * A mapping written in YAML:
 *
 *     name: hangzhou-2024
 *     city: 杭州市                    # 市教育局 in the table is the city's
 *     portal: true                    # the table says how entries are open, not how they are shared
 *     fields: { title: 名称, provider: [提供单位, 部门], openness: 开放属性, sourceReference: 网址 }
 *     key: { parameter: id }          # the id is this parameter of the address; without: its last part
 *     defaults: { updateCycle: 不定期 }
 *
 * Throws an `InputError` with every mistake in it.
 */
export function parseMapping(text: string, origin: string): Mapping {
  const issues: Issue[] = [];
  const wrong = (path: string, message: string, zh: string) => void issues.push({ path: `${origin}: ${path}`, code: "mapping.invalid", message, zh });
  const given = readYaml(text, origin);
  for (const name of Object.keys(given)) if (!members.has(name)) wrong(name, `is not a member of a mapping; known: ${[...members].join(", ")}`, "不是映射的成员");
  if (!isText(given.name) || !/^[\w\u4e00-\u9fff.-]{1,60}$/.test(given.name)) wrong("name", "needs a name of letters, digits, dots and hyphens", "缺少名称");
  const fields: Partial<Record<Target, readonly string[]>> = {};
  if (!isObject(given.fields)) wrong("fields", "needs the columns of each member: { title: 名称, … }", "缺少字段映射");
  else {
    for (const [target, columns] of Object.entries(given.fields)) {
      const list = Array.isArray(columns) ? columns : [columns];
      if (!known.has(target)) wrong(`fields.${target}`, `is not a member of an entry; known: ${targets.join(", ")}`, "不是条目的成员");
      else if (!list.every(isText)) wrong(`fields.${target}`, "needs a column name or a list of them", "应为列名或列名列表");
      else fields[target as Target] = list;
    }
    if (fields.title === undefined && fields.content === undefined) wrong("fields.title", "is needed", "缺少名称列");
  }
  const defaults: Partial<Record<Target, string>> = {};
  if (given.defaults !== undefined && !isObject(given.defaults)) wrong("defaults", "needs values: { updateCycle: 不定期 }", "默认值格式不正确");
  for (const [target, value] of Object.entries(isObject(given.defaults) ? given.defaults : {})) {
    if (!known.has(target)) wrong(`defaults.${target}`, "is not a member of an entry", "不是条目的成员");
    else if (!["string", "number", "boolean"].includes(typeof value)) wrong(`defaults.${target}`, "needs a text", "应为文本");
    else defaults[target as Target] = String(value);
  }
  for (const name of ["source", "city", "host"] as const) if (given[name] !== undefined && !isText(given[name])) wrong(name, "needs a text", "应为文本");
  const parameter = isObject(given.key) ? given.key.parameter : undefined;
  if (given.key !== undefined && (!isObject(given.key) || (parameter !== undefined && !isText(parameter)))) wrong("key", "needs { parameter: … } or {}", "应为 { parameter: … } 或 {}");
  if (issues.length > 0) throw new InputError(`The mapping ${origin} has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `映射 ${origin} 有 ${issues.length} 处问题`, code: "mapping.invalid", issues, nextStep: "Put right what `issues` names; docs/import.md shows a whole mapping." });
  const name = given.name as string;
  return {
    name,
    title: { en: isText(given.title) ? given.title : name, zh: isText(given.title) ? given.title : name },
    fields,
    defaults,
    required: fields.title === undefined ? ["content"] : ["title"],
    portal: given.portal === true,
    ...(fields.sourceReference === undefined ? {} : { key: isText(parameter) ? { parameter } : {} }),
    ...(isText(given.source) ? { source: given.source } : {}),
    ...(isText(given.city) ? { city: given.city } : {}),
    ...(isText(given.host) ? { host: given.host } : {}),
  };
}

function readYaml(text: string, origin: string): Record<string, unknown> {
  if (text.length > mostBytes) throw new InputError(`The mapping ${origin} is longer than ${mostBytes} characters`, { zh: `映射 ${origin} 过长`, code: "mapping.invalid" });
  let parsed: unknown;
  try {
    // Aliases can be made to unfold to gigabytes; a mapping needs none.
    parsed = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new InputError(`The mapping ${origin} is not YAML: ${(cause as Error).message}`, { zh: `映射 ${origin} 不是合法的 YAML`, code: "mapping.invalid", cause });
  }
  if (isObject(parsed)) return parsed;
  throw new InputError(`The mapping ${origin} must be an object with name and fields`, { zh: `映射 ${origin} 应为含 name 和 fields 的对象`, code: "mapping.invalid" });
}

/** The mapping with further defaults, such as those given on the command line. */
export function withDefaults(mapping: Mapping, defaults: Partial<Record<Target, string>>): Mapping {
  return { ...mapping, defaults: { ...mapping.defaults, ...defaults } };
}

export function assertTarget(name: string): Target {
  if (known.has(name)) return name as Target;
  throw new InputError(`"${name}" is not a member of an entry that can have a default`, { zh: `“${name}”不是条目的成员`, code: "mapping.target", nextStep: `Known: ${targets.join(", ")}.` });
}

/** A default as it is given on a command line or in a form: `updateCycle=不定期`. */
export function readDefault(text: string): [Target, string] {
  const [name = "", ...value] = text.split("=");
  const stated = value.join("=").trim();
  if (stated === "") throw new InputError(`"${text}" is not of the form member=value`, { zh: `“${text}”应为 字段=取值`, code: "import.default", nextStep: "For example updateCycle=不定期." });
  return [assertTarget(name.trim()), stated];
}
