import { createClient } from "graphql-ws";
import { Agent, fetch as undiciFetch } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket, type ClientOptions } from "ws";
import { centerMigrations, cityMigrations } from "#server";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { startBalancer, type TestBalancer } from "../../support/balancer.ts";
import { freePorts } from "../../support/engines/engine.ts";
import { until } from "../../support/exchange/exchange-city.ts";
import { contentOf } from "../access-matrix/matrix-city.ts";
import { createCenterProcess, runZhengtong, type CenterProcess } from "./center-process.ts";

/** Two centres as they run, each a process of its own on the same databases, and the balancer before them. */
const password = "Chu-Chu 2026 Hangzhou!";
const requestsPerMinute = 400;
let center: TestDatabase;
let city: TestDatabase;
let environment: Record<string, string>;
let a: CenterProcess;
let b: CenterProcess;
let balancer: TestBalancer | undefined;
let administrator: string;
let cataloguer: string;
let office: string;

type Answer<T> = { data: T; errors?: { message: string; extensions: { code: string } }[] };

async function ask<T>(url: string, token: string | undefined, query: string, variables: Record<string, unknown> = {}): Promise<Answer<T>> {
  const secure = url.startsWith("https:");
  const dispatcher = secure ? new Agent({ connect: { ca: balancer!.ca } }) : undefined;
  const answer = await undiciFetch(`${url}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }, body: JSON.stringify({ query, variables }), ...(dispatcher === undefined ? {} : { dispatcher }) });
  const body = (await answer.json()) as Answer<T>;
  await dispatcher?.close();
  return body;
}

const login = async (url: string, username: string, secret = password) => (await ask<{ login: { data?: { token: string }; message?: string } }>(url, undefined, "mutation($username: String!, $password: String!) { login(username: $username, password: $password) { ... on MutationLoginSuccess { data { token } } ... on Refusal { message } } }", { username, password: secret })).data.login;
const whoAmI = (url: string, token: string) => ask<{ me: { name: string } }>(url, token, "{ me { name } }");
const createEntry = async (url: string, mark: string) => (await ask<{ createEntry: { data?: { id: string }; message?: string } }>(url, cataloguer, "mutation($content: JSON!, $organisationId: ID!) { createEntry(content: $content, organisationId: $organisationId) { ... on MutationCreateEntrySuccess { data { id } } ... on Refusal { message } } }", { content: contentOf(mark, "unconditional", true, []), organisationId: office })).data.createEntry.data!.id;
const searched = async (url: string, text: string) => (await ask<{ searchEntries: { totalCount: number } }>(url, cataloguer, "query($text: String) { searchEntries(text: $text, first: 5) { totalCount } }", { text })).data?.searchEntries.totalCount;

/** The next event of a subscription by server-sent events; `ready` once the server has begun to answer. */
function subscribe(url: string, token: string, query: string, dispatcher?: Agent) {
  const abort = new AbortController();
  const opened = undiciFetch(`${url}/graphql`, { method: "POST", signal: abort.signal, headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}` }, body: JSON.stringify({ query }), ...(dispatcher === undefined ? {} : { dispatcher }) });
  async function next(): Promise<Record<string, unknown>> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of (await opened).body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const data = /^data: (\{.*\})$/m.exec(text)?.[1];
      if (data !== undefined) return JSON.parse(data) as Record<string, unknown>;
    }
    throw new Error(`the stream ended: ${text}`);
  }
  return { opened, next, stop: () => abort.abort() };
}

beforeAll(async () => {
  center = await createTestDatabase(centerMigrations);
  city = await createTestDatabase(cityMigrations);
  environment = { DATABASE_URL: center.url, ZHENGTONG_CITY_DATABASE_URL: city.url, ZHENGTONG_REQUESTS_PER_MINUTE: String(requestsPerMinute), ZHENGTONG_TRUSTED_PROXIES: "127.0.0.1" };
  const made = await runZhengtong(["bootstrap", "--office", "杭州市数据资源管理局", "--region", "330100", "--user", "first.administrator"], { ...environment, ZHENGTONG_PASSWORD: password });
  if (made.code !== 0) throw new Error(made.err);
  const [one, other] = (await freePorts(2)) as [number, number];
  a = createCenterProcess(one, environment);
  b = createCenterProcess(other, environment);
  await a.start();
  await b.start();
  balancer = await startBalancer([a.url, b.url]);
  administrator = (await login(a.url, "first.administrator")).data!.token;
  office = (await ask<{ me: { organisation: { id: string } } }>(a.url, administrator, "{ me { organisation { id } } }")).data.me.organisation.id;
  const user = await ask<{ createUser: { data?: { id: string }; message?: string } }>(a.url, administrator, "mutation($input: NewUserInput!) { createUser(input: $input) { ... on MutationCreateUserSuccess { data { id } } ... on Refusal { message } } }", { input: { username: "some.cataloguer", displayName: "编目员", organisationId: office, roles: ["CATALOGUER"], password: `${password}2` } });
  if (user.errors || user.data.createUser.message) throw new Error(JSON.stringify(user));
  cataloguer = (await login(b.url, "some.cataloguer", `${password}2`)).data!.token;
}, 240_000);

