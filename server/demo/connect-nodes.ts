import { setTimeout as pause } from "node:timers/promises";
import { createDatabase, eachAtOnce, migrate, quoteIdentifier, UnavailableError, type EmbeddedPostgres, type Log } from "#platform";
import { nodeMigrations, type ExchangeNodeProcess, type Feed, type FeedTarget } from "#exchange-nodes";
import type { CenterServices } from "../compose/center.ts";
import { createDepartmentNode } from "../compose/node.ts";
import type { SampleDepartment } from "../sample-city/city-definition.ts";
import type { sampleConsumers } from "../sample-city/flows.ts";
import { departmentPublication, readerRole } from "../sample-city/source-databases.ts";
import type { Step } from "./account.ts";
import type { Cast } from "./cast.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { Registered } from "./register-entries.ts";
import type { GrantedFlow } from "./request-grants.ts";

/** A flow with the feed that carries it and the table that it ends in. */
export interface DeliveredFlow extends GrantedFlow {
  feed: Feed;
  target: FeedTarget;
  /** The database that holds the target. */
  databaseName: string;
}

export interface ConnectNodesOptions {
  services: CenterServices;
  centerUrl: string;
  server: EmbeddedPostgres;
  cast: Cast;
  departments: readonly SampleDepartment[];
  directory: DataDirectory;
  log: Log;
  step: Step;
}

/** The city data office's own node, which receives for the bases and the check and publishes the outcome. */
export const officeNode = "office";

const nodeTemplate = "node_template";

/** Every node's database is a copy of one that is migrated: 29 migrations become one. */
async function prepareTemplate(server: EmbeddedPostgres, log: Log): Promise<void> {
  await server.ensureDatabase(nodeTemplate);
  const database = createDatabase({ url: server.url(nodeTemplate), log, maxConnections: 1 });
  try {
    await migrate(database, [nodeMigrations]);
  } finally {
    await database.close();
  }
}

/** Enrols and starts a node for every department and one for the city data office; their ids by key. */
export async function connectNodes(options: ConnectNodesOptions): Promise<{ nodes: Map<string, ExchangeNodeProcess>; nodeIds: Map<string, string> }> {
  const { services, server, cast, departments, directory, log, step } = options;
  const { exchange } = services;
  const { administrator } = cast.office;
  await prepareTemplate(server, log);
  const known = await exchange.nodes.list(administrator, { limit: 200 });
  const nodes = new Map<string, ExchangeNodeProcess>();
  const nodeIds = new Map<string, string>();

  async function connect(key: string, organisationId: string, sources: Parameters<typeof createDepartmentNode>[0]["sources"], targets: Record<string, string>): Promise<void> {
    const name = `node_${key}`;
    await server.ensureDatabase(name, nodeTemplate);
    const found = known.find((node) => node.name === name);
    const code = found?.state === "enrolled" ? undefined : (await exchange.nodes.createEnrolmentCode(administrator, { organisationId, name })).code;
    const node = createDepartmentNode({ name, centerUrl: options.centerUrl, databaseUrl: server.url(name), log, sources, targets, ...(code === undefined ? {} : { enrolmentCode: code }) });
    await node.start();
    nodes.set(key, node);
    nodeIds.set(key, node.status().nodeId!);
    step.progress(nodes.size, departments.length + 1, name);
  }

  async function connectDepartment({ key, entries }: SampleDepartment): Promise<void> {
    const readerUrl = new URL(server.url(`source_${key}`));
    readerUrl.username = readerRole;
    readerUrl.password = directory.facts.readerPassword;
    const url = readerUrl.toString();
    await connect(
      key,
      cast.departments.get(key)!.organisation.id,
      [
        { name: "business", kind: "postgres-direct", url, description: "业务数据库,逻辑复制", options: { publicationName: departmentPublication } },
        { name: "bridge", kind: "postgres-bridge", url, description: "业务数据库,经前置库" },
        ...(entries.some((entry) => entry.mode === "file-drop") ? [{ name: "files", kind: "file-drop" as const, folder: directory.path(`drops/${key}`), description: "文件交换目录" }] : []),
      ],
      {},
    );
  }
  await eachAtOnce(departments, 4, connectDepartment);
  await connect(officeNode, cast.office.organisation.id, [{ name: "city", kind: "postgres-direct", url: server.url("city"), description: "基础数据库和协同应用" }], { city: server.url("city") });
  return { nodes, nodeIds };
}

const sourceOf = { "postgres-direct": "business", "postgres-bridge": "bridge", "file-drop": "files" } as const;

/** 挂接: every entry to its table, once the node has reported what its sources look like. */
export async function bindEntries({ services, cast, registered, nodeIds, step }: { services: CenterServices; cast: Cast; registered: Registered; nodeIds: Map<string, string>; step: Step }): Promise<void> {
  const { bindings, nodes } = services.exchange;
  let done = 0;
  await eachAtOnce(cast.departments, 4, async ([department, people]) => {
    const nodeId = nodeIds.get(department)!;
    const mine = [...registered.values()].filter(({ sample }) => sample.department === department);
    const needed = new Set(mine.map(({ sample }) => sourceOf[sample.mode]));
    await until(`the sources of ${department}`, async () => {
      const schemas = await nodes.sourceSchemas(people.operator, nodeId);
      return [...needed].every((name) => schemas.some((schema) => schema.sourceName === name));
    });
    const bound = new Set((await bindings.list(people.operator, { nodeId, limit: 1_000 })).map((binding) => binding.entryId));
    for (const { entry, sample } of mine) {
      if (!bound.has(entry.id)) {
        await bindings.bindEntry(people.operator, {
          entryId: entry.id,
          nodeId,
          sourceName: sourceOf[sample.mode],
          relation: sample.mode === "file-drop" ? `${sample.table}*.csv` : `public.${sample.table}`,
          // The files' headers are the items' names.
          ...(sample.mode === "file-drop" ? { columns: Object.fromEntries((entry.content.items ?? []).map((item) => [item.field, item.name])) } : {}),
          ...(sample.updateTimeColumn === undefined ? {} : { updateTimeColumn: sample.updateTimeColumn }),
        });
      }
      step.progress((done += 1), registered.size, sample.content.title);
    }
  });
}

