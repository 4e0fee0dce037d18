import { fork, type ChildProcess } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { createSilentLog, migrate, platformMigrations, type Database } from "#platform";
import { exchangeMigrations } from "#exchange-nodes";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { reconcileFeed } from "../../../server/compose/reconcile.ts";
import { freePorts } from "../../support/engines/engine.ts";
import { cityOffice, dropSlots, newGrant, until } from "../../support/exchange/exchange-city.ts";
import { openTableExchange, type TableExchange } from "../../support/exchange/exchange-kernel.ts";
import type { ProcessReady, ProcessRole } from "../../support/exchange/exchange-process.ts";
import { announceGrant, tableCatalogSql } from "../../support/exchange/table-catalog.ts";

/** Two gateways on one database, and two departments' nodes whose connections go to one and the other in turn. */
const items: DataItem[] = [
  { name: "编号", field: "person_no", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
];
const entry = { id: "entry_people", code: "33A001/000001", title: "人员", organisationId: "org_provider", state: "published", items };
const script = fileURLToPath(new URL("../../support/exchange/exchange-process.ts", import.meta.url));
const log = createSilentLog();
const made: TestDatabase[] = [];
const running = new Map<string, ChildProcess>();

let source: Database;
let target: Database;
let office: TableExchange;
let balancer: Server;
let ports: [number, number];
const taken = [0, 0];
let nodeUrl: string;

async function start(name: string, role: ProcessRole): Promise<ProcessReady> {
  const child = fork(script, [JSON.stringify(role)], { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  running.set(name, child);
  return new Promise((done, fail) => {
    child.once("message", (message) => done(message as ProcessReady));
    child.once("exit", (code, signal) => fail(new Error(`${name} ended before it was ready: ${code ?? signal}`)));
  });
}
async function kill(name: string): Promise<void> {
  const child = running.get(name);
  running.delete(name);
  if (child === undefined || child.exitCode !== null) return;
  const gone = new Promise<void>((done) => child.once("exit", () => done()));
  child.kill("SIGKILL");
  await gone;
}
const startCenter = (at: 0 | 1) => start(`center-${at}`, { role: "center", databaseUrl: made[1]!.url, port: ports[at], logLevel: "silent" });
async function startNode(name: string, organisationId: string, databaseUrl: string, sources: Extract<ProcessRole, { role: "node" }>["sources"]): Promise<string> {
  const { code } = await office.exchange.nodes.createEnrolmentCode(cityOffice, { organisationId, name });
  const ready = await start(name, { role: "node", name, centerUrl: nodeUrl, databaseUrl, sources, targets: {}, enrolmentCode: code, logLevel: "silent" });
  return (ready as { nodeId: string }).nodeId;
}

/** Connection by connection to the next centre that takes it; from then on the two ends live and die together. */
async function balance(): Promise<Server> {
  let turn = 0;
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    const attempt = (left: number) => {
      const at = (turn += 1) % 2;
      let connected = false;
      const center = connect(ports[at]!, "127.0.0.1", () => {
        connected = true;
        taken[at]! += 1;
        client.pipe(center).pipe(client);
      });
      center.on("error", () => center.destroy());
      // Another centre is tried only while nothing of the request was taken: a half-read one would wait there for its other half.
      center.once("close", () => (connected || left === 0 || client.destroyed ? client.destroySoon() : attempt(left - 1)));
      client.once("close", () => center.destroySoon());
    };
    attempt(1);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

const write = (sql: string, values: unknown[] = []) => source.withTransaction((tx) => tx.query(sql, values));
const wanted = async () => JSON.stringify((await source.read((reader) => reader.query("select person_no, name from public.people order by person_no"))).rows);
const landed = async (table: string) => JSON.stringify((await target.read((reader) => reader.query(`select person_no, name from landing."${table}" order by person_no`))).rows);

beforeAll(async () => {
  for (let count = 0; count < 4; count += 1) made.push(await createTestDatabase());
  const [sourceBase, centerBase, providerBase, subscriberBase] = made as [TestDatabase, TestDatabase, TestDatabase, TestDatabase];
  source = sourceBase.database;
  target = subscriberBase.database;
  await write("create table public.people (person_no text primary key, name text)");
  await write("insert into public.people select 'P' || lpad(n::text, 5, '0'), '王小' || n from generate_series(1, 200) as n");
  await migrate(centerBase.database, [platformMigrations, exchangeMigrations]);
  await centerBase.database.withTransaction((tx) => tx.query(tableCatalogSql));
  office = await openTableExchange({ databaseUrl: centerBase.url, log });
  ports = (await freePorts(2)) as [number, number];
  await Promise.all([startCenter(0), startCenter(1)]);
  balancer = await balance();
  nodeUrl = `http://127.0.0.1:${(balancer.address() as { port: number }).port}`;
  const providerId = await startNode("provider", "org_provider", providerBase.url, [{ name: "main", kind: "postgres-direct", url: sourceBase.url }]);
  await startNode("subscriber", "org_consumer", subscriberBase.url, []);
  await office.kernel.database.withTransaction((tx) => tx.query("insert into test_catalog.entry (id, document) values ($1, $2)", [entry.id, JSON.stringify(entry)]));
  await until("the source schema", async () => (await office.exchange.nodes.sourceSchemas(cityOffice, providerId)).length > 0);
  await office.exchange.bindings.bindEntry(cityOffice, { entryId: entry.id, nodeId: providerId, sourceName: "main", relation: "public.people" });
}, 120_000);

afterAll(async () => {
  for (const name of running.keys()) await kill(name);
  await office?.close();
  await dropSlots(source);
  balancer?.close();
  for (const one of made) await one.drop();
}, 60_000);

async function flowOf(id: string) {
  await announceGrant(office.kernel, "grant.issued", newGrant(id, entry));
  await until("the first load", async () => {
    const feed = await office.exchange.feeds.findByGrant(cityOffice, id);
    if (!feed) return false;
    const { rows } = await target.read((reader) => reader.query<{ state: string }>("select state from exchange_target.feed where feed_id = $1", [feed.id])).catch(() => ({ rows: [] }));
    return rows[0]?.state === "current";
  }, 90_000, 100);
  return (await office.exchange.feeds.findByGrant(cityOffice, id))!;
}
const countOf = async (sql: string, values: unknown[] = []) => (await office.kernel.database.read((reader) => reader.query<{ count: number }>(sql, values))).rows[0]!.count;

test("work that both centres see at once is done by one of them: each grant becomes one feed, by one transition", async () => {
  const ids = Array.from({ length: 12 }, (_, at) => `grant_many_${at}`);
  await Promise.all(ids.map((id) => announceGrant(office.kernel, "grant.issued", newGrant(id, entry))));
  await until("every feed flows", async () => (await countOf("select count(*) from exchange.feed where grant_id = any($1) and state = 'flowing'", [ids])) === ids.length, 60_000, 100);
  expect(await countOf("select count(*) from exchange.feed where grant_id = any($1)", [ids])).toBe(ids.length);
  expect(await countOf("select count(*) from exchange.feed_transition t join exchange.feed f on f.id = t.feed_id where f.grant_id = any($1) and t.change = 'provision'", [ids])).toBe(ids.length);
  await Promise.all(ids.map((id) => announceGrant(office.kernel, "grant.revoking", newGrant(id, entry, { version: 2, state: "revoking" }))));
  await until("and every one stops", async () => (await countOf("select count(*) from exchange.feed where grant_id = any($1) and state = 'stopped'", [ids])) === ids.length, 90_000, 100);
}, 180_000);

test("batches go in and out through either gateway, and whichever is killed, nothing is lost or doubled", async () => {
  const feed = await flowOf("grant_1");
  const table = feed.target!.table;
  expect(await landed(table)).toBe(await wanted());
  let changing = true;
  const writer = (async () => {
    for (let n = 0; changing; n += 1) {
      await write("insert into public.people values ($1, $2) on conflict (person_no) do update set name = excluded.name", [`K${String(n % 150).padStart(5, "0")}`, `改${n}`]);
      if (n % 7 === 0) await write("delete from public.people where person_no = $1", [`K${String((n * 31) % 150).padStart(5, "0")}`]);
    }
  })();
  const head = async () => (await office.exchange.feedLog.head(feed.id)).sequence;
  try {
    for (const at of [0, 1, 0, 1] as const) {
      await kill(`center-${at}`);
      const before = await head();
      // Connections to the killed one break at once: no time limit of a request has a part in it.
      await until("the other takes what comes", async () => (await head()) > before + 2, 45_000, 100);
      await startCenter(at);
    }
  } finally {
    changing = false;
    await writer;
  }
  await until("source and target are equal", async () => (await landed(table)) === (await wanted()), 90_000, 100);
  const outcome = await reconcileFeed({ exchange: office.exchange, actor: cityOffice, feedId: feed.id, repair: false, timeoutMs: 60_000 });
  expect(outcome).toMatchObject({ differing: 0, differedFirst: 0, rowsTarget: outcome.rowsSource });
  expect(Math.min(...taken), "connections that each gateway took").toBeGreaterThan(3);
  // What only one may do at a time goes on as well: every minute's root of evidence is stamped once.
  expect(await countOf("select count(*) from (select number from exchange.evidence_root group by previous_root, number having count(*) > 1) doubled")).toBe(0);
}, 420_000);