afterAll(async () => {
  await balancer?.stop();
  await a?.kill();
  await b?.kill();
  await center?.drop();
  await city?.drop();
});

test("the first administrator is made once", async () => {
  const again = await runZhengtong(["bootstrap", "--office", "杭州市数据资源管理局", "--region", "330100", "--user", "second.administrator"], { ...environment, ZHENGTONG_PASSWORD: password });
  expect(again.code).toBe(1);
  expect(again.err).toContain("主管部门已有管理员");
});

test("a code for a node is printed by command, and names what is missing", async () => {
  const made = await runZhengtong(["enrol", "node_data", "--organisation", "杭州市数据资源管理局"], environment);
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^([0-9A-Z]{5}-){4}[0-9A-F]+\n$/) });
  const unknown = await runZhengtong(["enrol", "node_data", "--organisation", "没有的局"], environment);
  expect(unknown).toMatchObject({ code: 1, out: "" });
  expect(unknown.err).toContain("没有名为");
});

test("a session made at one centre works at the other, and its end counts at both", async () => {
  const { data } = await login(a.url, "first.administrator");
  expect((await whoAmI(b.url, data!.token)).data.me.name).toBe("first.administrator");
  await ask(b.url, data!.token, "mutation { logout { ... on MutationLogoutSuccess { data } ... on Refusal { message } } }");
  expect((await whoAmI(a.url, data!.token)).errors?.[0]?.extensions.code).toBe("Authentication");
});

test("a subscription at one centre sees what is done through the other", async () => {
  const events = subscribe(b.url, cataloguer, "subscription { catalogChanged { kind entryId } }");
  expect((await events.opened).status).toBe(200);
  const next = events.next();
  const entryId = await createEntry(a.url, "甲");
  expect(await next).toEqual({ data: { catalogChanged: { kind: "entry.created", entryId } } });
  events.stop();
});

test("each change is taken into the index by one of the centres, and found through both", async () => {
  const documents = async () => {
    const counts = await Promise.all([a, b].map(async ({ url }) => Number(/^zhengtong_catalog_index_documents_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1])));
    return counts[0]! + counts[1]!;
  };
  await until("the index has what was made before", async () => (await searched(a.url, "甲登记信息")) === 1, 60_000, 200);
  const before = await documents();
  for (const [at, mark] of ["乙", "丙", "丁", "戊", "己", "庚"].entries()) await createEntry((at % 2 === 0 ? a : b).url, mark);
  for (const { url } of [a, b]) for (const mark of ["乙", "庚"]) await until(`${mark} is found`, async () => (await searched(url, `${mark}登记信息`))! >= 1, 60_000, 200);
  await until("all six were counted", async () => (await documents()) - before >= 6, 20_000, 200);
  expect((await documents()) - before).toBe(6);
});

test("requests are limited by each centre for itself: what one refuses another still takes", async () => {
  const answers = await Promise.all(Array.from({ length: requestsPerMinute + 20 }, () => fetch(`${a.url}/nothing-here`, { headers: { "x-forwarded-for": "203.0.113.9" } }).then(({ status }) => status)));
  expect(answers.filter((status) => status === 429).length).toBeGreaterThanOrEqual(20);
  expect((await fetch(`${b.url}/nothing-here`, { headers: { "x-forwarded-for": "203.0.113.9" } })).status).toBe(404);
  expect((await fetch(`${a.url}/nothing-here`, { headers: { "x-forwarded-for": "203.0.113.10" } })).status, "another address").toBe(404);
});

