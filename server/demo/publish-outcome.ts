import { createDatabase, quoteIdentifier, type EmbeddedPostgres, type Log } from "#platform";
import { themeCodeOf, type CatalogEntry } from "#standards";
import type { CenterServices } from "../compose/center.ts";
import { addDays } from "../sample-city/calendar-months.ts";
import { cityEntries } from "../sample-city/city-entries.ts";
import type { Step } from "./account.ts";
import type { Cast } from "./cast.ts";
import { awaitDelivery, collectFeeds, officeNode, until } from "./connect-nodes.ts";
import { registerContents } from "./register-entries.ts";

export interface PublishedOutcome {
  entries: number;
  items: number;
  rows: number;
}

/**
 * What the city data office itself holds is listed like everybody else's: both bases and the outcome of the check. The
 * benefit department asks for the outcome, and gets it as a feed into its own node's database.
 */
export async function publishOutcome({ services, server, cast, nodeIds, asOf, log, step }: { services: CenterServices; server: EmbeddedPostgres; cast: Cast; nodeIds: Map<string, string>; asOf: string; log: Log; step: Step }): Promise<PublishedOutcome> {
  const { catalog, exchange } = services;
  const { office } = cast;
  const contents: CatalogEntry[] = cityEntries.map((entry) => ({ ...entry.content, themeCodes: [themeCodeOf(entry.theme)!] }));
  const entries = await registerContents(catalog, cast, { organisationId: office.organisation.id, cataloguer: office.cataloguer, approver: office.approver, contents });

  const nodeId = nodeIds.get(officeNode)!;
  await until("the city's own tables", async () => {
    const schema = (await exchange.nodes.sourceSchemas(office.operator, nodeId)).find((candidate) => candidate.sourceName === "city");
    return cityEntries.every((entry) => schema?.relations.some((relation) => relation.relation === entry.relation));
  });
  const bound = new Set((await exchange.bindings.list(office.operator, { nodeId, limit: 100 })).map((binding) => binding.entryId));
  for (const { content, relation } of cityEntries) {
    const entry = entries.get(content.title)!;
    if (!bound.has(entry.id)) await exchange.bindings.bindEntry(office.operator, { entryId: entry.id, nodeId, sourceName: "city", relation });
  }

  const outcome = entries.get(cityEntries.find((entry) => entry.isOutcome)!.content.title)!;
  const benefits = cast.departments.get("laodong")!;
  const { requests, reviews, grants } = catalog.sharing;
  let request = (await requests.list(benefits.cataloguer, { entryId: outcome.id }, { first: 10 })).rows.find((candidate) => candidate.consumerOrganisationId === benefits.organisation.id);
  request ??= await requests.createDraft(benefits.cataloguer, {
    entryId: outcome.id,
    legalBasis: "《社会保险经办条例》第二十五条、第二十六条",
    purpose: "依核实结果办理失业保险待遇",
    scene: "经办机构依据核实结论作出待遇决定",
    fields: (outcome.content.items ?? []).map((item) => item.field),
    deliveryMode: "feed",
    frequency: "realtime",
    validFrom: asOf,
    validUntil: addDays(asOf, 365),
  });
  if (request.state === "draft") request = await requests.submit(benefits.cataloguer, request.id);
  if (request.state === "submitted") request = await requests.approveInternally(benefits.approver, request.id);
  if (request.state === "under-review") request = await reviews.giveOpinion(office.approver, request.id, { opinion: "agree" });
  const grant = (await grants.list(benefits.cataloguer, { requestId: request.id }, { first: 1 })).rows[0];
  if (!grant) throw new Error(`The request ${request.number} for the outcome of the check stands in state ${request.state}`);

  const [delivered] = await collectFeeds({ services, cast, granted: [{ flow: { consumer: { department: "laodong" }, entry: "city.unemployment_outcome" }, grant }] });
  const { target } = delivered!;
  await awaitDelivery({ services, server, cast, delivered: [delivered!], log, step });

  // The feed is live: wait until the last outcome that was written has come through.
  const own = createDatabase({ url: server.url("city"), log, maxConnections: 1 });
  const theirs = createDatabase({ url: server.url("node_laodong"), log, maxConnections: 1 });
  try {
    const count = async (database: typeof own, table: string) => (await database.read((reader) => reader.query<{ count: number }>(`select count(*) as count from ${table}`))).rows[0]!.count;
    const written = await count(own, "apps.unemployment_outcome");
    const rows = await until("the outcome", async () => {
      const arrived = await count(theirs, `${quoteIdentifier(target.schema)}.${quoteIdentifier(target.table)}`);
      return arrived === written ? { arrived } : undefined;
    });
    return { entries: entries.size, items: cityEntries.reduce((sum, entry) => sum + (entry.content.items?.length ?? 0), 0), rows: rows.arrived };
  } finally {
    await own.close();
    await theirs.close();
  }
}
