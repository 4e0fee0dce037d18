import type { DataItem } from "#standards";
import { NotFoundError, type ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import type { Collector } from "../data-elements/collection-repository.ts";
import type { DuplicateItem } from "../data-elements/collection-service.ts";
import type { ChangeRequest } from "../entries/change-request-repository.ts";
import type { ChecklistItem, Completeness } from "../entries/completeness.ts";
import type { ChangeReason, ContentDiff, ItemChange, MemberChange } from "../entries/content-diff.ts";
import type { EntryHistoryRecord, EntryVersion } from "../entries/entry-version-repository.ts";
import type { Entry } from "../model/types.ts";
import type { CatalogEnums } from "./enums.ts";
import type { DataElementRef } from "./data-element-types.ts";
import type { OrganisationRef } from "./organisation-types.ts";

export type EntryServices = Pick<Catalog, "entries" | "changeRequests" | "collections">;
export type EntryTypes = ReturnType<typeof addEntryObjects>;

/** Entries and what belongs to them; queries and mutations stand in entry-types.ts. */
export function addEntryObjects(builder: ZhengtongSchemaBuilder, { entries, changeRequests, collections }: EntryServices, enums: CatalogEnums, Organisation: OrganisationRef, DataElement: DataElementRef) {
  const { IssueType } = builder.refs;

  const Item = builder.objectRef<DataItem>("DataItem").implement({
    description: "信息项: one field of an entry.",
    fields: (t) => ({
      name: t.exposeString("name"),
      field: t.exposeString("field"),
      type: t.field({ type: enums.ItemType, resolve: (item) => item.type }),
      length: t.exposeInt("length", { nullable: true }),
      scale: t.exposeInt("scale", { nullable: true }),
      required: t.boolean({ resolve: (item) => item.required ?? false }),
      key: t.boolean({ resolve: (item) => item.key ?? false }),
      codeSet: t.exposeString("codeSet", { nullable: true }),
      format: t.field({ type: enums.ItemFormat, nullable: true, resolve: (item) => item.format }),
      sensitivity: t.field({ type: enums.Sensitivity, nullable: true, resolve: (item) => item.sensitivity }),
      personal: t.boolean({ resolve: (item) => item.personal ?? false }),
      dataElement: t.field({ type: DataElement, nullable: true, resolve: (item) => item.dataElement }),
      definition: t.exposeString("definition", { nullable: true }),
    }),
  });

  const Reason = builder.objectRef<ChangeReason>("ChangeReason").implement({ fields: (t) => ({ path: t.exposeString("path"), message: t.exposeString("message"), zh: t.exposeString("zh") }) });
  const Member = builder.objectRef<MemberChange>("MemberChange").implement({
    fields: (t) => ({
      path: t.exposeString("path"),
      label: t.exposeString("label", { description: "The member's name as forms show it." }),
      kind: t.field({ type: enums.DifferenceKind, resolve: (change) => change.kind }),
      before: t.field({ type: "JSON", nullable: true, resolve: (change) => change.before }),
      after: t.field({ type: "JSON", nullable: true, resolve: (change) => change.after }),
    }),
  });
  const ItemDifference = builder.objectRef<ItemChange>("ItemChange").implement({
    fields: (t) => ({ field: t.exposeString("field"), name: t.exposeString("name"), kind: t.field({ type: enums.DifferenceKind, resolve: (change) => change.kind }), changes: t.field({ type: [Member], resolve: (change) => change.changes }) }),
  });
  const Diff = builder.objectRef<ContentDiff>("EntryDiff").implement({
    description: "What differs between two contents of an entry, and whether a consumer of the first can read the second.",
    fields: (t) => ({
      kind: t.field({ type: enums.ChangeKind, resolve: (diff) => diff.kind }),
      reasons: t.field({ type: [Reason], resolve: (diff) => diff.reasons }),
      members: t.field({ type: [Member], resolve: (diff) => diff.members }),
      items: t.field({ type: [ItemDifference], resolve: (diff) => diff.items }),
    }),
  });

  const Check = builder.objectRef<ChecklistItem>("ChecklistItem").implement({
    fields: (t) => ({ path: t.exposeString("path"), weight: t.exposeInt("weight"), done: t.exposeBoolean("done"), message: t.exposeString("message"), zh: t.exposeString("zh") }),
  });
  const CompletenessRef = builder.objectRef<Completeness>("Completeness").implement({
    fields: (t) => ({ score: t.exposeInt("score", { description: "0 to 100" }), items: t.field({ type: [Check], resolve: (completeness) => completeness.checklist }) }),
  });

  const History = builder.objectRef<EntryHistoryRecord>("EntryHistoryRecord").implement({
    fields: (t) => ({
      action: t.exposeString("action"),
      fromState: t.field({ type: enums.EntryState, nullable: true, resolve: (record) => record.fromState }),
      toState: t.field({ type: enums.EntryState, resolve: (record) => record.toState }),
      at: t.field({ type: "DateTime", resolve: (record) => record.at }),
      actorId: t.exposeID("actorId"),
      actorName: t.exposeString("actorName", { nullable: true }),
      reason: t.exposeString("reason", { nullable: true }),
      issues: t.field({ type: [IssueType], description: "On a return: everything to put right.", resolve: (record) => record.issues }),
      version: t.exposeString("version"),
      changeId: t.id({ nullable: true, resolve: (record) => record.changeRequestId }),
    }),
  });
  const Version = builder.objectRef<EntryVersion>("EntryVersion").implement({
    fields: (t) => ({
      version: t.exposeString("version"),
      kind: t.field({ type: enums.ChangeKind, resolve: (version) => version.changeKind }),
      reasons: t.field({ type: [Reason], resolve: (version) => version.changeReasons }),
      publishedAt: t.field({ type: "DateTime", resolve: (version) => version.publishedAt }),
      content: t.field({ type: "JSON", resolve: (version) => version.content }),
    }),
  });

  const Change = builder.objectRef<ChangeRequest>("EntryChange").implement({
    description: "A held edit of a published entry; the published version stays up until it is approved.",
    fields: (t) => ({
      id: t.exposeID("id"),
      entry: t.field({ type: EntryRef, resolve: (change) => change.entryId }),
      baseVersion: t.exposeString("baseVersion"),
      resultVersion: t.exposeString("resultVersion", { nullable: true }),
      state: t.field({ type: enums.EntryChangeState, resolve: (change) => change.state }),
      waitingFor: t.field({ type: enums.WaitingFor, nullable: true, resolve: (change) => change.waitingFor }),
      reason: t.exposeString("reason"),
      content: t.field({ type: "JSON", resolve: (change) => change.content }),
      diff: t.field({ type: Diff, resolve: (change, _args, { actor }) => changeRequests.diff(actor, change.id) }),
      createdAt: t.field({ type: "DateTime", resolve: (change) => change.createdAt }),
      updatedAt: t.field({ type: "DateTime", resolve: (change) => change.updatedAt }),
      submittedAt: t.field({ type: "DateTime", nullable: true, resolve: (change) => change.submittedAt }),
      decidedAt: t.field({ type: "DateTime", nullable: true, resolve: (change) => change.decidedAt }),
    }),
  });

  const CollectorRef = builder.objectRef<Collector>("ItemCollector").implement({
    fields: (t) => ({ organisation: t.field({ type: Organisation, resolve: (collector) => collector.organisationId }), entryId: t.exposeID("entryId"), title: t.exposeString("title"), field: t.exposeString("field"), name: t.exposeString("name") }),
  });
  const Duplicate = builder.objectRef<DuplicateItem>("DuplicateItem").implement({
    description: "An item that other departments collect as well (条例 art. 19: nothing is collected twice).",
    fields: (t) => ({
      field: t.exposeString("field"),
      name: t.exposeString("name"),
      dataElement: t.field({ type: DataElement, nullable: true, resolve: (duplicate) => duplicate.dataElement }),
      authority: t.field({ type: Organisation, nullable: true, description: "The one source (一数一源), when the registry knows it.", resolve: (duplicate) => duplicate.authorityOrganisationId }),
      collectors: t.field({ type: [CollectorRef], resolve: (duplicate) => duplicate.collectors }),
    }),
  });

  const EntryRef = builder.loadableNodeRef("Entry", {
    id: { resolve: (entry: Entry) => entry.id },
    load: async (ids: string[], { actor }): Promise<(Entry | Error)[]> => (await entries.getMany(actor, ids)).map((entry, index) => entry ?? new NotFoundError(`No entry ${ids[index]} that you may see`, { zh: "对象不存在或无权查看", code: "entry.not-found" })),
  });
  EntryRef.implement({
    description: "目录条目: what a department says of one information resource.",
    fields: (t) => ({
      code: t.exposeString("code", { description: "信息资源代码, 发改高技〔2017〕1272号" }),
      resourceId: t.exposeString("resourceId", { description: "GB/T 21063.5" }),
      organisation: t.field({ type: Organisation, resolve: (entry) => entry.organisationId }),
      state: t.field({ type: enums.EntryState, resolve: (entry) => entry.state }),
      waitingFor: t.field({ type: enums.WaitingFor, nullable: true, resolve: (entry) => entry.waitingFor }),
      version: t.exposeString("version"),
      title: t.string({ resolve: ({ content }) => content.title }),
      abstract: t.string({ resolve: ({ content }) => content.abstract }),
      keywords: t.stringList({ resolve: ({ content }) => content.keywords ?? [] }),
      themeCodes: t.stringList({ resolve: ({ content }) => content.themeCodes }),
      industryCodes: t.stringList({ resolve: ({ content }) => content.industryCodes ?? [] }),
      guideCategory: t.string({ nullable: true, resolve: ({ content }) => content.guideCategory }),
      formatClass: t.field({ type: enums.FormatClass, resolve: ({ content }) => content.format.class }),
      formatTypes: t.stringList({ resolve: ({ content }) => content.format.types }),
      sharingType: t.field({ type: enums.SharingType, resolve: ({ content }) => content.sharingType }),
      sharingCondition: t.string({ nullable: true, resolve: ({ content }) => content.sharingCondition }),
      refusalBasis: t.string({ nullable: true, resolve: ({ content }) => content.refusalBasis }),
      sharingMethod: t.field({ type: [enums.SharingMethod], resolve: ({ content }) => content.sharingMethod }),
      useConditions: t.string({ nullable: true, resolve: ({ content }) => content.useConditions }),
      reviewBody: t.boolean({ resolve: ({ content }) => content.reviewBody ?? false }),
      open: t.boolean({ resolve: ({ content }) => content.open }),
      updateCycle: t.field({ type: enums.UpdateCycle, resolve: ({ content }) => content.updateCycle }),
      sensitivity: t.field({ type: enums.Sensitivity, resolve: ({ content }) => content.sensitivity }),
      items: t.field({ type: [Item], resolve: ({ content }) => content.items ?? [] }),
      content: t.field({ type: "JSON", description: "Everything, by the schema catalog-entry.", resolve: (entry) => entry.content }),
      completeness: t.exposeInt("completeness", { description: "0 to 100" }),
      checklist: t.field({ type: CompletenessRef, resolve: (entry, _args, { actor }) => entries.completeness(actor, entry.id) }),
      createdAt: t.field({ type: "DateTime", resolve: (entry) => entry.createdAt }),
      updatedAt: t.field({ type: "DateTime", resolve: (entry) => entry.updatedAt }),
      publishedAt: t.field({ type: "DateTime", nullable: true, resolve: (entry) => entry.publishedAt }),
      issues: t.field({ type: [IssueType], nullable: true, description: "What stands between a draft and its submission; for those who may edit it.", resolve: (entry, _args, { actor }) => (entry.state === "draft" ? entries.check(actor, entry.organisationId, entry.content, entry.id) : []) }),
      versions: t.field({ type: [Version], description: "Newest first.", resolve: (entry, _args, { actor }) => changeRequests.versions(actor, entry.id) }),
      diff: t.field({ type: Diff, args: { from: t.arg.string(), to: t.arg.string() }, resolve: (entry, { from, to }, { actor }) => changeRequests.diffVersions(actor, entry.id, from, to) }),
      history: t.field({ type: [History], nullable: true, description: "For those who see the work on it.", resolve: (entry, _args, { actor }) => entries.history(actor, entry.id) }),
      changes: t.field({ type: [Change], description: "The last 50 held changes.", resolve: async (entry, _args, { actor }) => (await changeRequests.list(actor, { entryId: entry.id }, { first: 50 })).rows }),
      duplicates: t.field({ type: [Duplicate], resolve: (entry, _args, { actor }) => collections.duplicates(actor, entry.id) }),
    }),
  });

  return { Entry: EntryRef, EntryChange: Change, EntryDiff: Diff, ItemCollector: CollectorRef, Item };
}
