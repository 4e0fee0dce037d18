import type { ZhengtongSchemaBuilder } from "#platform";
import type { BaseDatabases } from "../base-databases.ts";
import type { Lifecycle, LifecycleEvent, LifecycleSourceOutcome } from "../lifecycle/lifecycle.ts";
import type { GoldenField, GoldenRecord, RivalValue, ValueSource } from "../record-store/golden.ts";
import type { SharedTypes } from "./values.ts";

/** Golden records with provenance, and timelines. */
export function addRecordTypes(builder: ZhengtongSchemaBuilder, bases: BaseDatabases, { BaseEnum, Title }: SharedTypes): void {
  const Source = builder.objectRef<ValueSource>("ValueSource").implement({
    description: "Who says a value: a department's row, or the number itself (no role).",
    fields: (t) => ({
      role: t.exposeString("role", { nullable: true }),
      title: t.field({ type: Title, resolve: (source) => source.title }),
      organisationId: t.exposeID("organisationId", { nullable: true }),
      rowKey: t.exposeString("rowKey", { nullable: true }),
      time: t.exposeString("time", { nullable: true, description: "Of when the source says it is." }),
    }),
  });
  const Rival = builder.objectRef<RivalValue>("RivalValue").implement({
    description: "What another source says, where it differs after normalisation.",
    fields: (t) => ({
      value: t.exposeString("value"),
      source: t.field({ type: Source, resolve: (rival) => rival }),
      contradictionId: t.id({ nullable: true, resolve: (rival) => rival.contradiction?.id }),
      contradictionOpen: t.boolean({ nullable: true, resolve: (rival) => (rival.contradiction ? rival.contradiction.state === "open" : undefined) }),
      correctionId: t.id({ nullable: true, resolve: (rival) => rival.contradiction?.correctionId }),
    }),
  });
  const Field = builder.objectRef<GoldenField>("GoldenField").implement({
    fields: (t) => ({
      name: t.exposeString("name"),
      title: t.field({ type: Title, resolve: (field) => field.title }),
      basic: t.exposeBoolean("basic"),
      unit: t.exposeString("unit", { nullable: true }),
      value: t.exposeString("value", { nullable: true }),
      withheld: t.exposeBoolean("withheld", { description: "There is a value, and the caller may not see what its source says." }),
      masked: t.exposeBoolean("masked"),
      source: t.field({ type: Source, nullable: true, resolve: (field) => field.source }),
      rivals: t.field({ type: [Rival], complexity: { field: 1, multiplier: 1 }, resolve: (field) => field.rivals }),
    }),
  });
  const Fault = builder.objectRef<GoldenRecord["faults"][number]>("GoldenFault").implement({
    description: "A source's value that cannot be right, or cannot be read.",
    fields: (t) => ({ field: t.exposeString("field"), source: t.field({ type: Source, resolve: (fault) => fault.source }), value: t.exposeString("value"), rule: t.exposeString("rule"), expected: t.exposeString("expected", { nullable: true }) }),
  });
  const Golden = builder.objectRef<GoldenRecord>("GoldenRecord").implement({
    description: "主记录: one person or firm, each value from the source of highest authority, with its source, time and rivals.",
    fields: (t) => ({
      id: t.id({ resolve: (record) => record.recordId }),
      base: t.field({ type: BaseEnum, resolve: (record) => record.base }),
      key: t.exposeString("key"),
      updatedAt: t.field({ type: "DateTime", resolve: (record) => record.updatedAt }),
      changeSequence: t.exposeFloat("changeSequence"),
      fields: t.field({ type: [Field], complexity: { field: 5, multiplier: 10 }, resolve: (record) => record.fields }),
      sources: t.field({ type: [Source], complexity: { field: 1, multiplier: 5 }, resolve: (record) => record.sources }),
      faults: t.field({ type: [Fault], complexity: { field: 1, multiplier: 2 }, resolve: (record) => record.faults }),
    }),
  });

  const Detail = builder.objectRef<LifecycleEvent["details"][number]>("LifecycleDetail").implement({ fields: (t) => ({ column: t.exposeString("column"), value: t.exposeString("value"), masked: t.exposeBoolean("masked") }) });
  const Event = builder.objectRef<LifecycleEvent>("LifecycleEvent").implement({
    fields: (t) => ({
      date: t.exposeString("date", { description: "YYYY-MM-DD; YYYY-MM for spans of months; YYYY where the grant masks the day." }),
      until: t.exposeString("until", { nullable: true }),
      kind: t.exposeString("kind"),
      title: t.field({ type: Title, resolve: (event) => event.title }),
      role: t.exposeString("role"),
      sourceTitle: t.field({ type: Title, resolve: (event) => event.sourceTitle }),
      organisationId: t.exposeID("organisationId"),
      grantId: t.exposeID("grantId", { nullable: true }),
      rowKey: t.exposeString("rowKey", { nullable: true }),
      rows: t.exposeInt("rows"),
      assignedByLikeness: t.boolean({ resolve: (event) => event.assignedBy === "likeness" }),
      details: t.field({ type: [Detail], complexity: { field: 1, multiplier: 2 }, resolve: (event) => event.details }),
    }),
  });
  const Outcome = builder.objectRef<LifecycleSourceOutcome>("LifecycleSource").implement({ fields: (t) => ({ role: t.exposeString("role"), title: t.field({ type: Title, resolve: (source) => source.title }), outcome: t.exposeString("outcome", { description: "shown, nothing, refused or not-available." }), truncated: t.exposeBoolean("truncated") }) });
  const LifecycleType = builder.objectRef<Lifecycle>("Lifecycle").implement({
    description: "生命周期: everything that any department granted to the caller about one person or firm, oldest first.",
    fields: (t) => ({ base: t.field({ type: BaseEnum, resolve: (life) => life.base }), key: t.exposeString("key"), events: t.field({ type: [Event], complexity: { field: 10, multiplier: 20 }, resolve: (life) => life.events }), sources: t.field({ type: [Outcome], complexity: { field: 1, multiplier: 10 }, resolve: (life) => life.sources }) }),
  });

  builder.queryFields((t) => ({
    goldenRecord: t.field({ type: Golden, args: { base: t.arg({ type: BaseEnum }), key: t.arg.string() }, resolve: (_root, { base, key }, { actor }) => bases.getGolden(actor, base, key) }),
    lifecycle: t.field({ type: LifecycleType, complexity: 50, args: { base: t.arg({ type: BaseEnum }), key: t.arg.string(), purpose: t.arg.string({ description: "What the answer is needed for; kept in the audit log." }) }, resolve: (_root, query, { actor }) => bases.lifecycle(actor, query) }),
  }));
}
