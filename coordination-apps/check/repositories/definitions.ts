import { ConflictError, type Reader, type Transaction } from "#platform";
import { digestOf, type CheckDefinition } from "../model/definition.ts";

/** Keeps the content of each version for good; the same version with other content is refused. */
export async function registerDefinition(tx: Transaction, definition: CheckDefinition, at: Date): Promise<void> {
  const digest = digestOf(definition);
  const read = () => tx.query<{ digest: string }>("select digest from apps.check_definition where name = $1 and version = $2", [definition.name, definition.version]);
  let { rows } = await read();
  if (rows.length === 0) {
    await tx.query("insert into apps.check_definition (name, version, digest, content, registered_at) values ($1, $2, $3, $4, $5) on conflict (name, version) do nothing", [definition.name, definition.version, digest, JSON.stringify(definition), at]);
    ({ rows } = await read());
  }
  if (rows[0]!.digest !== digest) {
    throw new ConflictError(`Check definition ${definition.name} version ${definition.version} is already recorded with other content`, { zh: `协查方案 ${definition.name} 第 ${definition.version} 版已登记且内容不同`, code: "check.definition-changed", nextStep: "Give the changed definition a higher version: hits name the version that found them." });
  }
}

export async function getDefinitionContent(reader: Reader, name: string, version: number): Promise<CheckDefinition | undefined> {
  const { rows } = await reader.query<{ content: CheckDefinition }>("select content from apps.check_definition where name = $1 and version = $2", [name, version]);
  return rows[0]?.content;
}
