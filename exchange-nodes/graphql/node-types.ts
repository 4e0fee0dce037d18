import { eventChannel, refusals, type ZhengtongSchemaBuilder } from "#platform";
import { sourceKinds } from "#standards";
import type { ExchangeCenter } from "../center/center.ts";
import type { Binding, DriftFinding } from "../center/model/binding.ts";
import type { ExchangeNode, StoredSourceSchema } from "../center/model/node.ts";
import type { Route } from "../center/repositories/bindings.ts";
import type { EnrolmentCode } from "../center/services/node-service.ts";
import type { SourceHealth, SourceRelation } from "../protocol/assignments.ts";
import { cancellable, decodeCursor, followEvents, pageSize, toConnection } from "./values.ts";

/** Nodes with health, what their sources hold, enrolment; bindings with drift; routes. */
export function addNodeTypes(builder: ZhengtongSchemaBuilder, { kernel, nodes, bindings }: ExchangeCenter) {
  const NodeStateEnum = builder.enumType("NodeState", { values: { INVITED: { value: "invited" }, ENROLLED: { value: "enrolled" }, SUSPENDED: { value: "suspended" }, RETIRED: { value: "retired" } } as const });
  const NodeHealthEnum = builder.enumType("NodeHealthState", { values: { UNKNOWN: { value: "unknown" }, OK: { value: "ok" }, DEGRADED: { value: "degraded" }, SILENT: { value: "silent" } } as const });
  const SourceKindEnum = builder.enumType("SourceKind", { values: Object.fromEntries(sourceKinds.map((kind) => [kind.toUpperCase().replaceAll("-", "_"), { value: kind }])) as Record<string, { value: (typeof sourceKinds)[number] }> });

  const Problem = builder.objectRef<{ code: string; message: string; zh: string }>("ExchangeProblem").implement({ fields: (t) => ({ code: t.exposeString("code"), message: t.exposeString("message"), zh: t.exposeString("zh") }) });
  const SourceHealthType = builder.objectRef<SourceHealth>("SourceHealth").implement({
    fields: (t) => ({ name: t.exposeString("name"), ok: t.exposeBoolean("ok"), message: t.exposeString("message", { nullable: true }), retainedBytes: t.float({ nullable: true, description: "Log that the source keeps for the node.", resolve: (source) => source.retainedBytes }) }),
  });
  const SourceColumn = builder.objectRef<SourceRelation["columns"][number]>("SourceColumn").implement({ fields: (t) => ({ name: t.exposeString("name"), type: t.exposeString("type"), nullable: t.exposeBoolean("nullable"), comment: t.exposeString("comment", { nullable: true }) }) });
  const SourceRelationType = builder.objectRef<SourceRelation>("SourceRelation").implement({
    fields: (t) => ({ relation: t.exposeString("relation"), kind: t.exposeString("kind"), primaryKey: t.exposeStringList("primaryKey"), columns: t.field({ type: [SourceColumn], complexity: { field: 1, multiplier: 1 }, resolve: (relation) => relation.columns }), estimatedRows: t.exposeFloat("estimatedRows", { nullable: true }), comment: t.exposeString("comment", { nullable: true }) }),
  });
  const SourceSchema = builder.objectRef<StoredSourceSchema>("SourceSchema").implement({
    description: "What a node's source holds, as the node last reported it.",
    fields: (t) => ({ sourceName: t.exposeString("sourceName"), kind: t.field({ type: SourceKindEnum, resolve: (schema) => schema.kind }), reportedAt: t.field({ type: "DateTime", resolve: (schema) => schema.reportedAt }), relations: t.field({ type: [SourceRelationType], complexity: { field: 1, multiplier: 2 }, resolve: (schema) => schema.relations }) }),
  });

  const NodeType = builder.objectRef<ExchangeNode>("ExchangeNode").implement({
    description: "前置交换节点.",
    fields: (t) => ({
      id: t.exposeID("id"),
      name: t.exposeString("name"),
      organisationId: t.exposeID("organisationId"),
      state: t.field({ type: NodeStateEnum, resolve: (node) => node.state }),
      stateReason: t.exposeString("stateReason", { nullable: true }),
      suite: t.exposeString("suite", { nullable: true }),
      softwareVersion: t.string({ nullable: true, resolve: (node) => node.heartbeat?.softwareVersion ?? node.manifest?.softwareVersion }),
      capabilities: t.stringList({ resolve: (node) => node.manifest?.capabilities ?? [] }),
      enrolledAt: t.field({ type: "DateTime", nullable: true, resolve: (node) => node.enrolledAt }),
      lastSeenAt: t.field({ type: "DateTime", nullable: true, resolve: (node) => node.lastSeenAt }),
      clockSkewMs: t.exposeInt("skewMs", { nullable: true, description: "Positive when the node's clock is ahead." }),
      health: t.field({ type: NodeHealthEnum, resolve: (node) => node.health }),
      problems: t.field({ type: [Problem], complexity: { field: 1, multiplier: 1 }, resolve: (node) => node.healthDetail.problems }),
      sources: t.field({ type: [SourceHealthType], complexity: { field: 1, multiplier: 1 }, resolve: (node) => node.heartbeat?.sources ?? [] }),
      sourceSchemas: t.field({ type: [SourceSchema], complexity: { field: 10, multiplier: 2 }, resolve: (node, _args, { actor }) => nodes.sourceSchemas(actor, node.id) }),
    }),
  });

  const Drift = builder.objectRef<DriftFinding>("DriftFinding").implement({ fields: (t) => ({ field: t.exposeString("field"), column: t.exposeString("column", { nullable: true }), code: t.exposeString("code"), breaking: t.exposeBoolean("breaking"), message: t.exposeString("message"), zh: t.exposeString("zh") }) });
  const BindingType = builder.objectRef<Binding>("EntryBinding").implement({
    description: "挂接: where an entry's rows are.",
    fields: (t) => ({
      entryId: t.exposeID("entryId"),
      nodeId: t.exposeID("nodeId"),
      sourceName: t.exposeString("sourceName"),
      sourceKind: t.field({ type: SourceKindEnum, resolve: (binding) => binding.kind }),
      relation: t.exposeString("relation"),
      columns: t.field({ type: "JSON", description: "Item field → column.", resolve: (binding) => binding.columns }),
      updateTimeColumn: t.exposeString("updateTimeColumn", { nullable: true }),
      drifted: t.boolean({ resolve: (binding) => binding.state === "drifted" }),
      drift: t.field({ type: [Drift], complexity: { field: 1, multiplier: 1 }, resolve: (binding) => binding.drift }),
      boundAt: t.field({ type: "DateTime", resolve: (binding) => binding.boundAt }),
    }),
  });
  const RouteType = builder.objectRef<Route>("FeedRoute").implement({
    description: "Where grants of a consumer are delivered to.",
    fields: (t) => ({
      id: t.exposeID("id"),
      consumerOrganisationId: t.exposeID("consumerOrganisationId"),
      applicationId: t.exposeID("applicationId", { nullable: true }),
      grantId: t.exposeID("grantId", { nullable: true }),
      nodeId: t.exposeID("nodeId"),
      targetName: t.string({ resolve: (route) => route.target.name }),
      schema: t.string({ resolve: (route) => route.target.schema }),
      table: t.string({ nullable: true, resolve: (route) => route.target.table }),
    }),
  });
  const Code = builder.objectRef<EnrolmentCode>("EnrolmentCode").implement({
    fields: (t) => ({ nodeId: t.exposeID("nodeId"), code: t.exposeString("code", { description: "Shown once; the node takes it once." }), expiresAt: t.field({ type: "DateTime", resolve: (code) => code.expiresAt }) }),
  });

  builder.queryFields((t) => ({
    exchangeNode: t.field({ type: NodeType, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => nodes.get(actor, id) }),
    exchangeNodes: t.connection({
      type: NodeType,
      resolve: async (_root, page, { actor }) => {
        const size = pageSize(page);
        const after = decodeCursor(page.after, 1);
        return toConnection(await nodes.list(actor, { limit: size + 1, ...(after === undefined ? {} : { afterName: after[0]! }) }), size, (node) => [node.name]);
      },
    }),
    entryBinding: t.field({ type: BindingType, nullable: true, args: { entryId: t.arg.id() }, resolve: (_root, { entryId }, { actor }) => bindings.find(actor, entryId) }),
    entryBindings: t.connection({
      type: BindingType,
      args: { nodeId: t.arg.id({ required: false }), drifted: t.arg.boolean({ required: false }) },
      resolve: async (_root, { nodeId, drifted, ...page }, { actor }) => {
        const size = pageSize(page);
        const after = decodeCursor(page.after, 1);
        const filter = { limit: size + 1, ...(nodeId == null ? {} : { nodeId }), ...(drifted == null ? {} : { drifted }), ...(after === undefined ? {} : { afterEntryId: after[0]! }) };
        return toConnection(await bindings.list(actor, filter), size, (binding) => [binding.entryId]);
      },
    }),
  }));

  const BindInput = builder.inputType("BindEntryInput", {
    fields: (t) => ({
      entryId: t.id(),
      nodeId: t.id(),
      sourceName: t.string(),
      relation: t.string({ description: "`schema.table`, a view, or a file pattern." }),
      columns: t.field({ type: "JSON", required: false, description: "Item field → column; what is left out has the same name." }),
      updateTimeColumn: t.string({ required: false }),
      options: t.field({ type: "JSON", required: false }),
    }),
  });
  const RouteInputType = builder.inputType("FeedRouteInput", {
    fields: (t) => ({
      consumerOrganisationId: t.id(),
      applicationId: t.id({ required: false }),
      grantId: t.id({ required: false }),
      nodeId: t.id(),
      targetName: t.string({ defaultValue: "default" }),
      schema: t.string({ defaultValue: "landing" }),
      table: t.string({ required: false }),
      trackChanges: t.boolean({ defaultValue: true }),
    }),
  });

  builder.mutationFields((t) => ({
    createEnrolmentCode: t.field({
      type: Code,
      errors: refusals,
      args: { organisationId: t.arg.id(), name: t.arg.string(), validForHours: t.arg.int({ required: false }) },
      resolve: (_root, { organisationId, name, validForHours }, { actor }) => nodes.createEnrolmentCode(actor, { organisationId, name, ...(validForHours == null ? {} : { validForMs: validForHours * 3_600_000 }) }),
    }),
    suspendNode: t.field({ type: NodeType, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => nodes.changeState(actor, id, "suspend", reason) }),
    resumeNode: t.field({ type: NodeType, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => nodes.changeState(actor, id, "resume", reason) }),
    retireNode: t.field({ type: NodeType, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => nodes.changeState(actor, id, "retire", reason) }),
    bindEntry: t.field({
      type: BindingType,
      errors: refusals,
      args: { input: t.arg({ type: BindInput }) },
      resolve: (_root, { input }, { actor }) => {
        const { columns, updateTimeColumn, options, ...rest } = input;
        return bindings.bindEntry(actor, { ...rest, ...(columns == null ? {} : { columns: textMap(columns) }), ...(updateTimeColumn == null ? {} : { updateTimeColumn }), ...(options == null ? {} : { options: options as Record<string, unknown> }) });
      },
    }),
    setFeedRoute: t.field({
      type: RouteType,
      errors: refusals,
      args: { input: t.arg({ type: RouteInputType }) },
      resolve: (_root, { input }, { actor }) => bindings.setRoute(actor, { consumerOrganisationId: input.consumerOrganisationId, nodeId: input.nodeId, target: { name: input.targetName, schema: input.schema, trackChanges: input.trackChanges, ...(input.table == null ? {} : { table: input.table }) }, ...(input.applicationId == null ? {} : { applicationId: input.applicationId }), ...(input.grantId == null ? {} : { grantId: input.grantId }) }),
    }),
  }));

  builder.subscriptionFields((t) => ({
    nodeHealth: t.field({
      type: NodeType,
      description: "Each change of health of a node that the caller may see.",
      args: { nodeId: t.arg.id({ required: false }) },
      subscribe: (_root, { nodeId }, { actor }) =>
        cancellable(async function* (signal) {
          kernel.access.assertAnyScope(actor, "node", "see");
          for await (const event of followEvents(kernel, eventChannel, ["node.health", "node.enrolled"], signal)) {
            if (nodeId != null && event.subjectId !== nodeId) continue;
            const [node] = await nodes.list(actor, { limit: 1, nodeIds: [event.subjectId] });
            if (node) yield node;
          }
        }),
      resolve: (node) => node,
    }),
  }));

  return { ProblemType: Problem };
}

function textMap(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries((value ?? {}) as Record<string, unknown>).map(([key, text]) => [key, String(text)]));
}
