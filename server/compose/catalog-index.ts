import { InputError } from "#platform";
import type { Neo4jIndexSettings } from "#catalog";
import type { EngineConfig } from "../settings.ts";

/** How the settings say to reach Neo4j, whichever index they choose; undefined when they name none. */
export function neo4jSettingsOf(config: EngineConfig): Neo4jIndexSettings | undefined {
  if (config.neo4jUrl === undefined) return undefined;
  if (!/^(neo4j|bolt)(\+s|\+ssc)?:\/\//.test(config.neo4jUrl)) throw new InputError("ZHENGTONG_NEO4J_URL must begin with neo4j://, neo4j+s://, bolt:// or bolt+s://", { zh: "Neo4j 地址应以 neo4j://、neo4j+s://、bolt:// 或 bolt+s:// 开头", code: "config.invalid" });
  if (config.neo4jPassword === undefined) throw new InputError("ZHENGTONG_NEO4J_PASSWORD is required with ZHENGTONG_NEO4J_URL", { zh: "已设置 Neo4j 地址,但未设置密码", code: "config.invalid" });
  return { url: config.neo4jUrl, user: config.neo4jUser, password: config.neo4jPassword, database: config.neo4jDatabase, prefix: config.neo4jPrefix };
}

/** For `createCenterServices`: Neo4j when it is the catalog index. */
export function catalogIndexOptions(config: EngineConfig): { neo4j?: Neo4jIndexSettings } {
  if (config.catalogIndex === "postgres") return {};
  const neo4j = neo4jSettingsOf(config);
  if (!neo4j) throw new InputError("ZHENGTONG_CATALOG_INDEX is neo4j, but its address is not given", { zh: "已选择 Neo4j 作为目录索引,但未设置其地址", code: "config.invalid", nextStep: "Set ZHENGTONG_NEO4J_URL, for example bolt://127.0.0.1:7687, and ZHENGTONG_NEO4J_PASSWORD." });
  return { neo4j };
}
