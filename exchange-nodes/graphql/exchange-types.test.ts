import { graphql, parse, subscribe, type ExecutionResult, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSchemaBuilder, type Actor } from "#platform";
import { application, cityOffice, eventually, newGrant, providerOperator, send, startExchange, stranger, type TestExchange, type TestProvider } from "../center/exchange.fixture.ts";
import { emptyHead } from "../protocol/envelope.ts";
import { addExchangeTypes } from "./exchange-types.ts";

let exchange: TestExchange;
let provider: TestProvider;
let schema: GraphQLSchema;

beforeAll(async () => {
  exchange = await startExchange();
  const builder = createSchemaBuilder();
  addExchangeTypes(builder, exchange.center);
  schema = builder.toSchema();
  provider = await exchange.enrolProvider("人社局前置机");
});
afterAll(() => exchange.stop());

const run = async (actor: Actor, source: string, variableValues: Record<string, unknown> = {}) => JSON.parse(JSON.stringify(await graphql({ schema, source, variableValues, contextValue: { actor, correlationId: "test" } }))) as ExecutionResult<Record<string, never>>;
const follow = async (actor: Actor, source: string) => (await subscribe({ schema, document: parse(source), contextValue: { actor, correlationId: "test" } })) as AsyncGenerator<ExecutionResult<Record<string, unknown>>>;

test("an operator invites a node, binds an entry and sees both; a stranger sees neither", async () => {
  const invited = await run(cityOffice, 'mutation { createEnrolmentCode(organisationId: "org_provider", name: "二号机") { __typename ... on MutationCreateEnrolmentCodeSuccess { data { code } } } }');
  expect(invited).toMatchObject({ data: { createEnrolmentCode: { __typename: "MutationCreateEnrolmentCodeSuccess", data: { code: expect.stringMatching(/^[2-9A-Z]{5}-/) as string } } } });
  const bind = (actor: Actor, columns: object) => run(actor, "mutation ($input: BindEntryInput!) { bindEntry(input: $input) { __typename ... on Refusal { code issues { path zh } } ... on MutationBindEntrySuccess { data { relation drifted sourceKind } } } }", { input: { entryId: "entry_1", nodeId: provider.nodeId, sourceName: "main", relation: "public.people", columns } });
  expect(await bind(providerOperator, { citizen_number: "nope" })).toMatchObject({ data: { bindEntry: { __typename: "Refusal", code: "binding.misfit", issues: [{ path: "/columns/citizen_number" }] } } });
  expect(await bind(providerOperator, { citizen_number: "id_no" })).toMatchObject({ data: { bindEntry: { data: { relation: "public.people", drifted: false, sourceKind: "POSTGRES_DIRECT" } } } });
  const seen = (actor: Actor) => run(actor, "{ exchangeNodes(first: 10) { edges { node { name state capabilities sourceSchemas { sourceName relations { relation columns { name type } } } } } } entryBindings(first: 10) { edges { node { entryId } } } }");
  expect(await seen(providerOperator)).toMatchObject({ data: { exchangeNodes: { edges: [{ node: { name: "二号机", state: "INVITED" } }, { node: { name: "人社局前置机", state: "ENROLLED", sourceSchemas: [{ sourceName: "main" }] } }] }, entryBindings: { edges: [{ node: { entryId: "entry_1" } }] } } });
  expect(await seen(stranger)).toMatchObject({ data: { exchangeNodes: { edges: [] }, entryBindings: { edges: [] } } });
});

test("an application follows its records and goes on behind its cursor; whoever may sees the feed's account", async () => {
  const grant = newGrant("grant_app", { applicationId: "app_1" });
  await exchange.announce("grant.issued", grant);
  await exchange.center.settle();
  const feed = (await exchange.center.feeds.findByGrant(cityOffice, grant.id))!;
  await send(provider, (await provider.assignment(feed.id))!, emptyHead, [["refresh-begin"], ["chunk", [["330106199001010011", "甲", "1.00"], ["330106199001010022", "乙", null]]], ["refresh-end"]]);
  const records = await follow(application, 'subscription { feedRecords(grantId: "grant_app") { operation values cursor } }');
  expect((await records.next()).value).toMatchObject({ data: { feedRecords: { operation: "SNAPSHOT_BEGIN" } } });
  const { value } = await records.next();
  expect(value).toMatchObject({ data: { feedRecords: { operation: "UPSERT", values: { name: "甲", amount: "1.00" } } } });
  await records.return(undefined);
  const cursor = (value as { data: { feedRecords: { cursor: string } } }).data.feedRecords.cursor;
  const resumed = await follow(application, `subscription { feedRecords(grantId: "grant_app", after: "${cursor}") { values } }`);
  expect((await resumed.next()).value).toMatchObject({ data: { feedRecords: { values: { name: "乙", amount: null } } } });
  await resumed.return(undefined);
  const foreign = await follow(stranger, 'subscription { feedRecords(grantId: "grant_app") { values } }');
  expect(await foreign.next().catch((error: unknown) => error)).toMatchObject({ message: expect.stringContaining("No feed") as string });
  await exchange.center.accounting.account(feed.id);
  expect(await run(cityOffice, '{ feeds(filter: { grantId: "grant_app" }) { edges { node { state delivery rowsSent generation metering { rows batches } transitions { change } stop { reason } } } } }')).toMatchObject({ data: { feeds: { edges: [{ node: { state: "FLOWING", delivery: "application", rowsSent: 2, metering: [{ rows: 2, batches: 3 }], transitions: [{ change: "create" }, { change: "provision" }], stop: null } }] } } });
  const paused = await run(providerOperator, "mutation ($id: ID!) { pauseFeed(id: $id, reason: \"维护\") { ... on MutationPauseFeedSuccess { data { state reason { zh } } } } }", { id: feed.id });
  expect(paused).toMatchObject({ data: { pauseFeed: { data: { state: "PAUSED", reason: { zh: "维护" } } } } });
});

test("a change of health is pushed to who may see the node, and to nobody else", async () => {
  const beat = (ok: boolean) => provider.client.heartbeat({ softwareVersion: "1", startedAt: "2026-01-01T00:00:00Z", feeds: [], sources: [{ name: "main", ok }] });
  await beat(true);
  const own = await follow(providerOperator, "subscription { nodeHealth { name health problems { code } } }");
  const other = await follow(stranger, "subscription { nodeHealth { name } }");
  const [next, nothing] = [own.next(), other.next()];
  // The subscription begins at the log's head: what is announced once it listens is seen.
  let seen = false;
  void next.then(() => (seen = true));
  let ok = false;
  await eventually(async () => {
    if (!seen) await beat((ok = !ok));
    return seen;
  }, "health is pushed");
  expect((await next).value).toMatchObject({ data: { nodeHealth: { name: "人社局前置机" } } });
  await own.return(undefined);
  await other.return(undefined);
  expect((await nothing).done).toBe(true);
});
