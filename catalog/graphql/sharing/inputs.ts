import type { MaskRule, RowCondition } from "#standards";
import type { ZhengtongSchemaBuilder } from "#platform";
import type { Narrowing, RequestContent } from "../../sharing/request-model.ts";
import type { SharingTypes } from "./types.ts";
import { filled } from "./values.ts";

export type SharingInputs = ReturnType<typeof addSharingInputs>;

export function addSharingInputs(builder: ZhengtongSchemaBuilder, types: SharingTypes) {
  const MaskInput = builder.inputType("FieldMaskInput", { fields: (t) => ({ field: t.string(), rule: t.field({ type: types.MaskRuleEnum }) }) });
  const RequestInput = builder.inputType("SharingRequestInput", {
    description: "A draft may lack anything but the entry; submission names everything that is missing at once.",
    fields: (t) => ({
      entryId: t.id(),
      applicationId: t.id({ required: false }),
      legalBasis: t.string({ required: false }),
      purpose: t.string({ required: false }),
      scene: t.string({ required: false }),
      fields: t.stringList({ required: false }),
      rowCondition: t.field({ type: "JSON", required: false }),
      masks: t.field({ type: [MaskInput], required: false }),
      deliveryMode: t.field({ type: types.DeliveryMode, required: false }),
      frequency: t.field({ type: types.Frequency, required: false }),
      validFrom: t.field({ type: "Date", required: false }),
      validUntil: t.field({ type: "Date", required: false }),
    }),
  });
  const NarrowingInput = builder.inputType("ScopeNarrowingInput", {
    fields: (t) => ({ fields: t.stringList({ required: false }), addedCondition: t.field({ type: "JSON", required: false }), masks: t.field({ type: [MaskInput], required: false }), validUntil: t.field({ type: "Date", required: false }) }),
  });
  const MaterialItemInput = builder.inputType("MaterialItemInput", { fields: (t) => ({ path: t.string({ description: "Pointer into the request, e.g. /legalBasis" }), text: t.string() }) });
  return { RequestInput, NarrowingInput, MaterialItemInput };
}

type MaskList = readonly { field: string; rule: MaskRule }[] | null | undefined;

const masksOf = (masks: MaskList): { masks?: Record<string, MaskRule> } => (masks === null || masks === undefined || masks.length === 0 ? {} : { masks: Object.fromEntries(masks.map(({ field, rule }) => [field, rule])) });

/** The condition's form is checked by the service, by its schema. */
export function toContent({ masks, rowCondition, ...rest }: { entryId: string; masks?: MaskList; rowCondition?: unknown } & { [Name in keyof Omit<RequestContent, "entryId" | "masks" | "rowCondition">]?: RequestContent[Name] | null }): RequestContent {
  return { ...(filled(rest) as RequestContent), ...masksOf(masks), ...(rowCondition === null || rowCondition === undefined ? {} : { rowCondition: rowCondition as RowCondition }) };
}

export function toNarrowing({ fields, addedCondition, masks, validUntil }: { fields?: readonly string[] | null; addedCondition?: unknown; masks?: MaskList; validUntil?: string | null }): Narrowing {
  return {
    ...(fields === null || fields === undefined ? {} : { fields: [...fields] }),
    ...(addedCondition === null || addedCondition === undefined ? {} : { addedCondition: addedCondition as RowCondition }),
    ...masksOf(masks),
    ...(validUntil === null || validUntil === undefined ? {} : { validUntil }),
  };
}