test("through the balancer calls, server-sent events and WebSocket reach the centres, and what is for the inside does not", async (context) => {
  if (!balancer) return context.skip();
  const { url, ca } = balancer;
  expect((await whoAmI(url, administrator)).data.me.name).toBe("first.administrator");
  const dispatcher = new Agent({ connect: { ca } });
  for (const path of ["/metrics", "/readyz"]) expect((await undiciFetch(`${url}${path}`, { dispatcher })).status, path).toBe(404);
  expect((await undiciFetch(`${url}/healthz`, { dispatcher })).status).toBe(200);

  const events = subscribe(url, cataloguer, "subscription { catalogChanged { kind } }", dispatcher);
  expect((await events.opened).status).toBe(200);
  const next = events.next();
  const socket = createClient({
    url: `${url.replace("https", "wss")}/graphql`,
    connectionParams: { token: cataloguer },
    retryAttempts: 0,
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols, { ca });
      }
    },
  });
  const overSocket = socket.iterate({ query: "subscription { catalogChanged { kind } }" });
  const received = overSocket.next();
  await until("both have been told", async () => {
    await createEntry(url, "辛");
    return Promise.race([Promise.all([next, received]).then(() => true), new Promise<boolean>((done) => setTimeout(done, 1_000, false))]);
  }, 30_000);
  expect(await next).toEqual({ data: { catalogChanged: { kind: "entry.created" } } });
  expect((await received).value).toEqual({ data: { catalogChanged: { kind: "entry.created" } } });
  events.stop();
  await socket.dispose();
  await dispatcher.destroy();
});

test("what is done over WebSocket is audited with the caller's address: through the balancer, and not one that the caller made up", async (context) => {
  if (!balancer) return context.skip();
  const { url, ca } = balancer;
  async function createOver(socketUrl: string, options: ClientOptions, mark: string): Promise<string | null> {
    const client = createClient({
      url: `${socketUrl}/graphql`,
      connectionParams: { token: cataloguer },
      retryAttempts: 0,
      webSocketImpl: class extends WebSocket {
        constructor(address: string, protocols?: string | string[]) {
          super(address, protocols, options);
        }
      },
    });
    const made = (await client.iterate<{ createEntry: { data: { id: string } } }>({ query: "mutation($content: JSON!, $organisationId: ID!) { createEntry(content: $content, organisationId: $organisationId) { ... on MutationCreateEntrySuccess { data { id } } } }", variables: { content: contentOf(mark, "unconditional", true, []), organisationId: office } }).next()).value;
    await client.dispose();
    const { rows } = await center.database.read((reader) => reader.query<{ source_address: string | null }>("select source_address from platform.audit_log where object_id = $1", [made!.data!.createEntry.data.id]));
    expect(rows).toHaveLength(1);
    return rows[0]!.source_address;
  }
  expect(await createOver(url.replace("https", "wss"), { ca, localAddress: "127.0.0.2", headers: { "x-forwarded-for": "203.0.113.9" } }, "子")).toBe("127.0.0.2");
  expect(await createOver(b.url.replace("http", "ws"), { localAddress: "127.0.0.3", headers: { "x-forwarded-for": "203.0.113.9" } }, "丑")).toBe("127.0.0.3");
});

test("with one centre killed the other goes on alone: calls, sessions, subscriptions and the index", async () => {
  await a.kill();
  expect((await whoAmI(b.url, administrator)).data.me.name).toBe("first.administrator");
  const events = subscribe(b.url, cataloguer, "subscription { catalogChanged { kind } }");
  await events.opened;
  const next = events.next();
  await createEntry(b.url, "壬");
  expect(await next).toEqual({ data: { catalogChanged: { kind: "entry.created" } } });
  events.stop();
  await until("it is found", async () => (await searched(b.url, "壬登记信息"))! >= 1, 60_000, 200);
  if (balancer) for (let call = 0; call < 20; call += 1) expect((await whoAmI(balancer.url, administrator)).data.me.name).toBe("first.administrator");
  await a.start();
  expect((await whoAmI(a.url, administrator)).data.me.name).toBe("first.administrator");
}, 180_000);

test("a newer version may change the schema beside running centres; after a breaking change they are not ready, and none of the old version starts", async () => {
  const apply = (number: number, breaking: boolean) => center.database.withTransaction((tx) => tx.query("insert into zhengtong_meta.migration (schema_name, number, name, checksum, breaking) values ('catalog', $1, 'of-the-next-version', 'x', $2)", [number, breaking]));
  await apply(98, false);
  await a.kill();
  await a.start();
  expect((await fetch(`${b.url}/readyz`)).status).toBe(200);

  await apply(99, true);
  const readiness = await fetch(`${b.url}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.text()).toContain("catalog/99-of-the-next-version");
  const [port] = (await freePorts(1)) as [number];
  const refused = await runZhengtong(["center"], { ...environment, ZHENGTONG_PORT: String(port), ZHENGTONG_LOG_LEVEL: "error" });
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("by newer software; this version cannot use it");
  expect(refused.err).toContain("已由更新版本升级");
}, 180_000);
