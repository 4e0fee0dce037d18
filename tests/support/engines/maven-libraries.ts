import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withFileLock } from "./file-lock.ts";

/** Where what engines are started from is kept between runs: `.cache/engines` of the project, or ZHENGTONG_TEST_CACHE. */
export function engineCache(): string {
  const folder = process.env.ZHENGTONG_TEST_CACHE ?? fileURLToPath(new URL("../../../.cache/engines", import.meta.url));
  mkdirSync(folder, { recursive: true });
  return folder;
}

export async function onPath(program: string): Promise<boolean> {
  try {
    await promisify(execFile)("sh", ["-c", `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
}

/** A pom that asks for these artifacts, `group:artifact:version` each. */
export function pomOf(name: string, artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(":");
    return `    <dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    `  <modelVersion>4.0.0</modelVersion><groupId>zhengtong.test</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>`,
    "  <dependencies>",
    ...dependencies,
    "  </dependencies>",
    "</project>",
    "",
  ].join("\n");
}

/**
 * The folder with every jar that `pom` needs at run time, fetched once by Maven. `name` carries the version
 * (`kafka-4.1.2`). The folder appears under its name only when it is whole, whoever is killed meanwhile.
 */
export async function fetchMavenLibraries({ name, pom }: { name: string; pom: string }): Promise<string> {
  const folder = join(engineCache(), `${name}-${createHash("sha256").update(pom).digest("hex").slice(0, 8)}`);
  const libraries = join(folder, "lib");
  if (existsSync(libraries)) return libraries;
  return withFileLock(folder, async () => {
    if (existsSync(libraries)) return libraries;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    writeFileSync(join(partial, "pom.xml"), pom);
    process.stderr.write(`fetching the libraries of ${name} from Maven Central, once\n`);
    await promisify(execFile)("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"], { cwd: partial, maxBuffer: 16 * 1024 ** 2, timeout: 600_000 });
    renameSync(partial, folder);
    return libraries;
  });
}
