import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import neo4jDriver, { type Driver } from "neo4j-driver";
import { openContainer } from "./container.ts";
import type { EngineKind, LocalEngineOptions } from "./engine-kind.ts";
import { createEngineProcess, freePorts, shortLivedJava, startLocalEngine, type Engine } from "./engine.ts";
import { fetchMavenLibraries, onPath, pomOf } from "./maven-libraries.ts";

const version = "5.26.30";
const launcher = fileURLToPath(new URL("RunNeo4j.java", import.meta.url));
/** Of the servers that we start ourselves: they listen on loopback and live as long as a test run. */
const password = "zhengtong-test";

/** Where a Neo4j is and how to log in. `url` as tests get it may carry user and password; the driver wants them apart. */
export interface Neo4jConnection {
  url: string;
  user: string;
  password: string;
}

export function neo4jConnection(url: string): Neo4jConnection {
  const parsed = new URL(url);
  return {
    url: `${parsed.protocol}//${parsed.host}`,
    user: decodeURIComponent(parsed.username) || "neo4j",
    password: decodeURIComponent(parsed.password) || (process.env.ZHENGTONG_TEST_NEO4J_PASSWORD ?? ""),
  };
}

async function withDriver<T>(connection: Neo4jConnection, work: (driver: Driver) => Promise<T>): Promise<T> {
  const driver = neo4jDriver.driver(connection.url, neo4jDriver.auth.basic(connection.user, connection.password), { connectionTimeout: 2_000, maxTransactionRetryTime: 0 });
  try {
    return await work(driver);
  } finally {
    await driver.close();
  }
}

const urlWithPassword = (port: number) => `bolt://neo4j:${password}@127.0.0.1:${port}`;

async function answers(url: string): Promise<boolean> {
  return withDriver(neo4jConnection(url), async (driver) => {
    await driver.executeQuery("RETURN 1");
    return true;
  });
}

/** The first login must change the password; afterwards it stands in the server's folder. */
async function answersAfterFirstLogin(url: string): Promise<boolean> {
  if (await answers(url).catch(() => false)) return true;
  await withDriver({ ...neo4jConnection(url), password: "neo4j" }, (driver) => driver.executeQuery("ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password", { password }, { database: "system" }));
  return answers(url);
}

export interface LocalNeo4jOptions extends LocalEngineOptions {
  /** Largest heap, default 768 MiB. */
  heapMebibytes?: number;
  /** Default 128 MiB. */
  pageCacheMebibytes?: number;
}

const openModules = ["java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch"].map((module) => `--add-opens=${module}=ALL-UNNAMED`);

export async function openLocalNeo4j({ heapMebibytes = 768, pageCacheMebibytes = 128, forMeasuring = false }: LocalNeo4jOptions = {}): Promise<Engine> {
  if (!(await onPath("java"))) throw new Error("java is not installed (Debian: default-jdk-headless)");
  const libraries = await fetchMavenLibraries({ name: `neo4j-${version}`, pom: pomOf("neo4j", [`org.neo4j:neo4j:${version}`]) });
  const folder = mkdtempSync(join(tmpdir(), "zhengtong-neo4j-"));
  const [port] = (await freePorts(1)) as [number];
  const url = urlWithPassword(port);
  const process = createEngineProcess({
    name: "Neo4j",
    command: ["java", "-Xms256m", `-Xmx${heapMebibytes}m`, ...(forMeasuring ? [] : [...shortLivedJava, "-Dzhengtong.keepPlans=true"]), `-Dzhengtong.pagecache=${pageCacheMebibytes}`, ...openModules, "-Dio.netty.tryReflectionSetAccessible=true", "-cp", `${libraries}/*`, launcher, join(folder, "home"), String(port)],
    cwd: folder,
    logFile: join(folder, "neo4j.log"),
    isReady: () => answersAfterFirstLogin(url),
  });
  return startLocalEngine({ url, folder, process });
}

export const neo4j: EngineKind = {
  title: `Neo4j ${version}`,
  environmentVariable: "ZHENGTONG_TEST_NEO4J_URL",
  openLocally: (options) => openLocalNeo4j(options),
  async openInDocker() {
    const [port] = (await freePorts(1)) as [number];
    return openContainer({
      image: `neo4j:${version}-community`,
      ports: [{ container: 7687, host: port }],
      environment: { NEO4J_AUTH: `neo4j/${password}`, NEO4J_server_memory_heap_max__size: "768m", NEO4J_server_memory_pagecache_size: "128m", NEO4J_server_bolt_advertised__address: `127.0.0.1:${port}` },
      url: urlWithPassword(port),
      isReady: () => answers(urlWithPassword(port)),
    });
  },
};
