import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { InputError, type Issue } from "../errors/errors.ts";

/**
 * Configuration: read once at start from a YAML file and the environment (the environment wins), checked whole, so
 * that every wrong value is named at once with what it should be. A setting is declared where it is used.
 */
export interface Setting<T> {
  /** Environment variable; the file's key is the same in lower case without the ZHENGTONG_ prefix. */
  env: string;
  description: string;
  parse(text: string): T | undefined;
  /** What a good value looks like, for the error. */
  expected: string;
  default?: T;
  /** Never printed. */
  secret?: boolean;
}

export type SettingsTable = Record<string, Setting<unknown>>;
export type Config<Table extends SettingsTable> = { [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never };

const make = <T>(parseText: (text: string) => T | undefined, expected: string) => (env: string, description: string, fallback?: T): Setting<T> => ({ env, description, parse: parseText, expected, ...(fallback === undefined ? {} : { default: fallback }) });

/** Declares one setting: `setting.port("ZHENGTONG_PORT", "…", 8080)`. Without a default it is required. */
export const setting = {
  text: make((text) => (text === "" ? undefined : text), "a text that is not empty"),
  port: make((text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined), "a port number from 0 to 65535"),
  count: make((text) => (/^\d{1,12}$/.test(text) ? Number(text) : undefined), "a whole number from 0"),
  flag: make((text) => ({ true: true, false: false, "1": true, "0": false })[text.toLowerCase()], "true or false"),
  url: make((text) => (URL.canParse(text) ? text : undefined), "a URL such as postgres://user:password@host:5432/name"),
  durationMs: make(parseDuration, "a duration such as 500ms, 30s, 10m or 24h"),
  choice: <const C extends readonly string[]>(choices: C) => make<C[number]>((text) => (choices.includes(text) ? text : undefined), `one of ${choices.join(", ")}`),
  secret: (env: string, description: string, fallback?: string): Setting<string> => ({ env, description, parse: (text) => (text.length >= 16 ? text : undefined), expected: "a secret of at least 16 characters", secret: true, ...(fallback === undefined ? {} : { default: fallback }) }),
  optional: <T>(inner: Setting<T>): Setting<T | undefined> => ({ ...inner, default: inner.default }) as Setting<T | undefined>,
};

function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "ms" | "s" | "m" | "h" | "d"];
}

export interface LoadConfigOptions {
  environment: Record<string, string | undefined>;
  /** A YAML file; its absence is an error when it is named. */
  file?: string;
}

export function loadConfig<const Table extends SettingsTable>(table: Table, options: LoadConfigOptions): Config<Table> {
  const fromFile = options.file === undefined ? {} : readConfigFile(options.file);
  const issues: Issue[] = [];
  const result: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [name, entry] of Object.entries(table)) {
    const fileKey = entry.env.replace(/^ZHENGTONG_/, "").toLowerCase();
    known.add(fileKey);
    // Empty is not set: so Docker Compose passes on a variable that has no value.
    const fromEnvironment = options.environment[entry.env] === "" ? undefined : options.environment[entry.env];
    const text = fromEnvironment ?? (fromFile[fileKey] === undefined ? undefined : String(fromFile[fileKey]));
    const place = fromEnvironment === undefined && fromFile[fileKey] !== undefined ? `${options.file}: ${fileKey}` : entry.env;
    if (text === undefined) {
      if ("default" in entry) result[name] = entry.default;
      else issues.push({ path: place, code: "config.required", message: `is required: ${entry.description}; give ${entry.expected}`, zh: `未设置:${entry.description}` });
      continue;
    }
    const value = entry.parse(text);
    if (value === undefined) issues.push({ path: place, code: "config.value", message: `${entry.secret ? "its value" : `"${text}"`} is not ${entry.expected} (${entry.description})`, zh: `取值不正确,应为 ${entry.expected}` });
    else result[name] = value;
  }
  for (const key of Object.keys(fromFile)) if (!known.has(key)) issues.push({ path: `${options.file}: ${key}`, code: "config.unknown", message: `is not a setting; known ones: ${[...known].sort().join(", ")}`, zh: "不是已知的配置项" });
  if (issues.length > 0) throw new InputError(`The configuration has ${issues.length} problem${issues.length === 1 ? "" : "s"}:\n${issues.map((issue) => `  ${issue.path} ${issue.message}`).join("\n")}`, { zh: `配置有 ${issues.length} 处问题`, code: "config.invalid", issues });
  return result as Config<Table>;
}

function readConfigFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new InputError(`The configuration file ${file} cannot be read`, { zh: `无法读取配置文件 ${file}`, nextStep: "Check the path given with --config.", cause });
  }
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch (cause) {
    throw new InputError(`The configuration file ${file} is not YAML: ${(cause as Error).message}`, { zh: `配置文件 ${file} 不是合法的 YAML`, cause });
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw new InputError(`The configuration file ${file} must hold "key: value" lines`);
  return parsed as Record<string, unknown>;
}
