import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ConflictError } from "#platform";

/**
 * The folder in which the one-machine default lives. What must survive besides the databases (passwords of the sample
 * users, what the city was made with) stands in small JSON files, written beside and renamed.
 */
export interface CityFacts {
  seed: number;
  people: number;
  /** The day on which the city stands, ISO; the day of its making. */
  asOf: string;
  readerPassword: string;
  /** Small letters and digits: keeps this city's names apart from others' on a shared Neo4j or Kafka. */
  id: string;
  engines: DemoEngines;
}

/** `embedded`: everything in the folder's PostgreSQL; `production`: the index in Neo4j, the feeds in Kafka. */
export type DemoEngines = "embedded" | "production";

export interface DataDirectory {
  path(name: string): string;
  facts: CityFacts;
  /** A generated secret of this name, made at the first asking and the same ever after. */
  secret(name: string): string;
  /** One process at a time: refuses when another holds the folder. */
  release(): void;
}

export function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

export function writeJson(file: string, value: unknown): void {
  const partial = `${file}.${process.pid}.part`;
  const descriptor = openSync(partial, "w", 0o600);
  writeSync(descriptor, `${JSON.stringify(value, null, 2)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(partial, file);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function openDataDirectory(options: { directory: string; seed: number; people: number; engines: DemoEngines; today: string }): DataDirectory {
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  const lockFile = join(directory, "process.json");
  const holder = readJson<{ pid: number }>(lockFile);
  if (holder && holder.pid > 0 && holder.pid !== process.pid && isAlive(holder.pid)) {
    throw new ConflictError(`The folder ${directory} is in use by process ${holder.pid}`, { zh: `数据目录 ${directory} 正被进程 ${holder.pid} 使用`, nextStep: "Stop that process first, or give another --data-dir." });
  }
  writeJson(lockFile, { pid: process.pid });

  const factsFile = join(directory, "city.json");
  let facts = readJson<CityFacts>(factsFile);
  if (facts && (facts.seed !== options.seed || facts.people !== options.people)) {
    throw new ConflictError(`The folder ${directory} holds a city of seed ${facts.seed} with ${facts.people} people`, { zh: `数据目录中的样例城市为种子 ${facts.seed}、人口 ${facts.people}`, nextStep: `Give --seed ${facts.seed} --people ${facts.people} to go on with it, or another --data-dir.` });
  }
  if (facts && facts.engines !== options.engines) {
    throw new ConflictError(`The city in ${directory} was built on the ${facts.engines} engines`, { zh: `数据目录中的样例城市使用 ${facts.engines} 引擎`, nextStep: `Give --engines=${facts.engines} to go on with it, or another --data-dir. An installation is carried over with \`feeds move\` and \`reindex\`.` });
  }
  if (!facts) writeJson(factsFile, (facts = { seed: options.seed, people: options.people, asOf: options.today, readerPassword: randomBytes(18).toString("base64url"), id: randomBytes(6).toString("hex"), engines: options.engines }));

  const secretsFile = join(directory, "credentials.json");
  const secrets = readJson<Record<string, string>>(secretsFile) ?? {};
  return {
    facts,
    path: (name) => join(directory, name),
    secret(name) {
      if (!secrets[name]) {
        // Upper and lower case, digits and a sign: passes every password rule.
        secrets[name] = `${randomBytes(12).toString("base64url")}-7Zt`;
        writeJson(secretsFile, secrets);
      }
      return secrets[name]!;
    },
    release: () => writeJson(lockFile, { pid: 0 }),
  };
}
