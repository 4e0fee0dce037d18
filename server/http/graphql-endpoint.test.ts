import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { anonymousActor, createMetrics, createSilentLog, type GraphqlContext } from "#platform";
import { registerGraphqlEndpoint } from "./graphql-endpoint.ts";
import { createHttpServer } from "./http-server.ts";

const address = { type: GraphQLString, resolve: (_: unknown, __: unknown, context: unknown) => (context as GraphqlContext).actor.sourceAddress };
const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: "Query", fields: { address } }) });
const stops: (() => Promise<unknown>)[] = [];
let behindBalancer: string;
let alone: string;

async function listen(trustedProxies: string[] | undefined): Promise<string> {
  const log = createSilentLog();
  const metrics = createMetrics();
  const trusted = trustedProxies === undefined ? {} : { trustedProxies };
  const app = await createHttpServer({ log, metrics, requestsPerMinute: 1_000, bodyLimitBytes: 100_000, readiness: {}, ...trusted });
  const endpoint = registerGraphqlEndpoint(app, { schema, log, metrics, explorer: false, actorOf: async ({ sourceAddress, correlationId }) => ({ ...anonymousActor, sourceAddress, correlationId }), ...trusted });
  await app.listen({ host: "127.0.0.1", port: 0 });
  stops.push(async () => (await app.close(), await endpoint.stop()));
  return `127.0.0.1:${(app.server.address() as { port: number }).port}`;
}

beforeAll(async () => {
  behindBalancer = await listen(["127.0.0.1", "10.9.0.0/16"]);
  alone = await listen(undefined);
});
afterAll(async () => {
  for (const stop of stops) await stop();
});

const forwarded = (chain: string) => ({ "x-forwarded-for": chain });

async function overWebSocket(at: string, headers: Record<string, string>, localAddress = "127.0.0.1"): Promise<unknown> {
  const client = createClient({
    url: `ws://${at}/graphql`,
    retryAttempts: 0,
    webSocketImpl: class extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, { headers, localAddress });
      }
    },
  });
  try {
    return (await client.iterate({ query: "{ address }" }).next()).value?.data?.address;
  } finally {
    await client.dispose();
  }
}
async function overHttp(at: string, headers: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`http://${at}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ query: "{ address }" }) });
  return ((await answer.json()) as { data: { address: string } }).data.address;
}

test("a WebSocket caller behind a trusted balancer has the caller's address, as a caller by HTTP has", async () => {
  for (const ask of [overHttp, overWebSocket]) {
    expect(await ask(behindBalancer, forwarded("203.0.113.9"))).toBe("203.0.113.9");
    expect(await ask(behindBalancer, forwarded("203.0.113.9, 10.9.3.4")), "two balancers in a row").toBe("203.0.113.9");
    expect(await ask(behindBalancer, {})).toBe("127.0.0.1");
  }
});

test("an address that somebody wrote who is not trusted is not believed", async () => {
  for (const ask of [overHttp, overWebSocket]) {
    expect(await ask(behindBalancer, forwarded("198.51.100.1, 203.0.113.9")), "written before the balancer's").toBe("203.0.113.9");
    expect(await ask(alone, forwarded("203.0.113.9"))).toBe("127.0.0.1");
  }
  expect(await overWebSocket(behindBalancer, forwarded("203.0.113.9"), "127.0.0.2")).toBe("127.0.0.2");
});
