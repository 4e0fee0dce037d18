import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ExcelJS from "exceljs";
import iconv from "iconv-lite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMetrics, createSilentLog, newId } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { cityOffice, items, newGrant, providerOperator, startExchange, type TestExchange } from "../../center/exchange.fixture.ts";
import { createNode, type ExchangeNodeProcess } from "../node.ts";
import type { NodeProvider } from "../provider-port.ts";
import type { SourceConfig, SourceOptions } from "./context.ts";
import { createProvider } from "./provider.ts";

/** From a department's database through node, gateway and subscriber, over HTTP, by each way of capture. */
let exchange: TestExchange;
let subscriber: Awaited<ReturnType<TestExchange["startSubscriber"]>>;
let count = 0;

beforeAll(async () => {
  exchange = await startExchange();
  subscriber = await exchange.startSubscriber("民政局前置机");
});
afterAll(() => exchange.stop());

/** Looks again until it holds; long enough for a machine that does much else. */
async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

interface Provided {
  source: TestDatabase;
  feedId: string;
  table: string;
  provider(): NodeProvider;
  /** Rows at the subscriber, as JSON. */
  target(): Promise<string>;
  expected(): Promise<string>;
  equal(): Promise<boolean>;
  change(sql: string): Promise<unknown>;
  /** Throws at the next passing of a step. */
  breakAt(point: string): void;
  broken(): boolean;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const number = (n: number) => `33010619900101${String(n).padStart(4, "0")}`;

async function provide(config: Omit<SourceConfig, "name" | "url">, options: { /** An account that may only select. */ selectOnly?: boolean; relation?: string; updateTimeColumn?: string; rows?: number; columns?: Record<string, string>; binding?: { mode: "upsert" } } = {}): Promise<Provided> {
  count += 1;
  const source = await createTestDatabase();
  await source.database.withTransaction(async (tx) => {
    await tx.query("create table people (citizen_number text primary key, name text, amount numeric(12,2), changed_at timestamptz default clock_timestamp())");
    await tx.query("insert into people select '33010619900101' || lpad(n::text, 4, '0'), '人' || n, n from generate_series(1, $1::integer) n", [options.rows ?? 300]);
  });
  const own = await createTestDatabase();
  const url = new URL(source.url);
  if (options.selectOnly) {
    await source.database.withTransaction(async (tx) => {
      await tx.query(`create role ${source.name} login password 'reader-only-1'`);
      await tx.query(`grant select on all tables in schema public to ${source.name}`);
    });
    url.username = source.name;
    url.password = "reader-only-1";
  }
  const sources: SourceConfig[] = [{ name: "main", url: url.toString(), ...config, options: { pollMs: 50, sweepMs: 300, lingerMs: 5, ...config.options } }];
  const name = `数源单位${count}`;
  const { code } = await exchange.center.nodes.createEnrolmentCode(cityOffice, { organisationId: "org_provider", name });
  let provider: NodeProvider | undefined;
  let faultAt: string | undefined;
  let broken = false;
  const make = (): ExchangeNodeProcess =>
    createNode({
      config: { name, softwareVersion: "0.1.0", center: { url: exchange.url }, databaseUrl: own.url, enrolmentCode: code, sources: [{ name: "main", kind: config.kind }], heartbeatMs: 200 },
      log: createSilentLog(),
      createProvider: ({ client, database, nodeId, key, clock, log }) => {
        provider = createProvider({
          nodeDatabase: database, gateway: client, nodeId, signingKey: key, sources, clock, log, newId, metrics: createMetrics(),
          fault: (point) => {
            if (point !== faultAt) return;
            faultAt = undefined;
            broken = true;
            throw new Error(`fault at ${point}`);
          },
        });
        return provider;
      },
    });
  let node = make();
  await node.start();
  const nodeId = node.status().nodeId!;
  await eventually(async () => (await exchange.center.nodes.sourceSchemas(providerOperator, nodeId)).length > 0, "schemas reported");
  const entryId = `entry_p${count}`;
  exchange.entries.set(entryId, { id: entryId, code: `33A007/1${String(count).padStart(5, "0")}`, title: "待遇", organisationId: "org_provider", state: "published", items: items.map((item) => ({ ...item, ...(item.field === "citizen_number" ? { required: true } : {}) })) });
  await exchange.center.bindings.bindEntry(providerOperator, { entryId, nodeId, sourceName: "main", relation: options.relation ?? "public.people", ...(options.updateTimeColumn === undefined ? {} : { updateTimeColumn: options.updateTimeColumn }), ...(options.columns === undefined ? {} : { columns: options.columns }), ...(options.binding === undefined ? {} : { options: options.binding }) });
  const grant = newGrant(`grant_p${count}`, { entryId });
  await exchange.announce("grant.issued", grant);
  await exchange.center.settle();
  const feed = (await exchange.center.feeds.findByGrant(cityOffice, grant.id))!;
  const { schema, table } = feed.target!;
  const list = "select coalesce(json_agg(json_build_array(citizen_number, name, amount::numeric::text) order by citizen_number), '[]')::text as rows";
  const read = async (from: TestDatabase, relation: string) => {
    const there = await from.database.read((reader) => reader.query<{ there: boolean }>("select to_regclass($1) is not null as there", [relation]));
    if (!there.rows[0]!.there) return "absent";
    return (await from.database.read((reader) => reader.query<{ rows: string }>(`${list} from ${relation}`))).rows[0]!.rows;
  };
  const self: Provided = {
    source,
    feedId: feed.id,
    table,
    provider: () => provider!,
    target: () => read(subscriber.database, `"${schema}"."${table}"`),
    expected: () => read(source, "public.people"),
    equal: async () => (await self.target()) === (await self.expected()),
    change: (sql) => source.database.withTransaction((tx) => tx.query(sql)),
    breakAt: (point) => {
      broken = false;
      faultAt = point;
    },
    broken: () => broken,
    async restart() {
      await node.stop();
      node = make();
      await node.start();
    },
    async stop() {
      await node.stop();
      await own.drop();
      if (options.selectOnly) await source.database.withTransaction((tx) => tx.query(`drop owned by ${source.name}; drop role ${source.name}`));
      await source.drop();
    },
  };
  return self;
}

const ways: { name: string; kind: SourceConfig["kind"]; options?: SourceOptions; updateTimeColumn?: string; points: string[] }[] = [
  { name: "a replication slot", kind: "postgres-direct", options: { capture: "slot" }, points: ["commit.before", "commit.after", "send.after", "confirm.before"] },
  { name: "update times", kind: "postgres-direct", options: { capture: "poll", pollOverlapMs: 2_000 }, updateTimeColumn: "changed_at", points: ["front.merge", "commit.before", "commit.after"] },
  { name: "comparison", kind: "postgres-direct", options: { capture: "compare" }, points: ["front.merge", "front.compared"] },
  { name: "the bridge", kind: "postgres-bridge", points: ["commit.before", "send.before"] },
];

describe.each(ways)("capture by $name", ({ kind, options, updateTimeColumn, points }) => {
  test("a snapshot beside writers, then inserts, updates and deletes, with a fault at each step and a restart, ends equal to the source", { timeout: 300_000 }, async () => {
    const provided = await provide({ kind, ...(options ? { options } : {}) }, updateTimeColumn === undefined ? {} : { updateTimeColumn });
    const touch = updateTimeColumn === undefined ? "" : ", changed_at = clock_timestamp()";
    try {
      for (let round = 0; round < 20; round += 1) {
        await provided.change(`update people set amount = amount + 0.25${touch} where right(citizen_number, 1) = '${round % 10}'`);
        await provided.change(`insert into people (citizen_number, name, amount) values ('${number(5_000 + round)}', '新', ${round})`);
        if (round % 3 === 0) await provided.change(`delete from people where citizen_number = '${number(10 + round)}'`);
      }
      await eventually(provided.equal, "equal after the snapshot");
      for (const [index, point] of points.entries()) {
        provided.breakAt(point);
        await provided.change(`update people set name = '改${index}'${touch} where right(citizen_number, 2) = '1${index}'`);
        await provided.change(`delete from people where citizen_number = '${number(100 + index)}'`);
        await eventually(async () => provided.broken(), `the fault at ${point} happens`);
        await eventually(provided.equal, `equal after a fault at ${point}`);
      }
      await provided.restart();
      await provided.change(`insert into people (citizen_number, name, amount) values ('${number(7_000)}', '重启后', 1)`);
      await provided.change(`delete from people where citizen_number = '${number(200)}'`);
      await eventually(provided.equal, "equal after a restart");
      await eventually(async () => provided.provider().health().feeds[0]?.state === "live", "health says live");
      expect(provided.provider().health().sources).toMatchObject([{ name: "main", ok: true }]);
    } finally {
      await provided.stop();
    }
  });
});

test("a row that fails its checks is parked, is overtaken by its correction, and can be discarded", { timeout: 200_000 }, async () => {
  const provided = await provide({ kind: "postgres-bridge" }, { rows: 5 });
  try {
    await eventually(provided.equal, "equal");
    await provided.change(`insert into people (citizen_number, name, amount) values ('${number(900)}', repeat('长', 60), 1), ('${number(901)}', repeat('长', 60), 1)`);
    await eventually(async () => provided.provider().health().feeds[0]?.parkedRows === 2, "two parked");
    expect(await provided.provider().command({ id: "command_1", feedId: provided.feedId, kind: "replay-parked" })).toMatchObject({ ok: true, rows: 0 });
    await provided.change(`update people set name = '短' where citizen_number = '${number(900)}'`);
    await eventually(async () => provided.provider().health().feeds[0]?.parkedRows === 1, "one overtaken");
    expect(await provided.provider().command({ id: "command_2", feedId: provided.feedId, kind: "discard-parked" })).toMatchObject({ ok: true, rows: 1 });
    await provided.change(`delete from people where citizen_number = '${number(901)}'`);
    await eventually(provided.equal, "equal again");
  } finally {
    await provided.stop();
  }
});

test("a source that gives no slot is read instead", { timeout: 200_000 }, async () => {
  const provided = await provide({ kind: "postgres-direct", options: { capture: "auto" } }, { rows: 20, selectOnly: true });
  try {
    await eventually(provided.equal, "equal");
    await provided.change(`delete from people where citizen_number = '${number(3)}'`);
    await eventually(provided.equal, "equal after a deletion");
    const { rows } = await provided.source.database.read((reader) => reader.query("select 1 from pg_replication_slots where database = current_database()"));
    expect(rows).toEqual([]);
  } finally {
    await provided.stop();
  }
});

describe("a drop folder", () => {
  const csv = (rows: readonly (readonly string[])[]) => [["身份证号", "姓名", "金额"], ...rows].map((row) => row.join(",")).join("\r\n");

  test("takes GB18030 and UTF-8 files as replacements, refuses a bad one whole with a report, and survives a fault between taking and moving", { timeout: 200_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "zt-drop-"));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "people_01.csv"), iconv.encode(csv([[number(1), "龚䶮", "1.50"], [number(2), "王五", ""]]), "gb18030"));
    const provided = await provide({ kind: "file-drop", folder, options: { pollMs: 30 } }, { relation: "people*.csv", columns: { citizen_number: "身份证号", name: "姓名", amount: "金额" } });
    const rows = async () => JSON.parse((await provided.target()).replace("absent", "null")) as unknown;
    const holds = (expected: unknown) => async () => JSON.stringify(await rows()) === JSON.stringify(expected);
    try {
      await eventually(holds([[number(1), "龚䶮", "1.50"], [number(2), "王五", null]]), "the first file");
      await writeFile(join(folder, "people_02.csv"), csv([[number(3), "甲", "1"], [number(3), "乙", "2"], ["", "丙", "3"]]));
      await eventually(() => access(join(folder, "failed", "people_02.csv")).then(() => true, () => false), "refused");
      expect(await readFile(join(folder, "failed", "people_02.csv.report.txt"), "utf8")).toMatch(/row 3 has the key of row 2[\s\S]*row 4 has no key/);
      expect(await rows()).toHaveLength(2);
      provided.breakAt("file.taken");
      await writeFile(join(folder, "people_03.csv"), csv([[number(2), "王五", "7.00"], [number(4), "赵六", "9.00"]]));
      await eventually(holds([[number(2), "王五", "7.00"], [number(4), "赵六", "9.00"]]), "replaced");
      expect(provided.broken()).toBe(true);
      await eventually(async () => (await readdir(join(folder, "done"))).length === 2, "moved after the fault");
      expect(await readdir(folder)).toEqual(["done", "failed"]);
    } finally {
      await provided.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("workbooks that add and change rows by key leave the others, whatever the order of their columns", { timeout: 200_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "zt-drop-"));
    async function drop(name: string, rows: string[][]): Promise<void> {
      const book = new ExcelJS.Workbook();
      book.addWorksheet("人员").addRows(rows);
      await writeFile(join(folder, `.${name}.part`), Buffer.from(await book.xlsx.writeBuffer()));
      await rename(join(folder, `.${name}.part`), join(folder, name));
    }
    await drop("people_01.xlsx", [["金额", "身份证号", "姓名"], ["1.50", number(1), "甲"], ["2.00", number(2), "乙"]]);
    const provided = await provide({ kind: "file-drop", folder, options: { pollMs: 30 } }, { relation: "people*.xlsx", columns: { citizen_number: "身份证号", name: "姓名", amount: "金额" }, binding: { mode: "upsert" } });
    const holds = (expected: unknown) => async () => (await provided.target()) !== "absent" && JSON.stringify(JSON.parse(await provided.target())) === JSON.stringify(expected);
    try {
      await eventually(holds([[number(1), "甲", "1.50"], [number(2), "乙", "2.00"]]), "the first workbook");
      await drop("people_02.xlsx", [["身份证号", "姓名", "金额"], [number(2), "乙", "7.00"], [number(3), "丙", "3.00"]]);
      await eventually(holds([[number(1), "甲", "1.50"], [number(2), "乙", "7.00"], [number(3), "丙", "3.00"]]), "the second workbook");
      await writeFile(join(folder, "people_03.xlsx"), "not a workbook");
      await eventually(() => access(join(folder, "failed", "people_03.xlsx.report.txt")).then(() => true, () => false), "refused");
      expect(await provided.target()).toContain(number(3));
    } finally {
      await provided.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
