import { NotFoundError, refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import type { SharedItem } from "../data-elements/collection-repository.ts";
import type { DataElementSuggestion, RegisteredDataElement } from "../data-elements/data-element-model.ts";
import type { EntryTypes } from "./entry-objects.ts";
import type { CatalogEnums } from "./enums.ts";
import type { OrganisationRef } from "./organisation-types.ts";
import { filled, toConnection, toPageRequest } from "./sharing/values.ts";

export type DataElementRef = ReturnType<typeof addDataElementObject>;

/** The registry's object; an identifier stands for a data element anywhere. */
export function addDataElementObject(builder: ZhengtongSchemaBuilder, { dataElements }: Pick<Catalog, "dataElements">, enums: CatalogEnums, Organisation: OrganisationRef) {
  const DataElement = builder.loadableObjectRef("DataElement", {
    load: async (identifiers: string[], { actor }): Promise<(RegisteredDataElement | Error)[]> => (await dataElements.getMany(actor, identifiers)).map((element, index) => element ?? new NotFoundError(`No data element ${identifiers[index]}`, { zh: "数据元不存在", code: "data-element.not-found" })),
  });
  DataElement.implement({
    description: "数据元 (GB/T 18391)",
    fields: (t) => ({
      identifier: t.exposeString("identifier"),
      name: t.exposeString("name"),
      englishName: t.exposeString("englishName", { nullable: true }),
      definition: t.exposeString("definition", { nullable: true }),
      objectClass: t.exposeString("objectClass"),
      property: t.exposeString("property"),
      representation: t.exposeString("representation"),
      type: t.field({ type: enums.ItemType, resolve: (element) => element.type }),
      length: t.exposeInt("length", { nullable: true }),
      codeSet: t.exposeString("codeSet", { nullable: true }),
      format: t.field({ type: enums.ItemFormat, nullable: true, resolve: (element) => element.format }),
      synonyms: t.stringList({ resolve: (element) => element.synonyms ?? [] }),
      authority: t.field({ type: Organisation, nullable: true, description: "The one source (一数一源).", resolve: (element) => element.authorityOrganisationId }),
      version: t.exposeString("version"),
      status: t.field({ type: enums.DataElementStatus, resolve: (element) => element.status }),
      replacedBy: t.exposeString("replacedBy", { nullable: true }),
    }),
  });
  return DataElement;
}

/** Queries and mutations of the registry and of what several departments collect. */
export function addDataElementTypes(builder: ZhengtongSchemaBuilder, { dataElements, collections }: Pick<Catalog, "dataElements" | "collections">, enums: CatalogEnums, Organisation: OrganisationRef, DataElement: DataElementRef, { ItemCollector }: EntryTypes): void {
  const Suggestion = builder.objectRef<DataElementSuggestion>("DataElementSuggestion").implement({
    fields: (t) => ({ element: t.field({ type: DataElement, resolve: (suggestion) => suggestion.identifier }), score: t.exposeFloat("score", { description: "0 to 1" }), reason: t.string({ resolve: (suggestion) => suggestion.reason }) }),
  });
  const Suggested = builder.objectRef<{ name: string; suggestions: DataElementSuggestion[] }>("ItemSuggestions").implement({
    fields: (t) => ({ name: t.exposeString("name"), suggestions: t.field({ type: [Suggestion], resolve: (item) => item.suggestions }) }),
  });
  const Shared = builder.objectRef<SharedItem>("SharedItem").implement({
    description: "An item that several departments collect.",
    fields: (t) => ({
      key: t.exposeString("key"),
      name: t.exposeString("name"),
      dataElement: t.field({ type: DataElement, nullable: true, resolve: (item) => item.dataElement }),
      authority: t.field({ type: Organisation, nullable: true, resolve: (item) => item.authorityOrganisationId }),
      departments: t.exposeInt("departments"),
      entries: t.exposeInt("entries"),
      collectors: t.field({ type: [ItemCollector], resolve: (item, _args, { actor }) => collections.collectors(actor, item.key) }),
    }),
  });
  const Filter = builder.inputType("DataElementFilter", { fields: (t) => ({ status: t.field({ type: enums.DataElementStatus, required: false }), text: t.string({ required: false }), authorityOrganisationId: t.id({ required: false }) }) });
  const Subject = builder.inputType("SuggestionSubject", { fields: (t) => ({ name: t.string(), field: t.string({ required: false }), type: t.field({ type: enums.ItemType, required: false }), format: t.field({ type: enums.ItemFormat, required: false }) }) });
  const Input = builder.inputType("DataElementInput", {
    fields: (t) => ({
      name: t.string(),
      objectClass: t.string(),
      property: t.string(),
      representation: t.string(),
      type: t.field({ type: enums.ItemType }),
      length: t.int({ required: false }),
      format: t.field({ type: enums.ItemFormat, required: false }),
      synonyms: t.stringList({ required: false }),
      englishName: t.string({ required: false }),
      definition: t.string({ required: false }),
      codeSet: t.string({ required: false }),
      authority: t.string({ required: false, description: "Name of the organisation that is the one source." }),
    }),
  });
  const Changes = builder.inputType("DataElementChanges", {
    description: "What is absent stays. Of a standard element the name, type and value domain cannot change.",
    fields: (t) => ({
      name: t.string({ required: false }),
      type: t.field({ type: enums.ItemType, required: false }),
      length: t.int({ required: false }),
      format: t.field({ type: enums.ItemFormat, required: false }),
      synonyms: t.stringList({ required: false }),
      englishName: t.string({ required: false }),
      definition: t.string({ required: false }),
      codeSet: t.string({ required: false }),
      authority: t.string({ required: false }),
    }),
  });

  builder.queryFields((t) => ({
    dataElement: t.field({ type: DataElement, nullable: true, args: { identifier: t.arg.string() }, resolve: async (_root, { identifier }, { actor }) => (await dataElements.getMany(actor, [identifier]))[0] }),
    dataElements: t.connection({ type: DataElement, args: { filter: t.arg({ type: Filter, required: false }) }, resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await dataElements.list(actor, filled(filter ?? {}), toPageRequest(page))) }),
    suggestDataElements: t.field({
      type: [Suggested],
      description: "For each item the elements that it could be, the likeliest first.",
      args: { items: t.arg({ type: [Subject] }), limit: t.arg.int({ defaultValue: 5 }) },
      resolve: async (_root, { items, limit }, { actor }) => (await dataElements.suggest(actor, items.map((item) => filled(item)), Math.min(Math.max(limit, 1), 20))).map((suggestions, index) => ({ name: items[index]!.name, suggestions })),
    }),
    sharedItems: t.connection({
      type: Shared,
      description: "Items that at least so many departments collect, the most collected first.",
      args: { minimumDepartments: t.arg.int({ defaultValue: 2 }), organisationId: t.arg.id({ required: false }) },
      resolve: async (_root, { minimumDepartments, organisationId, ...page }, { actor }) => toConnection(await collections.sharedItems(actor, { minimumDepartments, ...filled({ organisationId }) }, toPageRequest(page))),
    }),
  }));

  builder.mutationFields((t) => ({
    proposeDataElement: t.field({ type: DataElement, errors: refusals, args: { input: t.arg({ type: Input }) }, resolve: (_root, { input }, { actor }) => dataElements.propose(actor, filled(input)) }),
    changeDataElement: t.field({ type: DataElement, errors: refusals, args: { identifier: t.arg.string(), changes: t.arg({ type: Changes }) }, resolve: (_root, { identifier, changes }, { actor }) => dataElements.change(actor, identifier, filled(changes)) }),
    standardiseDataElement: t.field({ type: DataElement, errors: refusals, args: { identifier: t.arg.string() }, resolve: (_root, { identifier }, { actor }) => dataElements.standardise(actor, identifier) }),
    retireDataElement: t.field({ type: DataElement, errors: refusals, args: { identifier: t.arg.string(), reason: t.arg.string(), replacedBy: t.arg.string({ required: false }) }, resolve: (_root, { identifier, reason, replacedBy }, { actor }) => dataElements.retire(actor, identifier, { reason, ...filled({ replacedBy }) }) }),
  }));
}