/** In the city's database each consumer has a schema of its own, with a table for each entry that it was granted. */
const schemaOf = (consumer: keyof typeof sampleConsumers) => `landing_${consumer.replace("-", "_")}`;

/** Says, before anything is granted, to which node and database each application's data goes. */
export async function routeApplications({ services, cast, nodeIds }: { services: CenterServices; cast: Cast; nodeIds: Map<string, string> }): Promise<void> {
  for (const [consumer, application] of cast.applications) {
    await services.exchange.bindings.setRoute(cast.office.administrator, {
      consumerOrganisationId: cast.office.organisation.id,
      applicationId: application.id,
      nodeId: nodeIds.get(officeNode)!,
      target: { name: "city", schema: schemaOf(consumer), trackChanges: true },
    });
  }
}

/** The feed of each grant, once the centre has made it and knows where it goes. */
export async function collectFeeds({ services, cast, granted }: { services: CenterServices; cast: Cast; granted: readonly GrantedFlow[] }): Promise<DeliveredFlow[]> {
  const { feeds } = services.exchange;
  const delivered: DeliveredFlow[] = [];
  for (const { flow, grant } of granted) {
    const { feed, target } = await until(`the feed of ${flow.entry}`, async () => {
      const found = await feeds.findByGrant(cast.office.administrator, grant.id);
      return found?.target && { feed: found, target: found.target };
    });
    delivered.push({ flow, grant, feed, target, databaseName: typeof flow.consumer === "string" ? "city" : `node_${flow.consumer.department}` });
  }
  return delivered;
}

export interface Delivery {
  feeds: number;
  rowsSent: number;
  rowsApplied: number;
  parked: number;
}

/** Waits until everything that the sources hold has arrived: each feed's generation is in place and nothing is under way. */
export async function awaitDelivery({ services, server, cast, delivered, log, step }: { services: CenterServices; server: EmbeddedPostgres; cast: Cast; delivered: readonly DeliveredFlow[]; log: Log; step: Step }): Promise<Delivery> {
  const { feeds, feedLog } = services.exchange;
  const ids = delivered.map(({ feed }) => feed.id);
  const titles = new Map(delivered.map(({ feed, flow }) => [feed.id, flow.entry]));
  return until(
    "the data",
    async () => {
      let arrived = 0;
      let rowsSent = 0;
      let parked = 0;
      let waiting = "";
      for (let from = 0; from < ids.length; from += 100) {
        for (const feed of await feeds.list(cast.office.administrator, { feedIds: ids.slice(from, from + 100) }, { limit: 100 })) {
          rowsSent += feed.rowsSent;
          parked += feed.providerHealth?.parkedRows ?? 0;
          if (feed.state === "failed" || (feed.state === "paused" && feed.reason)) throw new UnavailableError(`Feed of ${titles.get(feed.id)} is ${feed.state}: ${feed.reason?.message ?? ""}`, { zh: feed.reason?.zh ?? "" });
          const head = await feedLog.head(feed.id);
          const subscriber = feed.subscriberHealth;
          const current = subscriber?.state === "current" && subscriber.generation === feed.generation && subscriber.sequence === head.sequence;
          const provided = feed.providerHealth?.state === "live" && feed.providerHealth.sequence === head.sequence;
          if (current && provided) arrived += 1;
          else waiting ||= titles.get(feed.id) ?? "";
        }
      }
      step.progress(arrived, ids.length, `${rowsSent.toLocaleString("en")} rows ${waiting}`);
      return arrived === ids.length ? { feeds: ids.length, rowsSent, rowsApplied: await countApplied(server, delivered, log), parked } : undefined;
    },
    600_000,
  );
}

/** Rows that stand in the targets, counted there. */
async function countApplied(server: EmbeddedPostgres, delivered: readonly DeliveredFlow[], log: Log): Promise<number> {
  let total = 0;
  for (const name of new Set(delivered.map((each) => each.databaseName))) {
    const database = createDatabase({ url: server.url(name), log, maxConnections: 1 });
    try {
      for (const { target } of delivered.filter((each) => each.databaseName === name)) {
        const { rows } = await database.read((reader) => reader.query<{ count: number }>(`select count(*) as count from ${quoteIdentifier(target.schema)}.${quoteIdentifier(target.table)}`));
        total += rows[0]!.count;
      }
    } finally {
      await database.close();
    }
  }
  return total;
}

/** Looks again until there is an answer; gives up with a sentence about what it waited for. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs = 120_000): Promise<T> {
  const started = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - started > timeoutMs) throw new UnavailableError(`Waited ${Math.round(timeoutMs / 1_000)} s for ${what} in vain`, { zh: `等待超时:${what}`, nextStep: "Start again: it goes on from where it stands. The log says what is slow." });
    await pause(100);
  }
}
