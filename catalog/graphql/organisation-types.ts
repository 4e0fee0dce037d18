import { NotFoundError, refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import type { Organisation } from "../model/types.ts";
import type { CatalogEnums } from "./enums.ts";
import { filled, toConnection, toPageRequest } from "./sharing/values.ts";

export type OrganisationRef = ReturnType<typeof addOrganisationTypes>;

/** Departments and other bodies. Answers the loadable reference: an id stands for an organisation anywhere. */
export function addOrganisationTypes(builder: ZhengtongSchemaBuilder, { organisations }: Pick<Catalog, "organisations">, enums: CatalogEnums) {
  const Organisation = builder.loadableNodeRef("Organisation", {
    id: { resolve: (organisation: Organisation) => organisation.id },
    load: async (ids: string[], { actor }): Promise<(Organisation | Error)[]> => (await organisations.getMany(actor, ids)).map((organisation, index) => organisation ?? new NotFoundError(`No organisation ${ids[index]}`, { zh: "机构不存在", code: "organisation.not-found" })),
  });
  Organisation.implement({
    description: "A department or other body that provides, manages or uses data.",
    fields: (t) => ({
      name: t.exposeString("name"),
      shortName: t.exposeString("shortName", { nullable: true }),
      kind: t.field({ type: enums.OrganisationKind, resolve: (organisation) => organisation.kind }),
      regionCode: t.exposeString("regionCode", { description: "GB/T 2260" }),
      socialCreditCode: t.exposeString("socialCreditCode", { nullable: true, description: "GB 32100" }),
      departmentNumber: t.exposeInt("departmentNumber"),
      prefix: t.exposeString("prefix", { description: "Resource identifier prefix, GB/T 21063.5" }),
      parentName: t.exposeString("parentName", { nullable: true }),
      address: t.exposeString("address", { nullable: true }),
      contact: t.exposeString("contact", { nullable: true }),
      active: t.exposeBoolean("active"),
    }),
  });

  const Filter = builder.inputType("OrganisationFilter", {
    fields: (t) => ({ kind: t.field({ type: enums.OrganisationKind, required: false }), active: t.boolean({ required: false }), text: t.string({ required: false, description: "Part of the name or short name." }) }),
  });
  const Input = builder.inputType("OrganisationInput", {
    fields: (t) => ({
      name: t.string(),
      kind: t.field({ type: enums.OrganisationKind }),
      regionCode: t.string(),
      shortName: t.string({ required: false }),
      socialCreditCode: t.string({ required: false }),
      parentName: t.string({ required: false }),
      address: t.string({ required: false }),
      contact: t.string({ required: false }),
    }),
  });
  const Changes = builder.inputType("OrganisationChanges", {
    description: "What is absent stays.",
    fields: (t) => ({
      name: t.string({ required: false }),
      kind: t.field({ type: enums.OrganisationKind, required: false }),
      regionCode: t.string({ required: false }),
      shortName: t.string({ required: false }),
      socialCreditCode: t.string({ required: false }),
      parentName: t.string({ required: false }),
      address: t.string({ required: false }),
      contact: t.string({ required: false }),
      active: t.boolean({ required: false }),
    }),
  });

  builder.queryFields((t) => ({
    organisation: t.field({ type: Organisation, nullable: true, args: { id: t.arg.id({ required: false }), name: t.arg.string({ required: false }) }, resolve: async (_root, { id, name }, { actor }) => (id != null ? (await organisations.getMany(actor, [id]))[0] : name != null ? organisations.find(actor, name) : undefined) }),
    organisations: t.connection({
      type: Organisation,
      description: "By department number.",
      args: { filter: t.arg({ type: Filter, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await organisations.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
  }));

  builder.mutationFields((t) => ({
    createOrganisation: t.field({ type: Organisation, errors: refusals, args: { input: t.arg({ type: Input }) }, resolve: (_root, { input }, { actor }) => organisations.create(actor, filled(input)) }),
    changeOrganisation: t.field({ type: Organisation, errors: refusals, args: { id: t.arg.id(), changes: t.arg({ type: Changes }) }, resolve: (_root, { id, changes }, { actor }) => organisations.change(actor, id, filled(changes)) }),
  }));
  return Organisation;
}
