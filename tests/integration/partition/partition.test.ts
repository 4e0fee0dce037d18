import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataItem, Grant } from "#standards";
import { createSilentLog, quoteIdentifier, type Database } from "#platform";
import { verifyFeedEvidence, type Feed } from "#exchange-nodes";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { reconcileFeed } from "../../../server/compose/reconcile.ts";
import { cityOffice, dropSlots, newGrant, startExchangeCity, until, type ExchangeCity, type NodePlace } from "../../support/exchange/exchange-city.ts";
import { createNetworkNamespace, establishedTo, forward, networkNamespacesWork, type NetworkLink, type NetworkNamespace } from "../../support/network-namespace.ts";

/**
 * Two departments' nodes in networks of their own, each with one line to the centre and another to its databases. The
 * lines to the centre lose every packet, silently, as a firewall or a broken route does: nobody is told.
 */
const items: DataItem[] = [
  { name: "编号", field: "person_no", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
];
const entry = { id: "entry_people", code: "33A001/000001", title: "人员", organisationId: "org_provider", state: "published", items };
const possible = await networkNamespacesWork();

describe.skipIf(!possible)("a partition between the centre and departments' nodes", () => {
  const made: TestDatabase[] = [];
  const networks: NetworkNamespace[] = [];
  const forwarders: { close(): Promise<void> }[] = [];
  let source: Database;
  let target: Database;
  let providerBase: Database;
  let city: ExchangeCity;
  let providerLine: NetworkLink;
  let subscriberLine: NetworkLink;
  let kept: Feed;
  let revoked: Feed;

  const write = (sql: string, values: unknown[] = []) => source.withTransaction((tx) => tx.query(sql, values));
  const wanted = async () => JSON.stringify((await source.read((reader) => reader.query("select person_no, name from public.people order by person_no"))).rows);
  const landed = async (feed: Feed) => JSON.stringify((await target.read((reader) => reader.query(`select person_no, name from landing.${quoteIdentifier(feed.target!.table)} order by person_no`))).rows);
  const health = async (name: "provider" | "subscriber") => (await city.exchange.nodes.get(cityOffice, city.nodeId(name))).health;
  const headOf = async (feed: Feed) => (await city.exchange.feedLog.head(feed.id)).sequence;
  /** What the provider's node knows to be at the centre. */
  const acknowledged = async (feed: Feed) => (await providerBase.read((reader) => reader.query<{ sequence: number }>("select acked_sequence as sequence from node.feed where feed_id = $1", [feed.id]))).rows[0]!.sequence;
  const confirmedBy = async (grantId: string) => (await city.kernel.database.read((reader) => reader.query<{ party: string }>("select party from test_catalog.confirmation where grant_id = $1 order by party", [grantId]))).rows.map(({ party }) => party);
  const grantState = async (id: string) => (await city.kernel.database.read((reader) => reader.query<{ document: Grant }>("select document from test_catalog.granted where id = $1", [id]))).rows[0]!.document.state;

  /** A network with a line to the centre and one to the department's databases, and their addresses from there. */
  async function department(): Promise<{ line: NetworkLink; place: NodePlace; from(url: string): string }> {
    const network = await createNetworkNamespace();
    networks.push(network);
    const line = await network.link();
    const { hostAddress } = await network.link();
    const server = new URL(made[0]!.url);
    const forwarder = await forward({ host: hostAddress }, { host: server.hostname, port: Number(server.port || 5432) });
    forwarders.push(forwarder);
    return {
      line,
      place: { command: network.command, centerHost: line.hostAddress },
      from(url) {
        const there = new URL(url);
        there.hostname = hostAddress;
        there.port = String(forwarder.port);
        return there.toString();
      },
    };
  }

  async function flowOf(id: string): Promise<Feed> {
    await city.announce("grant.issued", newGrant(id, entry));
    let feed: Feed | undefined;
    await until(`the first load of ${id}`, async () => {
      feed = await city.exchange.feeds.findByGrant(cityOffice, id);
      return feed?.target !== undefined && (await landed(feed).catch(() => "")) === (await wanted());
    }, 90_000, 50);
    return feed!;
  }

  beforeAll(async () => {
    for (let count = 0; count < 4; count += 1) made.push(await createTestDatabase());
    const [sourceBase, centerBase, provider, subscriber] = made as [TestDatabase, TestDatabase, TestDatabase, TestDatabase];
    source = sourceBase.database;
    target = subscriber.database;
    providerBase = provider.database;
    await write("create table public.people (person_no text primary key, name text)");
    await write("insert into public.people select 'P' || lpad(n::text, 5, '0'), '王小' || n from generate_series(1, 300) as n");
    const [providing, subscribing] = [await department(), await department()];
    providerLine = providing.line;
    subscriberLine = subscribing.line;
    city = await startExchangeCity({
      centerDatabaseUrl: centerBase.url,
      providerDatabaseUrl: providing.from(provider.url),
      subscriberDatabaseUrl: subscribing.from(subscriber.url),
      sources: [{ name: "main", kind: "postgres-direct", url: providing.from(sourceBase.url) }],
      places: { provider: providing.place, subscriber: subscribing.place },
      log: createSilentLog(),
    });
    await city.addEntry(entry, "public.people");
    [kept, revoked] = await Promise.all([flowOf("grant_kept"), flowOf("grant_revoked")]);
  }, 180_000);

  afterAll(async () => {
    await city?.end();
    for (const forwarder of forwarders) await forwarder.close();
    for (const network of networks) await network.remove();
    await dropSlots(source);
    for (const one of made) await one.drop();
  }, 60_000);

  let turn = 0;
  const change = async () => {
    turn += 1;
    await write("insert into public.people values ($1, $2) on conflict (person_no) do update set name = excluded.name", [`K${String(turn % 40).padStart(5, "0")}`, `改${turn}`]);
    if (turn % 7 === 0) await write("delete from public.people where person_no = $1", [`P${String(turn).padStart(5, "0")}`]);
  };
  const centerPort = () => Number(new URL(city.centerUrl()).port);
  const lines = (name: "provider" | "subscriber") => establishedTo(city[name].pid(), centerPort());

  let lastBefore = 0;

  test("answers that are lost leave a batch at the centre of which its node does not know", async () => {
    expect(await health("provider")).toBe("ok");
    await change();
    await providerLine.lose("in");
    await until("the centre has more than the node knows", async () => {
      await change();
      return (await headOf(kept)) > (await acknowledged(kept));
    }, 60_000, 20);
  });

  test("while both nodes are cut off the centre shows them as silent, a revoked grant is not confirmed, and requests under way are given up", async () => {
    const opened = { provider: lines("provider"), subscriber: lines("subscriber") };
    expect(opened.provider.length).toBeGreaterThan(0);
    expect(opened.subscriber.length).toBeGreaterThan(0);
    await Promise.all([providerLine.lose("out", "in"), subscriberLine.lose("out", "in")]);
    await city.announce("grant.revoking", newGrant("grant_revoked", entry, { version: 2, state: "revoking" }));
    await until("the gateway has stopped", async () => (await confirmedBy("grant_revoked")).includes("gateway"), 30_000);
    lastBefore = await headOf(revoked);
    await write("insert into public.people values ('Z00001', '撤销之后')");
    // No request waits longer than 35 s for an answer that does not come; 70 s is for a machine that does much else.
    await until("every connection of before is given up", async () => {
      await change();
      return (["provider", "subscriber"] as const).every((name) => !lines(name).some((line) => opened[name].includes(line)));
    }, 70_000, 200);
    await until("both are silent", async () => (await health("provider")) === "silent" && (await health("subscriber")) === "silent", 60_000, 200);
    expect(await headOf(kept), "batches that the node sends again").toBeGreaterThan(await acknowledged(kept));
    expect(await confirmedBy("grant_revoked")).toEqual(["gateway"]);
    expect(await grantState("grant_revoked")).toBe("revoking");
  }, 180_000);

  test("the provider's line heals: its batches come, none twice, and the revocation waits for the subscriber alone", async () => {
    const before = await headOf(kept);
    await providerLine.heal();
    await until("the feed goes on", async () => (await headOf(kept)) > before && (await acknowledged(kept)) >= before, 30_000, 20);
    await until("the provider has stopped", async () => (await confirmedBy("grant_revoked")).includes("provider"), 30_000, 20);
    await until("the provider is heard of", async () => (await health("provider")) !== "silent", 30_000, 20);
    expect(await confirmedBy("grant_revoked")).toEqual(["gateway", "provider"]);
    expect(await grantState("grant_revoked")).toBe("revoking");
  }, 120_000);

  test("the subscriber's line heals: the grant is revoked, and source and target of the other are equal without anybody's help", async () => {
    await change();
    await subscriberLine.heal();
    await until("source and target are equal", async () => (await landed(kept)) === (await wanted()), 30_000, 50);
    await until("the grant is revoked", async () => (await grantState("grant_revoked")) === "revoked", 30_000, 20);
    await until("both are well", async () => (await health("provider")) === "ok" && (await health("subscriber")) === "ok", 30_000, 20);

    expect(await city.exchange.feeds.get(cityOffice, kept.id)).toMatchObject({ state: "flowing", generation: kept.generation });
    const outcome = await reconcileFeed({ exchange: city.exchange, actor: cityOffice, feedId: kept.id, repair: false, timeoutMs: 60_000 });
    expect(outcome).toMatchObject({ differing: 0, differedFirst: 0, rowsTarget: outcome.rowsSource });

    const accounted = async (feed: Feed) => (await city.kernel.database.read((reader) => reader.query<{ sequence: number }>("select sequence from exchange.batch_evidence where feed_id = $1 order by sequence", [feed.id]))).rows.map(({ sequence }) => sequence);
    for (const feed of [kept, revoked]) {
      const head = await headOf(feed);
      await until("every batch is in the evidence", async () => (await accounted(feed)).length >= head, 30_000, 50);
      expect(await accounted(feed)).toEqual(Array.from({ length: head }, (_, at) => at + 1));
      expect(await verifyFeedEvidence(city.exchange.evidence.exportFeed(cityOffice, feed.id))).toMatchObject({ intact: true, batches: head });
    }
  }, 180_000);

  test("no row of after the revocation went to anybody", async () => {
    expect(await headOf(revoked)).toBe(lastBefore);
    const there = await landed(revoked).catch(() => "");
    expect(there).not.toContain("Z00001");
    expect(await wanted()).toContain("Z00001");
    expect(await landed(kept)).toContain("Z00001");
  });
});
