import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { createSilentLog } from "#platform";
import { createTestDatabase, kafkaBrokers, openEngine, type Engine, type TestDatabase } from "#test-support";
import { newGrant, startExchangeCity, until, type ExchangeCity } from "../../support/exchange/exchange-city.ts";

const possible = (await kafkaBrokers()) !== undefined && process.env.ZHENGTONG_TEST_KAFKA_BROKERS === undefined;
const items: DataItem[] = [
  { name: "编号", field: "id", type: "I", key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
];

describe.skipIf(!possible)("the exchange on Kafka", () => {
  let kafka: Engine;
  let city: ExchangeCity;
  const databases: TestDatabase[] = [];
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    kafka = await openEngine("kafka");
    for (let n = 0; n < 4; n += 1) databases.push(await createTestDatabase());
    const [center, source, providerNode, subscriberNode] = databases;
    for (const database of [source!, subscriberNode!]) {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      clients.push(client);
    }
    await clients[0]!.query("create table public.person (id bigint primary key, name text not null); insert into public.person select n, '人' || n from generate_series(1, 3000) as n");
    city = await startExchangeCity({
      centerDatabaseUrl: center!.url,
      providerDatabaseUrl: providerNode!.url,
      subscriberDatabaseUrl: subscriberNode!.url,
      sources: [{ name: "main", kind: "postgres-direct", url: source!.url }],
      kafka: { connection: { brokers: kafka.url }, topics: { prefix: "exchange" } },
      log: createSilentLog(),
    });
  });
  afterAll(async () => {
    await city?.end();
    for (const client of clients) await client.end();
    for (const database of databases) await database.drop();
    await kafka?.close();
  });

  test("rows reach their subscriber while broker and centre are killed, with zero difference, and no payload lies in PostgreSQL", async () => {
    const [source, target] = clients as [pg.Client, pg.Client];
    const entry = { id: "entry_person", code: "33A001/000001", title: "人员", organisationId: "org_provider", state: "published" as const, items };
    await city.addEntry(entry, "public.person");
    await city.exchange.bindings.setRoute(city.office, { consumerOrganisationId: "org_consumer", grantId: "grant_kafka", nodeId: city.nodeId("subscriber"), target: { name: "default", schema: "landing", table: "person", trackChanges: false } });
    await city.announce("grant.issued", newGrant("grant_kafka", entry));
    const told = async (client: pg.Client, table: string) => (await client.query<{ told: string }>(`select count(*) || ' ' || coalesce(sum(hashtextextended(id || name, 0)), 0) as told from ${table}`).catch(() => ({ rows: [{ told: "" }] }))).rows[0]!.told;
    const same = async () => (await told(source, "public.person")) === (await told(target, "landing.person"));
    await until("the whole load", same, 90_000, 100);

    for (let round = 0; round < 12; round += 1) {
      await source.query("insert into public.person select 3000 + $1 * 100 + n, '新' || n from generate_series(1, 100) as n", [round]);
      await source.query("update public.person set name = name || '改' where id % 12 = $1", [round]);
      await source.query("delete from public.person where id % 100 = $1", [round]);
      if (round === 3) await kafka.kill();
      if (round === 6) await Promise.all([kafka.start(), city.center.kill()]);
      if (round === 8) await city.center.start();
      if (round === 10) await kafka.restart();
    }
    await until("source and target are the same", same, 120_000, 100);
    const { rows } = await databases[0]!.database.read((reader) => reader.query<{ here: string; there: string }>("select count(*) filter (where payload is not null)::text as here, count(*) filter (where record_offset is not null)::text as there from exchange.feed_log"));
    expect(rows[0]!.here).toBe("0");
    expect(Number(rows[0]!.there)).toBeGreaterThan(2);
    const feed = await city.exchange.feeds.findByGrant(city.office, "grant_kafka");
    expect(feed).toMatchObject({ state: "flowing", generation: 1 });
  }, 400_000);
});
