import { InputError, NotFoundError, systemActor, type Actor, type Kernel, type Transaction } from "#platform";
import type { EntryBinding, SourceSchemaReport } from "../../protocol/assignments.ts";
import type { ExchangeCatalog } from "../catalog-port.ts";
import { createEffects, writeEffects, type Effects } from "../effects.ts";
import { findDrift, type Binding } from "../model/binding.ts";
import { findBinding, listBindings, writeBinding, writeRoute, type Route } from "../repositories/bindings.ts";
import { listFeedsOfEntry } from "../repositories/feeds.ts";
import { findNode, listSourceSchemas, writeSourceSchema } from "../repositories/nodes.ts";
import type { FeedLifecycle } from "./feed-lifecycle.ts";

export interface BindEntryInput extends Omit<EntryBinding, "kind" | "options" | "columns"> {
  entryId: string;
  nodeId: string;
  /** Item field → column; fields that are left out are columns of the same name. */
  columns?: Record<string, string>;
  options?: Record<string, unknown>;
}

export interface RouteInput extends Omit<Route, "id"> {}

export interface BindingService {
  /** 挂接. Checks against the schema that the node reported; @throws InputError with every item that does not fit. */
  bindEntry(actor: Actor, input: BindEntryInput): Promise<Binding>;
  find(actor: Actor, entryId: string): Promise<Binding | undefined>;
  list(actor: Actor, filter: { nodeId?: string; entryIds?: readonly string[]; drifted?: boolean; afterEntryId?: string; limit: number }): Promise<Binding[]>;
  /** Sets where grants of a consumer (all, one application's, one) are delivered to. */
  setRoute(actor: Actor, input: RouteInput): Promise<Route>;
  /** `actor` is the node: stores what its sources look like and checks the bindings to them again. */
  reportSourceSchemas(actor: Actor, reports: readonly SourceSchemaReport[]): Promise<void>;
  /** Checks an entry's binding again, after the entry changed. */
  recheck(tx: Transaction, entryId: string, effects: Effects): Promise<void>;
}

const bindingColumns: Record<string, string> = { organisationId: "organisation_id" };

