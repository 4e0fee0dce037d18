import { createServer } from "node:http";
import { createYoga } from "graphql-yoga";
import { addCatalogTypes, createCatalogTokeniser, type IndexSearchRequest } from "#catalog";
import { createSchemaBuilder } from "#platform";
import { parseQuery } from "../../catalog/search/text/query-terms.ts";
import { searchStatement } from "../../catalog/search/postgres/search.ts";
import { findServing, tablesOf } from "../../catalog/search/postgres/generations.ts";
import { allFacets } from "./questions.ts";
import { benchActor, openBenchCatalog } from "./open-bench-catalog.ts";

/**
 * The server process of the benchmark: the whole catalog schema behind yoga at /graphql, a schema of one field at
 * /hello, and at /raw the index's own SQL statement behind bare node:http, as little as can stand between them.
 */
const url = process.argv[2]!;
const catalog = await openBenchCatalog(url);
const builder = createSchemaBuilder();
addCatalogTypes(builder, catalog);
const context = { actor: benchActor, correlationId: "bench" };
const yoga = createYoga({ schema: builder.toSchema(), context: () => context, logging: false, graphqlEndpoint: "/graphql" });

const bare = createSchemaBuilder();
bare.queryFields((t) => ({ hello: t.string({ resolve: () => "hello" }) }));
bare.mutationFields((t) => ({ nothing: t.boolean({ resolve: () => true }) }));
bare.subscriptionFields((t) => ({ nothing: t.boolean({ subscribe: async function* () { yield true; }, resolve: (value) => value }) }));
const hello = createYoga({ schema: bare.toSchema(), context: () => context, logging: false, graphqlEndpoint: "/hello" });

const { database, access } = catalog.kernel;
const tables = tablesOf((await database.read(findServing))!);
const tokeniser = createCatalogTokeniser();
const statements = new Map<string, { text: string; values: unknown[] }>();
/** Words are cut and SQL is written once per question: the baseline is the database and HTTP alone. */
function statementOf(text: string, facets: boolean) {
  const key = `${facets} ${text}`;
  let statement = statements.get(key);
  if (!statement) {
    const terms = parseQuery(tokeniser, text);
    const request: IndexSearchRequest = { terms, required: terms.terms.map((_, at) => at), filters: { values: {} }, sort: "relevance", first: 20, facets: facets ? allFacets : [], today: Math.floor(catalog.kernel.clock.now().getTime() / 86_400_000) };
    statements.set(key, (statement = searchStatement(access, tables, benchActor, request)));
  }
  return statement;
}

const server = createServer((request, response) => {
  if (request.url!.startsWith("/graphql")) return void yoga(request, response);
  if (request.url!.startsWith("/hello")) return void hello(request, response);
  const asked = new URL(request.url!, "http://bench");
  const { text, values } = statementOf(asked.searchParams.get("text")!, asked.searchParams.has("facets"));
  database.read((reader) => reader.query(text, values)).then(
    ({ rows }) => response.setHeader("content-type", "application/json").end(JSON.stringify(rows)),
    (error: Error) => response.writeHead(500).end(error.message),
  );
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  void database.close().then(() => process.exit(0));
});
