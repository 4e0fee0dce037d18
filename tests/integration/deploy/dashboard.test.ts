import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { createSilentLog } from "#platform";
import { centerMigrations, cityMigrations, startCenter, type RunningCenter } from "#server";
import { createTestDatabase, type TestDatabase } from "#test-support";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}
const dashboard = JSON.parse(read("deploy/grafana/zhengtong.json")) as { panels: Panel[] };
const alerts = parse(read("deploy/prometheus/alerts.yaml")) as { groups: { rules: { expr: string }[] }[] };
const expressions = [...dashboard.panels.flatMap(({ targets = [] }) => targets), ...alerts.groups.flatMap(({ rules }) => rules)].map(({ expr }) => expr);

const databases: TestDatabase[] = [];
let center: RunningCenter;
beforeAll(async () => {
  databases.push(await createTestDatabase(centerMigrations), await createTestDatabase(cityMigrations));
  center = await startCenter({ databaseUrl: databases[0]!.url, cityDatabaseUrl: databases[1]!.url, log: createSilentLog(), host: "127.0.0.1", port: 0, continuous: false });
});
afterAll(async () => {
  await center?.stop();
  for (const database of databases) await database.drop();
});

test("every metric that dashboard and alerts ask for is one that a centre prints", async () => {
  const text = await (await fetch(`${center.url}/metrics`)).text();
  const printed = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name!, type!]));
  // Of Kafka's adapter there is nothing to print here: its names are looked up where they are given.
  const folder = join(root, "exchange-nodes/center/feed-log/kafka");
  for (const file of readdirSync(folder)) for (const [, type, name] of readFileSync(join(folder, file), "utf8").matchAll(/\.(counter|gauge|histogram)\("(kafka_\w+)"/g)) printed.set(`zhengtong_${name!}`, type!);
  const asked = new Set(expressions.flatMap((expression) => expression.match(/\bzhengtong_\w+/g) ?? []));
  expect(asked.size).toBeGreaterThan(25);
  const missing = [...asked].filter((name) => {
    const base = name.replace(/_(bucket|count|sum)$/, "");
    return !(printed.has(name) && printed.get(name) !== "histogram") && printed.get(base) !== "histogram";
  });
  expect(missing).toEqual([]);
});

test("gauges of feeds, nodes, the index and connections are filled in within their first turn", async () => {
  await expect.poll(async () => (await fetch(`${center.url}/metrics`)).text(), { timeout: 30_000 }).toMatch(/^zhengtong_catalog_index_available 1$/m);
  const text = await (await fetch(`${center.url}/metrics`)).text();
  expect(text).toMatch(/^zhengtong_exchange_feeds\{state="flowing"\} 0$/m);
  expect(text).toMatch(/^zhengtong_exchange_nodes\{health="silent"\} 0$/m);
  expect(text).toMatch(/^zhengtong_database_connections\{database="center",use="busy"\} \d+$/m);
  expect(text).toMatch(/^zhengtong_feed_log_lag_batches\{of="furthest"\} 0$/m);
});

test("panels do not overlap, and each has its own number", () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const cells = new Set<string>();
  for (const { title, gridPos } of dashboard.panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(x, title).toBeLessThan(24);
        expect(cells.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false);
        cells.add(`${x},${y}`);
      }
});

test("prometheus asks every centre of the compose file, each at its own port", () => {
  const { scrape_configs } = parse(read("deploy/prometheus/prometheus.yaml")) as { scrape_configs: { static_configs: { targets: string[] }[] }[] };
  const { services } = parse(read("deploy/compose.yaml"), { merge: true }) as { services: Record<string, { environment?: Record<string, string> }> };
  const centers = Object.entries(services).filter(([name]) => name.startsWith("center-")).map(([name, { environment }]) => `${name}:${environment!.ZHENGTONG_PORT}`);
  expect(scrape_configs.flatMap(({ static_configs }) => static_configs.flatMap(({ targets }) => targets))).toEqual(centers);
});