export function createBindingService({ kernel, catalog, lifecycle }: { kernel: Kernel; catalog: ExchangeCatalog; lifecycle: FeedLifecycle }): BindingService {
  const { database, access, clock, newId } = kernel;

  async function reconcileEntry(tx: Transaction, entryId: string, effects: Effects): Promise<void> {
    for (const feed of await listFeedsOfEntry(tx, entryId)) await lifecycle.reconcile(tx, systemActor("exchange"), feed.grantId, clock.now(), effects);
  }

  async function checkDrift(tx: Transaction, binding: Binding, effects: Effects): Promise<void> {
    const entry = await catalog.findEntry(tx, binding.entryId);
    const schema = (await listSourceSchemas(tx, binding.nodeId, binding.sourceName))[0];
    if (!entry || !schema) return;
    const drift = findDrift(entry.items, binding, schema.relations.find((relation) => relation.relation === binding.relation));
    const state = drift.some((finding) => finding.breaking) ? ("drifted" as const) : ("bound" as const);
    if (JSON.stringify(drift) === JSON.stringify(binding.drift) && state === binding.state) return;
    await writeBinding(tx, { ...binding, drift, state });
    if (state !== binding.state) {
      effects.events.push({ subjectType: "entry", subjectId: binding.entryId, kind: state === "drifted" ? "entry.drifted" : "entry.bound", organisationId: binding.organisationId, payload: { entryId: binding.entryId, nodeId: binding.nodeId, relation: binding.relation, findings: drift.map(({ code, field }) => ({ code, field })) } });
      effects.audits.push({ action: state === "drifted" ? "binding.drift" : "binding.fits-again", objectType: "entry", objectId: binding.entryId, detail: { relation: binding.relation, findings: drift.length } });
      await reconcileEntry(tx, binding.entryId, effects);
    }
  }

  return {
    async bindEntry(actor, input) {
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const entry = await catalog.findEntry(tx, input.entryId);
        if (!entry) throw new NotFoundError(`No entry ${input.entryId} that you may see`, { zh: "目录条目不存在或无权查看", code: "entry.not-found" });
        access.assert(actor, "binding", "bind", { id: input.entryId, organisationId: entry.organisationId } as { id: string });
        const node = await findNode(tx, input.nodeId);
        if (!node || (node.organisationId !== entry.organisationId && !access.allows(actor, "node", "see", node))) throw new NotFoundError(`No node ${input.nodeId} that you may see`, { zh: "节点不存在或无权查看", code: "node.not-found" });
        if (node.state !== "enrolled") throw new InputError(`Node ${node.name} is ${node.state}`, { zh: `节点“${node.name}”未处于已注册状态`, code: "binding.node-state" });
        const schema = (await listSourceSchemas(tx, node.id, input.sourceName))[0];
        if (!schema) throw new InputError(`Node ${node.name} has not reported a source ${input.sourceName}`, { zh: `节点“${node.name}”没有上报数据源 ${input.sourceName}`, code: "binding.source", nextStep: "Add the source to the node's configuration, or wait until it has connected." });
        const relation = schema.relations.find((candidate) => candidate.relation === input.relation);
        if (!relation) throw new InputError(`Source ${input.sourceName} has no relation ${input.relation}`, { zh: `数据源 ${input.sourceName} 中没有 ${input.relation}`, code: "binding.relation", nextStep: `It has ${schema.relations.slice(0, 20).map((candidate) => candidate.relation).join(", ")}${schema.relations.length > 20 ? " …" : ""}.` });
        const columns = Object.fromEntries(entry.items.map((item) => [item.field, input.columns?.[item.field] ?? item.field]));
        const candidate = { relation: input.relation, columns, ...(input.updateTimeColumn === undefined ? {} : { updateTimeColumn: input.updateTimeColumn }) };
        const drift = findDrift(entry.items, candidate, relation);
        const breaking = drift.filter((finding) => finding.breaking);
        if (breaking.length > 0) {
          const issues = breaking.map((finding) => ({ path: `/columns/${finding.field}`, code: `binding.${finding.code}`, message: finding.message, zh: finding.zh }));
          throw new InputError(`${input.relation} does not fit the entry in ${breaking.length} place${breaking.length === 1 ? "" : "s"}: ${breaking[0]!.message}`, { zh: `${input.relation} 与目录条目有 ${breaking.length} 处不符:${breaking[0]!.zh}`, code: "binding.misfit", issues, nextStep: "Give the right column for each item, or change the entry's items." });
        }
        const binding: Binding = { entryId: entry.id, organisationId: entry.organisationId, nodeId: node.id, sourceName: input.sourceName, kind: schema.kind, ...candidate, options: input.options ?? {}, state: "bound", drift, boundBy: actor.id, boundAt: clock.now() };
        await writeBinding(tx, binding);
        effects.nodeIds.add(node.id);
        effects.events.push({ subjectType: "entry", subjectId: entry.id, kind: "entry.bound", organisationId: entry.organisationId, payload: { entryId: entry.id, nodeId: node.id, relation: input.relation } });
        effects.audits.push({ action: "entry.bind", objectType: "entry", objectId: entry.id, detail: { nodeId: node.id, source: input.sourceName, relation: input.relation } });
        await reconcileEntry(tx, entry.id, effects);
        await writeEffects(kernel, tx, actor, effects);
        return binding;
      });
    },

    async find(actor, entryId) {
      const binding = await database.read((reader) => findBinding(reader, entryId));
      return binding && access.allows(actor, "binding", "see", { ...binding, id: entryId }) ? binding : undefined;
    },

    async list(actor, filter) {
      return database.read((reader) => listBindings(reader, access.condition(actor, "binding", "see", { column: (field) => bindingColumns[field] ?? field, firstPlaceholder: 7 }), filter));
    },

    async setRoute(actor, input) {
      access.assert(actor, "feed", "route", { id: input.grantId ?? "", consumerOrganisationId: input.consumerOrganisationId } as { id: string });
      for (const [what, name] of [["schema", input.target.schema], ["table", input.target.table]] as const) {
        if (name !== undefined && !/^[a-z_][a-z0-9_]{0,50}$/.test(name)) throw new InputError(`${what} "${name}" is not a plain lower-case name`, { zh: `${what === "schema" ? "模式" : "表"}名“${name}”应为小写字母、数字和下划线`, code: `route.${what}` });
      }
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const node = await findNode(tx, input.nodeId);
        if (!node || node.state === "retired") throw new NotFoundError(`No node ${input.nodeId}`, { zh: "节点不存在", code: "node.not-found" });
        const route: Route = { ...input, id: newId("route") };
        await writeRoute(tx, route);
        effects.audits.push({ action: "feed.route", objectType: "route", objectId: route.id, detail: { consumerOrganisationId: route.consumerOrganisationId, applicationId: route.applicationId, grantId: route.grantId, nodeId: route.nodeId, target: `${route.target.name}:${route.target.schema}` } });
        const { rows } = await tx.query<{ grant_id: string }>("select grant_id from exchange.feed where consumer_organisation_id = $1 and state = 'provisioning'", [route.consumerOrganisationId]);
        for (const { grant_id: grantId } of rows) await lifecycle.reconcile(tx, systemActor("exchange"), grantId, clock.now(), effects);
        await writeEffects(kernel, tx, actor, effects);
        return route;
      });
    },

    async reportSourceSchemas(actor, reports) {
      await database.withTransaction(async (tx) => {
        const effects = createEffects();
        for (const report of reports) {
          if (!(await writeSourceSchema(tx, { ...report, nodeId: actor.id, reportedAt: clock.now() }))) continue;
          const everything = { text: "true", values: [] };
          for (const binding of await listBindings(tx, everything, { nodeId: actor.id, sourceName: report.sourceName, limit: 10_000 })) await checkDrift(tx, binding, effects);
        }
        await writeEffects(kernel, tx, actor, effects);
      });
    },

    async recheck(tx, entryId, effects) {
      const binding = await findBinding(tx, entryId);
      if (binding) await checkDrift(tx, binding, effects);
      await reconcileEntry(tx, entryId, effects);
    },
  };
}
